//! Our own log: what the process does, to stderr.

use std::io::{self, IsTerminal};

use anyhow::Context;
use clap::ValueEnum;
use tracing_subscriber::EnvFilter;

/// How the log looks and how much it says.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(crate) struct Args {
    /// What to log: error, warn, info, debug or trace, and `target=level` for parts.
    #[arg(long, value_name = "FILTER", default_value = "info,notify=error", env = "HEADGATE_LOG")]
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

/// The Kubernetes client reports each try that fails; we say once what is so, and when it no longer
/// is. A filter that names one of these has it back.
const QUIET: &str = "kube_client=off,kube_runtime=off";

/// Sets the log up for the process; call it once.
pub(crate) fn start(args: &Args) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(format!("{QUIET},{}", args.log))
        .with_context(|| format!("--log {:?} is no filter; try `info`", args.log))?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    let builder = builder.with_ansi(io::stderr().is_terminal());
    match args.log_format {
        Format::Text => builder.init(),
        Format::Json => builder.json().init(),
    }
    Ok(())
}
