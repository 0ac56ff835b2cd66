//! Which endpoints are drained because their node goes away.
//!
//! Promises: of each backend no more than its share of ready endpoints is drained at once, whoever
//! ordered the drains that stand; more are as others get ready; an order whose node stays after
//! all is undone. Pure: what leaves, what is live and what stands go in, what to do comes out.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use snapshot::{
    BackendKey, ByKind, Drain, DrainCause, DrainKey, Endpoint, EndpointState, Lifecycle, Snapshot,
};

use super::{Order, Standing};

/// Most of a backend's ready endpoints that are drained at once ahead of the end of their nodes,
/// in percent, where no policy says otherwise. 50: what is left carries the load of a quiet hour,
/// and what is drained is replaced within a minute or two.
const SHARE: u8 = 50;

/// Nodes that go away, each with what it was seen by.
pub type Leaving = BTreeMap<Arc<str>, Arc<str>>;

/// What to do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// In the order of their addresses.
    pub orders: Vec<Order>,
    /// Addresses whose node stays.
    pub undo: Vec<DrainKey>,
}

/// An address on a node that goes away, with all that is drained together.
#[derive(Default)]
struct Candidate<'a> {
    node: Option<&'a Arc<str>>,
    pods: BTreeSet<Option<Arc<str>>>,
    /// How many ready endpoints each backend has there.
    uses: BTreeMap<&'a BackendKey, usize>,
    limits: ByKind<Option<Duration>>,
}

/// Plans the next step. Costs what is live if a node leaves, and nothing else.
#[must_use]
pub fn plan(live: &Snapshot, leaving: &Leaving, standing: &[Standing], now: Instant) -> Plan {
    let of_nodes = standing.iter().filter_map(|one| match &one.order.cause {
        DrainCause::Node { name, .. } => Some((one.order.key, name)),
        DrainCause::Api { .. } => None,
    });
    let (stand, undo): (Vec<_>, Vec<_>) =
        of_nodes.partition(|(_, node)| leaving.contains_key(*node));
    let undo: Vec<_> = undo.into_iter().map(|(key, _)| key).collect();
    if leaving.is_empty() {
        return Plan { orders: Vec::new(), undo };
    }
    // What was ordered and is not live yet counts as well.
    let ordered: BTreeSet<_> = stand.into_iter().map(|(key, _)| key.address).collect();
    let is_drained = |one: &Endpoint| {
        ordered.contains(&one.address.ip())
            || Drain::of(&live.drains, one.address, one.uid.as_deref()).next().is_some()
    };
    let mut room = BTreeMap::new();
    let mut candidates: BTreeMap<IpAddr, Candidate<'_>> = BTreeMap::new();
    for (backend, endpoints) in &live.endpoints {
        let lifecycle = live.backends.get(backend).map(|one| one.lifecycle).unwrap_or_default();
        let ready = || endpoints.list.iter().filter(|one| one.state == EndpointState::Ready);
        let share = usize::from(lifecycle.node_drain_percent.unwrap_or(SHARE));
        let drained = ready().filter(|one| is_drained(one)).count();
        room.insert(backend, (ready().count() * share / 100).saturating_sub(drained));
        for one in ready().filter(|one| !is_drained(one)) {
            let Some(node) = one.node.as_ref().filter(|node| leaving.contains_key(*node)) else {
                continue;
            };
            let candidate = candidates.entry(one.address.ip()).or_default();
            candidate.add(backend, one.uid.clone(), node, &lifecycle);
        }
    }
    let mut orders = Vec::new();
    for (address, candidate) in candidates {
        let fits = |(backend, count): (&&BackendKey, &usize)| room[*backend] >= *count;
        if !candidate.uses.iter().all(fits) {
            continue;
        }
        for (backend, count) in &candidate.uses {
            *room.get_mut(*backend).expect("every backend has room, if none at all") -= count;
        }
        orders.extend(candidate.order(address, leaving, now));
    }
    Plan { orders, undo }
}

/// Whether any live endpoint is on a node.
#[must_use]
pub fn has_endpoints(live: &Snapshot, node: &str) -> bool {
    let mut all = live.endpoints.values().flat_map(|endpoints| endpoints.list.iter());
    all.any(|endpoint| endpoint.node.as_deref() == Some(node))
}

impl<'a> Candidate<'a> {
    fn add(
        &mut self,
        backend: &'a BackendKey,
        pod: Option<Arc<str>>,
        node: &'a Arc<str>,
        lifecycle: &Lifecycle,
    ) {
        self.node = Some(node);
        self.pods.insert(pod);
        *self.uses.entry(backend).or_default() += 1;
        let drain = lifecycle.drain;
        let (requests, streams, tunnels) = (drain.requests, drain.streams, drain.tunnels);
        let least = |(one, other): (Option<Duration>, Option<Duration>)| match (one, other) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
        self.limits = self.limits.zip(ByKind { requests, streams, tunnels }).map(least);
    }

    fn order(self, address: IpAddr, leaving: &Leaving, now: Instant) -> Option<Order> {
        let name = self.node?.clone();
        let reason = leaving.get(&name)?.clone();
        Some(Order {
            key: DrainKey::whole(address),
            pods: self.pods.into_iter().collect(),
            cause: DrainCause::Node { name, reason },
            limits: self.limits.map(|limit| limit.map(|limit| now + limit)),
        })
    }
}

#[cfg(test)]
mod tests;
