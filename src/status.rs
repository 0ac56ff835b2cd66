//! `headgate status`: what is live, and what is not as it should be.

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::atomic::Ordering;

use config_watcher::objects::Kind;
use config_watcher::status::ObjectStatus;
use gateway::admin::Readiness;
use gateway::views::Addresses;
use serde::{Deserialize, Serialize};

use crate::admin_client;
use crate::condition::{self, Verdict};
use crate::live::Live;
use crate::output::{self, Format};

/// Show what the running gateway serves, and what is not as it should be.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  headgate status
  headgate status -o json | jq .version

Exit code 1 means that the gateway does not serve all that its objects ask for.")]
pub(crate) struct Args {
    #[command(flatten)]
    gateway: admin_client::Args,
    #[command(flatten)]
    output: output::Args,
}

/// What a running gateway says of itself.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct View {
    /// `starting`, `ready` or `stopping`.
    state: String,
    /// Of the program.
    release: String,
    /// Of the snapshot that is live; 0 before the first.
    version: u64,
    uptime_seconds: u64,
    /// Whom this process has taken over from, with `--handover`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    took_over_from: Option<TookOverFrom>,
    /// Resources of the snapshot, by kind.
    resources: BTreeMap<String, usize>,
    /// Addresses that are listened on.
    bound: Vec<String>,
    /// Addresses that should be and are not, with the cause.
    unbound: BTreeMap<String, String>,
    listeners: Vec<Listener>,
    /// Resources that are not live as the snapshot has them, with the reason.
    refusals: BTreeMap<String, String>,
    /// What this replica has written to the API server, where there is one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    status_writes: Option<Writes>,
    /// What the source could not use.
    problems: Vec<String>,
    /// Conditions that are not as they should be.
    conditions: Vec<condition::Row>,
}

/// The process before this one.
#[derive(Debug, Serialize, Deserialize)]
struct TookOverFrom {
    pid: i32,
    release: String,
    /// Requests and streams that began there still run there.
    finishing: bool,
}

/// Statuses written since the start.
#[derive(Debug, Serialize, Deserialize)]
struct Writes {
    written: u64,
    /// Reads and writes that failed; they are tried again.
    failed: u64,
    /// Writes that somebody else's change came before; they are tried again.
    conflicts: u64,
}

#[derive(Debug, Serialize, Deserialize)]
struct Listener {
    listener: String,
    port: u16,
    protocol: String,
    hostname: String,
    /// Route objects attached.
    attached_routes: i32,
}

impl View {
    pub(crate) fn of(live: &Live, readiness: &Readiness, addresses: &Addresses) -> Self {
        let snapshot = &live.snapshot;
        let resources = [
            ("Listener", snapshot.listeners.len()),
            ("Route", snapshot.routes.len()),
            ("Backend", snapshot.backends.len()),
            ("Endpoints", snapshot.endpoints.len()),
            ("Certificate", snapshot.certificates.len()),
        ];
        let applied = live.applied.as_deref();
        let bad = condition::rows(&live.statuses).into_iter();
        Self {
            state: readiness.state().as_str().to_owned(),
            release: env!("CARGO_PKG_VERSION").to_owned(),
            version: snapshot.version.0,
            uptime_seconds: live.started.elapsed().as_secs(),
            took_over_from: live.before.as_ref().map(|before| TookOverFrom {
                pid: before.pid,
                release: before.release.clone(),
                finishing: !before.ended.load(Ordering::Relaxed),
            }),
            resources: resources.map(|(kind, count)| (kind.to_owned(), count)).into(),
            bound: texts(&addresses.bound),
            unbound: addresses
                .unbound
                .iter()
                .map(|(address, cause)| (address.to_string(), cause.clone()))
                .collect(),
            listeners: listeners(live),
            refusals: applied
                .iter()
                .flat_map(|it| &it.refusals)
                .map(|refusal| (refusal.resource.clone(), refusal.reason.clone()))
                .collect(),
            status_writes: live.written.as_ref().map(|counts| Writes {
                written: counts.writes.load(Ordering::Relaxed),
                failed: counts.failures.load(Ordering::Relaxed),
                conflicts: counts.conflicts.load(Ordering::Relaxed),
            }),
            problems: texts(&live.problems),
            conditions: bad.filter(|row| row.verdict != Verdict::Good).collect(),
        }
    }

