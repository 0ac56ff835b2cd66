//! `--handover`: taking over from the process that runs, and being taken over from.
//!
//! Promises: whoever cannot serve as well as the running process does not take over from it, and
//! says why; without `--handover` nothing here does anything.

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use config_watcher::drains::{Drains, Order};
use config_watcher::manifests::Severity;
use gateway::admin::{Readiness, State};
use gateway::handover::{Given, Handed, Handover, Leaving, Offer, Predecessor, Purpose, Sockets};
use gateway::settings::SessionKey;
use snapshot::{ByKind, Drain, DrainCause, DrainKey};
use tokio::sync::watch;
use tokio::time::timeout;

use super::control::Control;
use crate::live::{Before, Live};

/// What drains that are taken over get to be live; they take some milliseconds.
const MERGE: Duration = Duration::from_secs(1);
const RELEASE: &str = env!("CARGO_PKG_VERSION");

#[derive(Clone, Debug, clap::Args)]
#[group(skip)]
pub(super) struct Args {
    /// Socket by which a new process takes over from a running one that was given the same path:
    /// it gets the listening sockets, and once it is ready the old process finishes what runs and
    /// ends.
    #[arg(long, value_name = "PATH", env = "HEADGATE_HANDOVER")]
    handover: Option<PathBuf>,
}

/// Our place among the processes that serve one after the other.
pub(super) struct Succession {
    /// `None` without `--handover`.
    seat: Option<Handover>,
    /// Until we have taken over.
    predecessor: Option<Predecessor>,
    /// Afterwards, until its end.
    leaving: Option<Leaving>,
    before: Option<Arc<Before>>,
    session_key: SessionKey,
    entered: watch::Sender<bool>,
}

impl Succession {
    /// Looks for a running process, and gets its sockets.
    ///
    /// # Errors
    /// When there is one that does not let us take over.
    pub(super) async fn begin(args: &Args) -> anyhow::Result<Self> {
        let (seat, predecessor) = match &args.handover {
            None => (None, None),
            Some(path) => seat(path).await?,
        };
        let before = predecessor.as_ref().map(|it| Before {
            pid: it.pid,
            release: it.release.clone(),
            older: it.offer.older,
            ended: false.into(),
        });
        let key = predecessor.as_ref().and_then(|it| it.offer.session_key.clone());
        Ok(Self {
            seat,
            leaving: None,
            before: before.map(Arc::new),
            session_key: key.unwrap_or_else(SessionKey::made_up),
            entered: watch::channel(predecessor.is_none()).0,
            predecessor,
        })
    }

    /// What session tokens are sealed with, before us and after us.
    pub(super) fn session_key(&self) -> SessionKey {
        self.session_key.clone()
    }

    /// Whom we take over from.
    pub(super) fn before(&self) -> Option<Arc<Before>> {
        self.before.clone()
    }

    /// Becomes true when it is our turn to serve.
    pub(super) fn entered(&self) -> watch::Receiver<bool> {
        self.entered.subscribe()
    }

    /// The sockets that traffic comes from, when there is a process to take over from.
    pub(super) fn traffic(&mut self) -> Option<BTreeMap<SocketAddr, TcpListener>> {
        let sockets = &mut self.predecessor.as_mut()?.offer.sockets;
        let traffic = sockets.extract_if(.., |it| it.purpose == Purpose::Traffic);
        Some(traffic.map(|it| (it.address, it.socket)).collect())
    }

    /// The socket of a control address, if it is there and still to be this one.
    pub(super) fn control(
        &mut self,
        purpose: Purpose,
        wanted: Option<SocketAddr>,
    ) -> Option<TcpListener> {
        let wanted = wanted?;
        let sockets = &mut self.predecessor.as_mut()?.offer.sockets;
        let same = |it: &Handed| it.purpose == purpose && it.address == wanted;
        let at = sockets.iter().position(same)?;
        Some(sockets.swap_remove(at).socket)
    }

