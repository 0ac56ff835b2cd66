//! `headgate run`: everything in one process.
//!
//! Owns every task and thread of it: the source, the gateway's workers, the admin server, the
//! writer of the access log. The first SIGTERM or SIGINT ends them without losing a request, the
//! second one at once; so does a new process that takes over, with more time.

mod admin;
mod control;
mod drain;
mod end;
mod feed;
mod service;
mod source;
mod succession;
mod views;
mod watcher;

use std::io;
use std::net::IpAddr;
use std::num::NonZeroUsize;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use clap::ValueEnum;
use config_watcher::drains::Drains;
use config_watcher::translate::Options;
use gateway::Gateway;
use gateway::admin::Readiness;
use gateway::handover::Purpose;
use gateway::settings::Settings;
use gateway::telemetry::{AccessLog, LogFlusher, LogFormat, Telemetry};
use ipnet::IpNet;
use snapshot::Version;
use tokio::sync::watch;

use crate::live::Live;
use crate::signals::Signals;
use crate::{duration, logs};

use admin::AdminAddress;
use drain::{Access, Desk};
use end::End;
use feed::Feed;
use service::ServiceManager;
use succession::Succession;
use watcher::Watcher;

/// One for the admin server and the source each; traffic has threads of its own.
const CONTROL_THREADS: usize = 2;
/// A reader of the access log that is stuck does not hold up our end.
const LOG_FLUSH: Duration = Duration::from_secs(2);

/// Serve what Gateway API objects say, and follow every change to them.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "Examples:
  headgate run --manifests ./gateway
  headgate run --manifests ./gateway --admin 127.0.0.1:9901 --access-log json
  headgate run --kubeconfig ~/.kube/config --address-pool 10.97.0.0/24
  headgate run --manifests ./gateway --handover /run/headgate/handover.sock
  HEADGATE_MANIFESTS=/etc/headgate headgate run

SIGTERM or SIGINT ends it: /readyz says no, requests are served for --pre-drain while load
balancers turn away, then what runs is finished. A second signal ends it at once.")]
pub(crate) struct Args {
    #[command(flatten)]
    source: source::Args,
    /// Where health, metrics and views are served, read-only; `off` for nowhere.
    #[arg(
        long,
        value_name = "ADDR",
        default_value = "127.0.0.1:9900",
        value_parser = AdminAddress::parse,
        env = "HEADGATE_ADMIN"
    )]
    admin: AdminAddress,
    /// One line for each request, on stdout.
    #[arg(long, value_name = "FORMAT", default_value = "text", env = "HEADGATE_ACCESS_LOG")]
    access_log: AccessLogFormat,
    /// Threads that serve traffic [default: one per core].
    #[arg(long, value_name = "N", env = "HEADGATE_WORKERS")]
    workers: Option<NonZeroUsize>,
    /// How long connections are still taken after SIGTERM [default: 15s].
    #[arg(long, value_name = "TIME", value_parser = duration::parse, env = "HEADGATE_PRE_DRAIN")]
    pre_drain: Option<Duration>,
    /// How long after SIGTERM what still runs is cut [default: 25s].
    #[arg(long, value_name = "TIME", value_parser = duration::parse, env = "HEADGATE_DEADLINE")]
    deadline: Option<Duration>,
    #[command(flatten)]
    drain: drain::Args,
    #[command(flatten)]
    succession: succession::Args,
    /// How long after a new process took over what still runs in the old one is cut [default: 1h].
    #[arg(
        long,
        value_name = "TIME",
        value_parser = duration::parse,
        env = "HEADGATE_UPGRADE_DEADLINE"
    )]
    upgrade_deadline: Option<Duration>,
    /// Addresses for Gateways: each gets its own and binds its listeners there.
    #[arg(long, value_name = "CIDR", env = "HEADGATE_ADDRESS_POOL")]
    address_pool: Option<IpNet>,
    /// Where clients reach this gateway, for the status of Gateways; without an address pool.
    /// May be given several times.
    #[arg(
        long,
        value_name = "IP",
        env = "HEADGATE_ADDRESS",
        value_delimiter = ',',
        conflicts_with = "address_pool"
    )]
    address: Vec<IpAddr>,
    /// Let Services of type ExternalName be backends.
    #[arg(long, env = "HEADGATE_ALLOW_EXTERNAL_NAME")]
    allow_external_name: bool,
    #[command(flatten)]
    log: logs::Args,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum AccessLogFormat {
    Off,
    Text,
    Json,
}

pub(crate) fn run(args: Args) -> anyhow::Result<ExitCode> {
    logs::start(&args.log)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(CONTROL_THREADS)
        .thread_name("control")
        .enable_all()
        .build()?;
    runtime.block_on(serve(args))
}

