//! Nodes that go away: their endpoints are drained before anybody evicts a pod.
//!
//! A node goes away when it takes no new pods and carries one of the taints by which clouds,
//! autoscalers and people say so. Promises: what is drained is left to `drains::nodes`; a node that
//! is gone counts as going for as long as endpoints are on it, one that cannot be seen as it was
//! last seen; nodes are watched only where that is allowed.

mod node;

use std::collections::BTreeMap;
use std::str::FromStr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ::kube::Client;
use ::kube::runtime::watcher::{self, Event};
use futures::{Stream, StreamExt};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use self::node::Node;
use super::optional::{self, EVENTS, RETRY, is_forbidden};
use super::served::Served;
use crate::drains::nodes::{Leaving, has_endpoints, plan};
use crate::drains::{Drains, Origin};

/// Taints by which a node is known to go away: of Kubernetes, of its cloud controllers, of Cluster
/// Autoscaler, Karpenter, GKE, the AWS node termination handler and medik8s' remediation.
const TAINTS: &str = "node.kubernetes.io/out-of-service,\
                      node.cloudprovider.kubernetes.io/shutdown,\
                      ToBeDeletedByClusterAutoscaler,\
                      karpenter.sh/disrupted,\
                      karpenter.sh/disruption,\
                      cloud.google.com/impending-node-termination,\
                      aws-node-termination-handler/*,\
                      remediation.medik8s.io/*,\
                      medik8s.io/*";

/// Keys of taints; `PREFIX/*` stands for all with this prefix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taints(Arc<[Arc<str>]>);

impl Default for Taints {
    fn default() -> Self {
        Self::read(TAINTS)
    }
}

impl FromStr for Taints {
    type Err = String;

    /// Reads keys with commas between them; an empty text is none.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let good = |c: char| c.is_ascii_alphanumeric() || "-_./*".contains(c);
        match text.split(',').find(|key| !key.trim().chars().all(good)) {
            Some(bad) => Err(format!("{bad:?} is no taint's key; write KEY or PREFIX/*")),
            None => Ok(Self::read(text)),
        }
    }
}

impl Taints {
    fn read(text: &str) -> Self {
        let keys = text.split(',').map(str::trim).filter(|key| !key.is_empty());
        Self(keys.map(Arc::from).collect())
    }

    fn has(&self, key: &str) -> bool {
        self.0.iter().any(|known| match known.strip_suffix('*') {
            Some(prefix) => key.starts_with(prefix),
            None => **known == *key,
        })
    }
}

/// Owner of the watch.
#[derive(Debug)]
pub struct NodeWatch {
    served: watch::Sender<Served>,
    task: JoinHandle<()>,
}

impl NodeWatch {
    /// Starts it. Must be called inside a tokio runtime.
    #[must_use]
    pub fn start(client: Client, taints: Taints, drains: Drains) -> Self {
        let (served, live) = watch::channel(Served::default());
        let (seen, told) = (BTreeMap::new(), false);
        let keeper = Keeper { client, taints, drains, served: live, told, seen };
        Self { served, task: tokio::spawn(keeper.keep()) }
    }

    /// Says what is live.
    pub fn serve(&self, served: Served) {
        self.served.send_replace(served);
    }

    /// Ends it; orders stand.
    pub async fn stop(self) {
        self.task.abort();
        // An aborted task reports just that; a panic in it has been logged by the panic hook.
        let _ended = self.task.await;
    }
}

struct Keeper {
    client: Client,
    taints: Taints,
    drains: Drains,
    served: watch::Receiver<Served>,
    /// Nodes may not be watched, and that was said.
    told: bool,
    /// Nodes that go away.
    seen: BTreeMap<Arc<str>, Going>,
}

/// A node that goes away.
#[derive(Clone, Debug, PartialEq)]
struct Going {
    /// By what it is known, for people.
    reason: Arc<str>,
    /// Its object is gone already.
    gone: bool,
}

impl Keeper {
    async fn keep(mut self) {
        loop {
            let pause = self.follow(optional::watch(self.client.clone())).await;
            sleep(pause).await;
        }
    }

    /// Follows nodes until that fails; gives the time to wait before another try.
    async fn follow(
        &mut self,
        events: impl Stream<Item = watcher::Result<Event<Node>>>,
    ) -> Duration {
        let mut events = std::pin::pin!(events.ready_chunks(EVENTS));
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
            }
            self.act(Instant::now());
        }
    }

    fn take(&mut self, event: watcher::Result<Event<Node>>) -> watcher::Result<()> {
        match event {
            Ok(Event::Init) => {
                // Those that a list has again say so themselves.
                self.seen.values_mut().for_each(|going| going.gone = true);
            }
            Ok(Event::InitDone) => self.told = false,
            Ok(Event::InitApply(node) | Event::Apply(node)) => {
                match node.going(&self.taints) {
                    Some(reason) => self.seen.insert(node.name(), Going { reason, gone: false }),
                    None => self.seen.remove(&node.name()),
                };
            }
            Ok(Event::Delete(node)) => {
                if let Some(going) = self.seen.get_mut(&node.name()) {
                    going.gone = true;
                }
            }
            Err(error) => {
                if !is_forbidden(&error) {
                    tracing::debug!(%error, "the watch of nodes failed");
                } else if !std::mem::replace(&mut self.told, true) {
                    tracing::info!(
                        "nodes may not be listed and watched: none is drained before \
                                    it goes; to have that, apply deploy/kubernetes/nodes.yaml"
                    );
                }
                return Err(error);
            }
        }
        Ok(())
    }

    /// Orders and undoes what follows.
    fn act(&mut self, now: Instant) {
        let Some(live) = self.served.borrow_and_update().snapshot.clone() else { return };
        self.seen.retain(|node, going| !going.gone || has_endpoints(&live, node));
        let leaving: Leaving =
            self.seen.iter().map(|(name, going)| (name.clone(), going.reason.clone())).collect();
        let plan = plan(&live, &leaving, &self.drains.list(), now);
        for key in plan.undo {
            tracing::info!(address = %key, "its node stays: no drain any more");
            self.drains.undo(key, Origin::Node);
        }
        for order in plan.orders {
            let (address, cause) = (order.key, order.cause.clone());
            match self.drains.order(order, now) {
                Ok(_) => tracing::info!(%address, %cause, "drained ahead of its node's end"),
                Err(error) => tracing::warn!(%address, %cause, %error, "not drained"),
            }
        }
    }
}

#[cfg(test)]
mod tests;
