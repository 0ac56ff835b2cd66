//! Tells pods that requests can reach them: the condition `headgate.dev/routable`, for pods that
//! declare it as a readiness gate, so that a rollout goes no faster than proxies learn of its pods.
//!
//! Promises: a pod that routes use is let through when every backend that selects it has it, live;
//! one that none uses, or no Service selects, at once; one write for each pod. A condition that is
//! true is never taken back. Only the holder of the Lease watches pods, only where it may, and of
//! pods without the gate nothing is kept.

mod pod;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ::kube::Client;
use ::kube::runtime::watcher::{self, Event};
use futures::{Stream, StreamExt};
use http::{Request, header};
use jiff::{Timestamp, Unit};
use serde_json::{Value, json};
use snapshot::ObjectKey;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use self::pod::{Pod, Pods, Routable};
use super::lease::Hold;
use super::optional::{self, EVENTS, RETRY, is_forbidden};
use super::served::Served;

/// Type of the condition, and of the readiness gate.
const CONDITION: &str = "headgate.dev/routable";
/// Writes under way at once, as for statuses.
const PARALLEL: usize = 16;
/// A write that takes longer counts as failed.
const TIMEOUT: Duration = Duration::from_secs(10);

/// What was told to pods, for metrics.
#[derive(Debug, Default)]
pub struct ArrivalCounts {
    /// Conditions written.
    pub writes: AtomicU64,
    /// Writes that failed.
    pub failures: AtomicU64,
}

/// Keeps the condition of every pod that waits for it.
pub(super) struct Arrival {
    client: Client,
    hold: Hold,
    served: watch::Receiver<Served>,
    counts: Arc<ArrivalCounts>,
    /// Pods may not be watched, and that was said.
    told: bool,
    pods: Pods,
}

impl Arrival {
    /// Begins with nothing.
    pub(super) fn new(
        client: Client,
        hold: Hold,
        served: watch::Receiver<Served>,
        counts: Arc<ArrivalCounts>,
    ) -> Self {
        Self { client, hold, served, counts, told: false, pods: Pods::default() }
    }

    /// Runs until it is dropped.
    pub(super) async fn keep(mut self) {
        loop {
            if self.hold.is_held() {
                let pause = self.follow(optional::watch(self.client.clone())).await;
                sleep(pause).await;
            } else {
                self.hold.changed().await;
            }
        }
    }

    /// Follows pods for as long as we may; gives the time to wait before another try.
    async fn follow(
        &mut self,
        events: impl Stream<Item = watcher::Result<Event<Pod>>>,
    ) -> Duration {
        let mut events = std::pin::pin!(events.ready_chunks(EVENTS));
        let mut failed = false;
        loop {
            // What is dropped here has not been received, or only woke us.
            tokio::select! {
                chunk = events.next() => {
                    let Some(chunk) = chunk else { return RETRY };
                    let failed = chunk.into_iter().filter_map(|event| self.take(event).err());
                    if let Some(pause) = optional::wait_out(failed.last()).await {
                        return pause;
                    }
                }
                alive = self.served.changed() => if alive.is_err() {
                    return std::future::pending().await;
                },
                () = self.hold.changed() => {}
                () = sleep(RETRY), if failed => {}
            }
            if !self.hold.is_held() {
                self.pods = Pods::default();
                return Duration::ZERO;
            }
            failed = self.let_through().await;
        }
    }

    fn take(&mut self, event: watcher::Result<Event<Pod>>) -> watcher::Result<()> {
        match event {
            // Whoever is still there comes again.
            Ok(Event::Init) => self.pods = Pods::default(),
            Ok(Event::InitDone) => self.told = false,
            Ok(Event::InitApply(pod) | Event::Apply(pod)) => self.pods.put(pod),
            Ok(Event::Delete(pod)) => self.pods.remove(&pod.key()),
            Err(error) => {
                if !is_forbidden(&error) {
                    tracing::debug!(%error, "the watch of pods failed");
                } else if !std::mem::replace(&mut self.told, true) {
                    tracing::info!(
                        "pods may not be listed and watched: those with the readiness \
                                    gate {CONDITION} stay unready; to keep it, apply \
                                    deploy/kubernetes/arrival.yaml"
                    );
                }
                return Err(error);
            }
        }
        Ok(())
    }

    /// Lets through whoever may; true when somebody must be tried again.
    async fn let_through(&mut self) -> bool {
        let due: Vec<_> = {
            let served = self.served.borrow_and_update();
            let judged = self.pods.waiting().filter_map(|(key, pod)| {
                Some((key.clone(), pod.uid.clone(), pod.judge(&key.namespace, &served)?))
            });
            judged.collect()
        };
        let (client, hold) = (&self.client, &self.hold);
        let mut results = futures::stream::iter(due)
            .map(|(key, uid, why)| async move {
                if !hold.is_held() {
                    return None;
                }
                let done = write(client, &key, &uid, why).await;
                Some((key, uid, done))
            })
            .buffer_unordered(PARALLEL);
        let mut failed = false;
        while let Some(result) = results.next().await {
            let Some((key, uid, done)) = result else { continue };
            match done {
                Ok(written) => {
                    self.counts.writes.fetch_add(u64::from(written), Ordering::Relaxed);
                    self.pods.let_through(key, uid);
                }
                Err(error) => {
                    failed = true;
                    self.counts.failures.fetch_add(1, Ordering::Relaxed);
                    tracing::warn!(pod = %key, error, "the condition {CONDITION} is not written; \
                                                       check deploy/kubernetes/arrival.yaml");
                }
            }
        }
        failed
    }
}

/// Sets the condition of the pod with this UID. One that is gone, or another by now, needs none:
/// `false`.
async fn write(client: &Client, key: &ObjectKey, uid: &str, why: Routable) -> Result<bool, String> {
    let path = format!("/api/v1/namespaces/{}/pods/{}/status", key.namespace, key.name);
    let request = Request::patch(format!("{path}?fieldManager=headgate"))
        .header(header::CONTENT_TYPE, "application/strategic-merge-patch+json")
        .body(condition(uid, why, Timestamp::now()).to_string().into_bytes())
        .map_err(|error| error.to_string())?;
    match timeout(TIMEOUT, client.request::<serde::de::IgnoredAny>(request)).await {
        Err(_late) => Err(format!("no answer in {TIMEOUT:?}")),
        Ok(Ok(_)) => Ok(true),
        Ok(Err(::kube::Error::Api(status))) if matches!(status.code, 404 | 409) => Ok(false),
        Ok(Err(error)) => Err(error.to_string()),
    }
}

fn condition(uid: &str, why: Routable, now: Timestamp) -> Value {
    let (reason, message) = match why {
        Routable::Applied => ("Applied", "every proxy knows its endpoints"),
        Routable::NotRouted => ("NotRouted", "no route sends to a Service that selects it"),
    };
    let now = now.round(Unit::Second).unwrap_or(now).to_string();
    json!({
        "metadata": {"uid": uid},
        "status": {"conditions": [{
            "type": CONDITION, "status": "True", "reason": reason, "message": message,
            "lastTransitionTime": now,
        }]},
    })
}

#[cfg(test)]
mod tests;
