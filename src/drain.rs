//! `headgate drain`: take a backend out, and return when nothing is in flight to it.

pub(crate) mod answer;
mod call;
mod report;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use http::Method;
use snapshot::DrainKey;

use crate::{admin_client, duration};

use call::{Call, Gateways};

/// Take a backend out, and return when no request, stream or tunnel to it is left.
#[derive(Debug, clap::Args)]
#[command(
    after_long_help = "Examples:
  headgate drain 10.0.0.7
  headgate drain 10.0.0.7:8080 --timeout 1m
  headgate drain --undo 10.0.0.7
  headgate drain --list
  headgate drain --self --gateway http://headgate-drain.headgate-system:9902 --timeout 25s

The address takes nothing new from then on, also where it is a backend's last: requests wait for
another one. At the timeout, gRPC streams end with UNAVAILABLE and WebSockets with 1001; plain
requests are left alone. The drain stands until it is undone or the pod is gone; asking twice is
asking once. --gateway names a Service: every address behind the name is asked, and all must agree.

Exit codes: 0 nothing is in flight, 1 something is (and what), or nobody could be asked, 2 the
command line is wrong.",
    group = clap::ArgGroup::new("whom").required(true).args(["address", "own", "list"])
)]
pub(crate) struct Args {
    /// Address of the pod, with or without a port; without one, every port.
    #[arg(value_name = "ADDR[:PORT]")]
    address: Option<DrainKey>,
    /// Drain the address that this call comes from: what a pod's preStop hook does.
    #[arg(long = "self")]
    own: bool,
    /// List what is drained.
    #[arg(long, conflicts_with_all = ["undo", "timeout"])]
    list: bool,
    /// Take a drain back.
    #[arg(long, conflicts_with = "timeout")]
    undo: bool,
    /// How long to wait, 1s to 1h.
    #[arg(
        long,
        value_name = "TIME",
        default_value = "30s",
        value_parser = duration::parse,
        env = "HEADGATE_TIMEOUT"
    )]
    timeout: Duration,
    /// Drain listener of the gateway, by address or by name.
    #[arg(long, value_name = "URL", env = "HEADGATE_GATEWAY", conflicts_with = "admin")]
    gateway: Option<Gateways>,
    /// Admin address of the running gateway, where no --gateway is given [default:
    /// 127.0.0.1:9900].
    #[arg(long, value_name = "ADDR", value_parser = admin_client::address, env = "HEADGATE_ADMIN")]
    admin: Option<std::net::SocketAddr>,
    /// File with a token that lets us drain others; ours own address needs none.
    #[arg(long, value_name = "FILE", env = "HEADGATE_TOKEN_FILE")]
    token_file: Option<PathBuf>,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(drain(args))
}

async fn drain(args: &Args) -> anyhow::Result<ExitCode> {
    let token = args.token_file.as_ref().map(|path| {
        let read = std::fs::read_to_string(path);
        read.with_context(|| format!("--token-file {} cannot be read", path.display()))
    });
    let method = match args {
        Args { list: true, .. } => Method::GET,
        Args { undo: true, .. } => Method::DELETE,
        _ => Method::POST,
    };
    let call = Call {
        path: path(args, &method),
        token: token.transpose()?.map(|token| token.trim().to_owned()),
        // The gateway answers at the timeout, or when what it cuts then is gone.
        patience: args.timeout,
        method,
    };
    let default = || Gateways::from(args.admin.unwrap_or(admin_client::DEFAULT));
    let gateways = args.gateway.clone().unwrap_or_else(default);
    let addresses = gateways.resolve().await?;
    let calls = addresses.iter().map(|address| async { (*address, call.make(*address).await) });
    let answers = futures::future::join_all(calls).await;
    Ok(report::report(&answers, args.own))
}

fn path(args: &Args, method: &Method) -> String {
    let whom = match args.address {
        Some(address) => format!("address={address}"),
        None if args.own => "self".to_owned(),
        None => return "/v1/drain".to_owned(),
    };
    if *method == Method::POST {
        format!("/v1/drain?{whom}&timeout={}ms", args.timeout.as_millis())
    } else {
        format!("/v1/drain?{whom}")
    }
}
