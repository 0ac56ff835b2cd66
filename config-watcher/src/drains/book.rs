//! The orders, and the drains that follow from them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use imbl::OrdMap;
use imbl::ordmap::DiffItem;
use snapshot::{BackendKey, ByKind, Drain, DrainKey, Endpoints, Version};

use super::place::named;
use super::{Full, MOST, Order, Origin, Standing};

/// An order whose pod is gone stands for so long. 5 min: a pod whose labels are changed and changed
/// back is still the pod that was drained, and one that was replaced never comes back.
const GONE_FOR: Duration = Duration::from_secs(300);

type EndpointMap = OrdMap<BackendKey, Arc<Endpoints>>;

/// See [`super::Drains`].
#[derive(Debug, Default)]
pub(super) struct Book {
    orders: BTreeMap<(DrainKey, Origin), Standing>,
    /// What follows from `orders`.
    drains: OrdMap<DrainKey, Arc<Drain>>,
    /// What `gone` of every order was found in.
    endpoints: EndpointMap,
    /// When `cut` of every drain was found.
    looked: Option<Instant>,
    /// The name of the last order.
    last: u64,
}

impl Book {
    pub(super) fn order(&mut self, order: Order, now: Instant) -> Result<u64, Full> {
        let name = (order.key, Origin::from(&order.cause));
        if let Some(old) = self.orders.get(&name).filter(|old| old.order.pods == order.pods) {
            return Ok(old.id);
        }
        if self.orders.len() >= MOST && !self.orders.contains_key(&name) {
            self.make_room()?;
        }
        let gone = (!self.is_there(&order)).then_some(now);
        self.last += 1;
        let id = self.last;
        let standing = Standing { id, order, since: now, merged: false, version: None, gone };
        self.orders.insert(name, standing);
        self.follow(name.0);
        Ok(id)
    }

    pub(super) fn undo(&mut self, key: DrainKey, origin: Origin) -> bool {
        let undone = self.orders.remove(&(key, origin)).is_some();
        self.follow(key);
        undone
    }

    pub(super) fn get(&self, key: DrainKey, origin: Origin) -> Option<&Standing> {
        self.orders.get(&(key, origin))
    }

    pub(super) fn list(&self) -> impl Iterator<Item = &Standing> {
        self.orders.values()
    }

    pub(super) fn next_limit(&self) -> Option<Instant> {
        let limits = self.orders.values().flat_map(|one| one.order.limits.values());
        limits.flatten().filter(|limit| Some(*limit) > self.looked).min()
    }

    pub(super) fn merge(
        &mut self,
        endpoints: &EndpointMap,
        now: Instant,
    ) -> OrdMap<DrainKey, Arc<Drain>> {
        self.look_for_pods(endpoints, now);
        let before = self.looked;
        self.looked = before.max(Some(now));
        let mut passed = Vec::new();
        for ((key, _), standing) in &mut self.orders {
            standing.merged = true;
            let limits = standing.order.limits.values().into_iter().flatten();
            if limits.into_iter().any(|limit| limit <= now && Some(limit) > before) {
                passed.push(*key);
            }
        }
        passed.into_iter().for_each(|key| self.follow(key));
        self.drains.clone()
    }

    pub(super) fn published(&mut self, version: Version) {
        // An order that came after the merge is in no version yet.
        let merged = self.orders.values_mut().filter(|standing| standing.merged);
        merged.for_each(|standing| {
            standing.version.get_or_insert(version);
        });
    }

    /// Finds out whose pods came and went, and forgets those that are gone for long.
    fn look_for_pods(&mut self, endpoints: &EndpointMap, now: Instant) {
        let touched = self.touched(endpoints);
        self.endpoints = endpoints.clone();
        for name in touched {
            let Some(standing) = self.orders.get(&name) else { continue };
            let (there, was_gone) = (self.is_there(&standing.order), standing.gone.is_some());
            let nameless = standing.order.pods.iter().any(Option::is_none);
            if there && was_gone && nameless {
                // Whatever it is that came: nothing says that it is what was drained.
                self.undo(name.0, name.1);
            } else if let Some(standing) = self.orders.get_mut(&name) {
                standing.gone = if there { None } else { standing.gone.or(Some(now)) };
            }
        }
        let old = |one: &Standing| one.gone.is_some_and(|since| now >= since + GONE_FOR);
        let old: Vec<_> = self.orders.iter().filter(|(_, one)| old(one)).map(|(n, _)| *n).collect();
        for (key, origin) in old {
            self.undo(key, origin);
        }
    }

    /// Orders for addresses of backends that changed. Costs what changed.
    fn touched(&self, endpoints: &EndpointMap) -> Vec<(DrainKey, Origin)> {
        if self.orders.is_empty() {
            return Vec::new();
        }
        let changed: Vec<_> = self.endpoints.diff(endpoints).collect();
        let lists = changed.iter().flat_map(|item| match item {
            DiffItem::Add(_, one) | DiffItem::Remove(_, one) => [Some(*one), None],
            DiffItem::Update { old: (_, old), new: (_, new) } => [Some(*old), Some(*new)],
        });
        let lists: Vec<_> = lists.flatten().collect();
        let names = |key| lists.iter().any(|list| named(list, key).next().is_some());
        self.orders.keys().filter(|(key, _)| names(*key)).copied().collect()
    }

    fn is_there(&self, order: &Order) -> bool {
        let mut lists = self.endpoints.values();
        lists.any(|list| named(list, order.key).any(|endpoint| order.pods.contains(&endpoint.uid)))
    }

    fn make_room(&mut self) -> Result<(), Full> {
        let gone = self.orders.iter().filter_map(|(name, one)| Some((one.gone?, *name)));
        let (_, (key, origin)) = gone.min().ok_or(Full)?;
        self.undo(key, origin);
        Ok(())
    }

    /// Makes the drain of an address from its orders.
    fn follow(&mut self, key: DrainKey) {
        let orders = [Origin::Api, Origin::Node].map(|origin| self.orders.get(&(key, origin)));
        let passed = |limit: Option<Instant>| limit.is_some() && limit <= self.looked;
        let drains = orders.into_iter().flatten().map(|standing| Drain {
            pods: standing.order.pods.clone(),
            cause: standing.order.cause.clone(),
            cut: standing.order.limits.map(passed),
        });
        match drains.reduce(|first, second| both(first, &second)) {
            None => {
                self.drains.remove(&key);
            }
            Some(drain) if self.drains.get(&key).is_some_and(|old| **old == drain) => {}
            Some(drain) => {
                self.drains.insert(key, Arc::new(drain));
            }
        }
    }
}

/// One drain for two orders: all pods of both, cut as soon as one says so.
fn both(first: Drain, second: &Drain) -> Drain {
    let mut pods = first.pods.to_vec();
    pods.extend(second.pods.iter().filter(|pod| !first.pods.contains(pod)).cloned());
    let cut: ByKind<_> = first.cut.zip(second.cut).map(|(one, other)| one || other);
    Drain { pods: pods.into(), cause: first.cause, cut }
}