/// Composes the process and runs it to its end.
async fn serve(args: Args) -> anyhow::Result<ExitCode> {
    let mut signals = Signals::listen()?;
    let manager = ServiceManager::of_environment();
    let mut succession = Succession::begin(&args.succession).await?;
    let telemetry = Telemetry::new();
    // What libraries count shows beside our own.
    metrics::set_global_recorder(telemetry.recorder()).context("metrics have a recorder")?;
    let readiness = Readiness::default();
    let (access_log, flusher) = access_log(args.access_log, &telemetry)?;
    let settings = settings(&args, &succession);
    let mut gateway = Gateway::start(settings, telemetry.clone(), access_log)
        .context("the gateway's threads cannot be started")?;
    if let Some(sockets) = succession.traffic() {
        gateway.inherit(sockets);
    }
    let (live, mut seen) = watch::channel(Live::starting(succession.before()));
    let (sockets, views) = (gateway.sockets(), gateway.views());
    let inherited = succession.control(Purpose::Admin, args.admin.address());
    let inherited_drain = succession.control(Purpose::Drain, args.drain.address());
    let (entered, shown) = (succession.entered(), (&telemetry, &readiness));
    let drains = Drains::default();
    let access = Access {
        file: args.drain.drain_token_file.clone(),
        reviewer: args.source.reviewer().await?,
    };
    let desk = Arc::new(Desk::new(drains.clone(), seen.clone(), views.clone(), access));
    let shown_too = (&seen, &views, &desk);
    let admin = admin::start(args.admin, inherited, entered.clone(), shown, shown_too).await?;
    let door = drain::start(&args.drain, inherited_drain, entered.clone(), &desk).await?;
    let options = options(&args);
    let strict = args.source.is_local();
    let watcher = Watcher::start(args.source, options, telemetry.clone(), drains.clone()).await?;
    let mut feed = Feed {
        watcher,
        drains: drains.clone(),
        taken: Version::default(),
        gateway,
        telemetry,
        readiness: readiness.clone(),
        entered,
        live,
    };

    let told_of = seen.clone();
    let end = tokio::select! {
        () = signals.next() => End::Signal,
        never = feed.run() => match never {},
        end = async {
            succession.enter(&mut seen, &sockets, &drains, &readiness, strict).await?;
            let given = succession.given(&sockets, [&admin, &door], &readiness, &told_of);
            // Told beside, so that whoever comes too early to take over hears that as well.
            let told = async {
                // The sender lives in `feed`, longer than this.
                let _ = seen.wait_for(|live| live.applied.is_some()).await;
                manager.ready();
            };
            anyhow::Ok(End::Handover(tokio::join!(given, told).0))
        } => end?,
    };
    // From here on nobody can take over from us.
    drop(succession);
    readiness.stopping();
    manager.stopping();
    end.finish(&mut feed, &mut signals, [admin, door]).await;
    feed.watcher.stop().await;
    if let Some(flusher) = flusher {
        flusher.stop(LOG_FLUSH);
    }
    Ok(ExitCode::SUCCESS)
}

fn access_log(
    format: AccessLogFormat,
    telemetry: &Telemetry,
) -> anyhow::Result<(AccessLog, Option<LogFlusher>)> {
    let format = match format {
        AccessLogFormat::Off => return Ok((AccessLog::off(), None)),
        AccessLogFormat::Text => LogFormat::Text,
        AccessLogFormat::Json => LogFormat::Json,
    };
    let (log, flusher) = AccessLog::start(format, io::stdout(), telemetry)
        .context("the access log's thread cannot be started")?;
    Ok((log, Some(flusher)))
}

fn options(args: &Args) -> Options {
    Options {
        allow_external_name: args.allow_external_name,
        // A folder on one machine may well send requests to that machine.
        allow_loopback: args.source.is_local(),
        address_pool: args.address_pool,
        reached_at: args.address.clone(),
        ..Options::default()
    }
}

fn settings(args: &Args, succession: &Succession) -> Settings {
    let mut settings = Settings::default();
    settings.session_key = Some(succession.session_key());
    settings.workers = args.workers.unwrap_or(settings.workers);
    settings.stop.pre_drain = args.pre_drain.unwrap_or(settings.stop.pre_drain);
    settings.stop.deadline = args.deadline.unwrap_or(settings.stop.deadline);
    let upgrade = args.upgrade_deadline.unwrap_or(settings.stop.upgrade_deadline);
    settings.stop.upgrade_deadline = upgrade;
    settings
}
