//! Our own log: what the process does, to stderr.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::io::{self, IsTerminal};
use std::thread;

use anyhow::Context;
use clap::ValueEnum;
use tracing_subscriber::EnvFilter;

/// How the log looks and how much it says.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(crate) struct Args {
    /// What to log: error, warn, info, debug or trace, and `target=level` for parts.
    #[arg(long, value_name = "FILTER", default_value = "info", env = "HEADGATE_LOG")]
    log: String,
    /// How log lines look.
    #[arg(long, value_name = "FORMAT", default_value = "text", env = "HEADGATE_LOG_FORMAT")]
    log_format: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Json,
}

/// The Kubernetes client reports each try that fails, and `notify` each folder that is gone; we say
/// once what is so, and when it no longer is. A filter that names one of these has it back.
const QUIET: &str = "kube_client=off,kube_runtime=off,notify=error";

/// Sets the log up for the process, panics included; call it once.
pub(crate) fn start(args: &Args) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(format!("{QUIET},{}", args.log))
        .with_context(|| format!("--log {:?} is no filter; try `info`", args.log))?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    let builder = builder.with_ansi(io::stderr().is_terminal());
    match args.log_format {
        Format::Text => builder.init(),
        Format::Json => builder.json().init(),
    }
    std::panic::set_hook(Box::new(|panic| {
        let thread = thread::current();
        let thread = thread.name().unwrap_or("unnamed");
        let backtrace = Backtrace::capture();
        let backtrace = (backtrace.status() == BacktraceStatus::Captured).then_some(backtrace);
        let backtrace = backtrace.map(|backtrace| backtrace.to_string());
        tracing::error!(thread, backtrace, "this is a bug, please report it: {panic}");
    }));
    Ok(())
}
