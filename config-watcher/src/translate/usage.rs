//! Counts that outputs add up to: how many routes a listener has, how many ListenerSets a Gateway
//! has, who sends to a Service. Kept by differences, so that one more route costs one route.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;
use snapshot::{BackendKey, ListenerKey, ObjectKey};

use super::output::{Few, Ties};
use super::reads::Dep;

/// The counts.
#[derive(Debug, Default)]
pub(crate) struct Usage {
    routes: FxHashMap<ListenerKey, u32>,
    sets: FxHashMap<ObjectKey, u32>,
    backends: FxHashMap<BackendKey, u32>,
    /// By Service: the Gateways through which routes send to it, with the number of these routes.
    gateways: FxHashMap<ObjectKey, BTreeMap<ObjectKey, u32>>,
}

/// What a change of the counts concerns.
#[derive(Debug, Default)]
pub(crate) struct Concerned {
    /// Facts that differ.
    pub facts: Vec<Dep>,
    /// Backends that routes began or ceased to refer to.
    pub backends: Vec<BackendKey>,
}

impl Usage {
    /// How many routes a listener has.
    pub(crate) fn routes_of(&self, listener: &ListenerKey) -> u32 {
        self.routes.get(listener).copied().unwrap_or_default()
    }

    /// How many ListenerSets are attached to a Gateway.
    pub(crate) fn sets_of(&self, gateway: &ObjectKey) -> u32 {
        self.sets.get(gateway).copied().unwrap_or_default()
    }

    /// Whether any route refers to a backend.
    pub(crate) fn is_used(&self, backend: &BackendKey) -> bool {
        self.backends.contains_key(backend)
    }

    /// The Gateways through which routes send to a Service.
    pub(crate) fn gateways_of(&self, service: &ObjectKey) -> impl Iterator<Item = &ObjectKey> {
        self.gateways.get(service).into_iter().flat_map(BTreeMap::keys)
    }

    /// Replaces what a route adds to the counts.
    pub(crate) fn route(&mut self, old: &Ties, new: &Ties) -> Concerned {
        let mut concerned = Concerned::default();
        for (listener, step) in difference(&old.listeners, &new.listeners) {
            count(&mut self.routes, listener, step);
            concerned.facts.push(Dep::Routes(listener.clone()));
        }
        for (backend, step) in difference(&old.backends, &new.backends) {
            if count(&mut self.backends, backend, step) {
                concerned.backends.push(backend.clone());
            }
        }
        for ((service, gateway), step) in difference(&pairs(old), &pairs(new)) {
            let through = self.gateways.entry((*service).clone()).or_default();
            let moved = match step {
                Step::Up => {
                    let number = through.entry((*gateway).clone()).or_default();
                    *number += 1;
                    *number == 1
                }
                Step::Down => match through.get_mut(*gateway) {
                    Some(number) if *number > 1 => {
                        *number -= 1;
                        false
                    }
                    _ => through.remove(*gateway).is_some(),
                },
            };
            if through.is_empty() {
                self.gateways.remove(*service);
            }
            if moved {
                concerned.facts.push(Dep::Gateways((*service).clone()));
            }
        }
        concerned
    }

    /// Replaces the Gateway that a ListenerSet is attached to.
    pub(crate) fn set(&mut self, old: Option<&ObjectKey>, new: Option<&ObjectKey>) -> Vec<Dep> {
        if old == new {
            return Vec::new();
        }
        let mut facts = Vec::new();
        for (gateway, step) in [(old, Step::Down), (new, Step::Up)] {
            if let Some(gateway) = gateway {
                count(&mut self.sets, gateway, step);
                facts.push(Dep::Sets(gateway.clone()));
            }
        }
        facts
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Step {
    Up,
    Down,
}

fn difference<'a, T: Ord>(old: &'a Few<T>, new: &'a Few<T>) -> impl Iterator<Item = (&'a T, Step)> {
    let gone = old.without(new).map(|item| (item, Step::Down));
    gone.chain(new.without(old).map(|item| (item, Step::Up)))
}

fn pairs(route: &Ties) -> Few<(&ObjectKey, &ObjectKey)> {
    let services = route.backends.iter().map(|backend| &backend.service);
    services
        .flat_map(|service| route.gateways.iter().map(move |gateway| (service, gateway)))
        .collect()
}

/// Counts up or down; true when the count became or ceased to be zero.
fn count<K: Clone + Eq + std::hash::Hash>(
    counts: &mut FxHashMap<K, u32>,
    key: &K,
    step: Step,
) -> bool {
    match (counts.get_mut(key), step) {
        (Some(number), Step::Up) => {
            *number += 1;
            false
        }
        (None, Step::Up) => counts.insert(key.clone(), 1).is_none(),
        (Some(number), Step::Down) if *number > 1 => {
            *number -= 1;
            false
        }
        (_, Step::Down) => counts.remove(key).is_some(),
    }
}