    /// Waits for our turn and begins it: at once when nobody serves, otherwise when our tables are
    /// complete and the running process lets go.
    ///
    /// # Errors
    /// When we would serve less than the running process does, or it does not let go. It goes on
    /// then.
    pub(super) async fn enter(
        &mut self,
        live: &mut watch::Receiver<Live>,
        sockets: &Sockets,
        drains: &Drains,
        readiness: &Readiness,
        strict: bool,
    ) -> anyhow::Result<()> {
        let Some(mut predecessor) = self.predecessor.take() else {
            return self.publish();
        };
        let goes_on = |pid| format!("not taken over from process {pid}, which goes on");
        let pid = predecessor.pid;
        let complete = live.wait_for(|live| live.applied.is_some());
        tokio::select! {
            error = predecessor.gone() => return Err(error).with_context(|| goes_on(pid)),
            complete = complete => {
                let now = complete.context("nothing is applied any more")?.clone();
                fit(&now, strict).with_context(|| goes_on(pid))?;
            }
        }
        let passed = predecessor.ready().await.with_context(|| goes_on(pid))?;
        inherit(drains, passed, live).await;
        sockets.open();
        readiness.ready();
        self.entered.send_replace(true);
        self.publish()?;
        // It is our turn, whatever became of the other process meanwhile.
        match predecessor.serving().await {
            Ok(leaving) => self.leaving = Some(leaving),
            Err(error) => tracing::warn!(%error, pid, "the process before us does not answer"),
        }
        tracing::info!(pid, "taken over; the process before us finishes what runs");
        Ok(())
    }

    fn publish(&mut self) -> anyhow::Result<()> {
        let Some(seat) = &mut self.seat else { return Ok(()) };
        seat.publish().context("--handover: the socket cannot be moved to its place")
    }

    /// Returns when another process has taken over from us.
    pub(super) async fn given(
        &mut self,
        sockets: &Sockets,
        control: [&Control; 2],
        readiness: &Readiness,
        live: &watch::Receiver<Live>,
    ) -> Given {
        let Self { seat, leaving, before, session_key, .. } = self;
        let Some(seat) = seat else { return std::future::pending().await };
        let before = before.as_deref();
        let offer = || {
            if readiness.state() != State::Ready {
                return Err("the running process is not ready itself".to_owned());
            }
            let older = before
                .as_ref()
                .map_or(0, |it| if it.ended.load(Ordering::Relaxed) { 0 } else { it.older + 1 });
            let control = control.iter().filter_map(|server| server.handed());
            let sockets = sockets.copies().into_iter().chain(control).collect();
            Ok(Offer { sockets, session_key: Some(session_key.clone()), older })
        };
        let old_ends = async {
            if let (Some(leaving), Some(before)) = (leaving, before) {
                leaving.ended().await;
                before.ended.store(true, Ordering::Relaxed);
                tracing::info!(pid = before.pid, "the process before us has ended");
            }
            std::future::pending().await
        };
        tokio::select! {
            given = seat.given(RELEASE, offer, || ordered(live)) => given,
            never = old_ends => never,
        }
    }
}

/// Drains that somebody asked us for; those of nodes the other process finds out by itself.
fn ordered(live: &watch::Receiver<Live>) -> Vec<(DrainKey, Drain)> {
    let drains = live.borrow().snapshot.drains.clone();
    let asked = drains.iter().filter(|(_, drain)| matches!(drain.cause, DrainCause::Api { .. }));
    asked.map(|(key, drain)| (*key, (**drain).clone())).collect()
}

/// Has the drains of the process before us hold here before we take a request. What they cut, they
/// cut there.
async fn inherit(
    drains: &Drains,
    passed: Vec<(DrainKey, Drain)>,
    live: &mut watch::Receiver<Live>,
) {
    for (key, Drain { pods, cause, .. }) in passed {
        let order = Order { key, pods, cause, limits: ByKind::default() };
        if let Err(error) = drains.order(order, Instant::now()) {
            tracing::warn!(%key, %error, "a drain is not taken over");
        }
    }
    let all_are_live = |_: &Live| drains.list().iter().all(|one| one.version.is_some());
    if timeout(MERGE, live.wait_for(all_are_live)).await.is_err() {
        tracing::warn!("the drains that were taken over are not live yet");
    }
}

async fn seat(path: &Path) -> anyhow::Result<(Option<Handover>, Option<Predecessor>)> {
    let begun = Handover::begin(path, RELEASE).await;
    let (seat, predecessor) = begun.with_context(|| format!("--handover {}", path.display()))?;
    Ok((Some(seat), predecessor))
}

/// Whether what we would serve is at least what our objects ask for. `strict` where they are our
/// own files: a running process serves the last good form of what is broken, and we have none.
fn fit(live: &Live, strict: bool) -> anyhow::Result<()> {
    let applied = live.applied.as_deref().context("nothing is applied")?;
    if applied.bound.is_empty() {
        bail!("no listener of this configuration can be served; `headgate check` says why");
    }
    let errors = live.problems.iter().filter(|problem| problem.severity == Severity::Error);
    if let Some(first) = errors.take(usize::from(strict)).next() {
        bail!("the manifests have errors, `headgate check` shows all; the first: {first}");
    }
    if let Some(first) = applied.refusals.first().filter(|_| strict) {
        bail!("{}: {}", first.resource, first.reason);
    }
    Ok(())
}