    fn all_is_well(&self) -> bool {
        self.state == "ready"
            && self.unbound.is_empty()
            && self.refusals.is_empty()
            && self.problems.is_empty()
            && self.conditions.iter().all(|row| row.verdict != Verdict::Error)
    }
}

fn texts<T: ToString>(list: &[T]) -> Vec<String> {
    list.iter().map(ToString::to_string).collect()
}

fn listeners(live: &Live) -> Vec<Listener> {
    let attached = |key: &snapshot::ListenerKey| {
        let kind = match key.kind {
            snapshot::ParentKind::Gateway => Kind::Gateway,
            snapshot::ParentKind::ListenerSet => Kind::ListenerSet,
        };
        let listeners = match &**live.statuses.get(&(kind, key.parent.clone()))? {
            ObjectStatus::Gateway(gateway) => &gateway.listeners,
            ObjectStatus::ListenerSet(set) => &set.listeners,
            _ => return None,
        };
        Some(listeners.iter().find(|one| one.name == key.section)?.attached_routes)
    };
    let all = live.snapshot.listeners.iter();
    all.map(|(key, listener)| Listener {
        listener: key.to_string(),
        port: listener.port,
        protocol: if listener.tls.is_some() { "HTTPS" } else { "HTTP" }.to_owned(),
        hostname: listener.hostname.to_string(),
        attached_routes: attached(key).unwrap_or(0),
    })
    .collect()
}

pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let view = admin_client::get(args.gateway.address, "/v1/status")?;
    let status: View = serde_json::from_value(view.clone())?;
    let code = if status.all_is_well() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    if args.output.format == Format::Json {
        output::json(&view);
    } else {
        output::print(&text(&status));
    }
    Ok(code)
}

fn condition_line(row: &condition::Row) -> String {
    let condition::Row { condition, status, reason, message, .. } = row;
    format!("{}: {condition} {status} {reason}: {message}", row.subject())
}

fn text(status: &View) -> String {
    let mut text = format!(
        "{}, version v{}, headgate {}, up {}s\n",
        status.state, status.version, status.release, status.uptime_seconds
    );
    if let Some(TookOverFrom { pid, release, finishing }) = &status.took_over_from {
        let what = if *finishing { "finishes what runs" } else { "has ended" };
        text.push_str(&format!("took over from process {pid}, headgate {release}, which {what}\n"));
    }
    let counts: Vec<String> =
        status.resources.iter().map(|(kind, count)| format!("{kind} {count}")).collect();
    text.push_str(&format!("{}\n", counts.join(", ")));
    text.push_str(&format!("listening on {}\n\n", status.bound.join(", ")));
    let rows = status.listeners.iter().map(|one| {
        let (port, routes) = (one.port.to_string(), one.attached_routes.to_string());
        vec![one.listener.clone(), port, one.protocol.clone(), one.hostname.clone(), routes]
    });
    let head = ["LISTENER", "PORT", "PROTOCOL", "HOSTNAME", "ROUTES"];
    text.push_str(&output::table_text(&head, rows));
    let mut section = |title: &str, lines: Vec<String>| {
        if !lines.is_empty() {
            text.push_str(&format!("\n{title}:\n  {}\n", lines.join("\n  ")));
        }
    };
    let pairs = |map: &BTreeMap<String, String>| -> Vec<String> {
        map.iter().map(|(name, why)| format!("{name}: {why}")).collect()
    };
    section("Not listened on", pairs(&status.unbound));
    section("Refused, the old form serves on", pairs(&status.refusals));
    section("Problems", status.problems.clone());
    section("Conditions", status.conditions.iter().map(condition_line).collect());
    text
}
