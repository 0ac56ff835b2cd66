//! From the source's batches, and from drain orders, to live tables.
//!
//! Promises: nothing is served before the source is complete; what a batch could not change stays
//! live, and a panic on the way ends neither traffic nor the process; every problem, refusal and
//! condition that is not met is logged once, when it appears.

mod programmed;
mod report;

use std::convert::Infallible;
use std::future::pending;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Instant;

use config_watcher::drains::Drains;
use config_watcher::manifests::Batch;
use gateway::admin::Readiness;
use gateway::telemetry::Telemetry;
use gateway::{Applied, Gateway, Stopped};
use snapshot::{Snapshot, Version};
use tokio::sync::watch;
use tokio::time::sleep_until;

use super::watcher::Watcher;
use crate::live::Live;

/// Owns the way from objects to tables.
pub(super) struct Feed {
    pub(super) watcher: Watcher,
    pub(super) drains: Drains,
    /// The watcher's version that is live; ours count its versions and those of drains.
    pub(super) taken: Version,
    pub(super) gateway: Gateway,
    pub(super) telemetry: Telemetry,
    pub(super) readiness: Readiness,
    /// Whether it is our turn to serve, or still another process's.
    pub(super) entered: watch::Receiver<bool>,
    pub(super) live: watch::Sender<Live>,
}

/// What happened.
enum News {
    Batch(Batch),
    Drains,
    Sockets,
}

impl Feed {
    /// Takes batches and drains in. Cancel safe: a batch is either still queued or wholly live,
    /// and a drain or socket that was heard of is dealt with before anything is waited for.
    pub(super) async fn run(&mut self) -> Infallible {
        loop {
            let limit = self.drains.next_limit();
            let news = tokio::select! {
                batch = self.watcher.next() => News::Batch(batch),
                () = self.drains.changed() => News::Drains,
                () = until(limit) => News::Drains,
                () = self.gateway.rebound() => News::Sockets,
            };
            let taken = catch_unwind(AssertUnwindSafe(|| match news {
                News::Batch(batch) => self.take(batch),
                News::Drains => self.drain(),
                News::Sockets => self.rebound(),
            }));
            // What a panic leaves half done goes with the watcher that begins again.
            if taken.is_err() {
                self.watcher.fail();
            }
        }
    }

    /// Begins to end the gateway; see [`Gateway::stop`].
    pub(super) fn stop(&mut self) -> impl Future<Output = Stopped> + Send + use<> {
        self.gateway.stop()
    }

    /// Begins to end it after another process took over; see [`Gateway::hand_over`].
    pub(super) fn hand_over<F: Future<Output = ()> + Send>(
        &mut self,
        hurry: F,
    ) -> impl Future<Output = Stopped> + Send + use<F> {
        self.gateway.hand_over(hurry)
    }

    /// Works through one batch. Runs on the thread that waits for signals and batches and for
    /// nothing else, so it may take its time.
    fn take(&mut self, batch: Batch) {
        let old = self.live.borrow().clone();
        self.watcher.take(batch.changes);
        let Some((_, statuses, snapshot)) = self.watcher.derived() else { return };
        let news = old.applied.is_none() || snapshot.version != self.taken;
        let mut next = old.clone();
        let (statuses, snapshot) = (statuses.clone(), snapshot.clone());
        if batch.complete && news {
            self.taken = snapshot.version;
            self.publish(&mut next, &snapshot);
            self.telemetry.config().change_live(batch.observed.elapsed());
        }
        // Before the source is complete, a route without its Service is one whose Service is still
        // on its way: nothing to tell anybody.
        if batch.complete {
            let unbound = self.gateway.addresses().unbound;
            next.statuses = programmed::as_bound(&statuses, &next.snapshot, &unbound);
        }
        if *old.problems != *batch.problems {
            self.telemetry.config().problems(batch.problems.len());
            next.problems = batch.problems.into();
        }
        next.written = self.watcher.written();
        self.watcher.tell(batch.complete);
        if batch.complete {
            self.watcher.offer(&next.statuses);
            self.watcher.serve(&next.snapshot);
        }
        self.live.send_replace(next.clone());
        if batch.complete && *self.entered.borrow() {
            self.readiness.ready();
        }
        // Last, so that whoever reads of it finds it so.
        if let Some((objects, ..)) = self.watcher.derived() {
            report::changes(objects, &old, &next);
        }
        if batch.complete && news {
            let (version, after) = (next.snapshot.version, batch.observed.elapsed());
            tracing::info!(%version, ?after, "live");
        }
    }

    /// Says what became of the addresses that are listened on, where that is new.
    fn rebound(&mut self) {
        let old = self.live.borrow().clone();
        let Some((objects, statuses, _)) = self.watcher.settled() else { return };
        if old.applied.is_none() {
            return;
        }
        let unbound = self.gateway.addresses().unbound;
        let statuses = programmed::as_bound(statuses, &old.snapshot, &unbound);
        if statuses == old.statuses {
            return;
        }
        let next = Live { statuses, ..old.clone() };
        self.live.send_replace(next.clone());
        report::changes(objects, &old, &next);
        self.watcher.offer(&next.statuses);
    }

    /// Makes live what changed of the drains.
    fn drain(&mut self) {
        let mut next = self.live.borrow().clone();
        let snapshot = next.snapshot.clone();
        let drains = self.drains.merge(&snapshot.endpoints, Instant::now());
        if next.applied.is_none() {
            // Before the first snapshot there is nothing to drain.
            return;
        }
        if drains == snapshot.drains {
            return self.drains.published(snapshot.version);
        }
        self.publish(&mut next, &snapshot);
        self.watcher.serve(&next.snapshot);
        tracing::info!(version = %next.snapshot.version, drains = drains.len(), "live");
        self.live.send_replace(next);
    }

    /// Makes these resources and the drains that there are now the next version, and that live.
    fn publish(&mut self, live: &mut Live, resources: &Snapshot) {
        let drains = self.drains.merge(&resources.endpoints, Instant::now());
        let version = live.snapshot.version.next();
        live.snapshot = Arc::new(Snapshot { version, drains, ..resources.clone() });
        self.drains.published(version);
        live.applied = Some(Arc::new(self.apply(&live.snapshot)));
    }

    fn apply(&mut self, snapshot: &Arc<Snapshot>) -> Applied {
        let begun = Instant::now();
        let applied = self.gateway.apply(snapshot.clone());
        let took = begun.elapsed();
        self.telemetry.config().applied(snapshot, took, applied.refusals.len());
        applied
    }
}

/// Waits for a moment that may never come.
async fn until(moment: Option<Instant>) {
    match moment {
        Some(moment) => sleep_until(moment.into()).await,
        None => pending().await,
    }
}
