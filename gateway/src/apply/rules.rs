//! The rules that are live, and which part of which host each stands in.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use imbl::OrdMap;
use imbl::ordmap::DiffItem;
use rustc_hash::FxBuildHasher;
use snapshot::{Hostname, ListenerKey, Route, RouteKey};

use super::refusals::{Refusals, Scope};
use crate::backend::Backends;
use crate::table::{Hosts, Part, Rule};
use crate::telemetry::Telemetry;

/// What is compiled as a whole: everything with the same place.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Place {
    listener: ListenerKey,
    hostname: Hostname,
    part: Part,
}

/// All rules, compiled, and the hosts made of them.
pub(super) struct Rules {
    backends: Backends,
    telemetry: Telemetry,
    live: HashMap<RouteKey, Arc<Rule>, FxBuildHasher>,
    /// No list is empty; in no order.
    places: HashMap<Place, Vec<Arc<Rule>>, FxBuildHasher>,
    /// Of the listeners that have routes, whether they exist or not.
    hosts: HashMap<ListenerKey, Arc<Hosts>, FxBuildHasher>,
}

impl Rules {
    pub(super) fn new(backends: Backends, telemetry: Telemetry) -> Self {
        Self {
            backends,
            telemetry,
            live: HashMap::default(),
            places: HashMap::default(),
            hosts: HashMap::default(),
        }
    }

    /// What a listener serves.
    pub(super) fn hosts(&self, listener: &ListenerKey) -> Arc<Hosts> {
        self.hosts.get(listener).cloned().unwrap_or_default()
    }

    /// Takes over the difference of two snapshots' routes; the listeners whose hosts changed.
    pub(super) fn apply(
        &mut self,
        before: &OrdMap<RouteKey, Arc<Route>>,
        next: &OrdMap<RouteKey, Arc<Route>>,
        refusals: &mut Refusals,
    ) -> BTreeSet<ListenerKey> {
        let mut touched = BTreeSet::new();
        for item in before.diff(next) {
            match item {
                DiffItem::Add(key, route) | DiffItem::Update { new: (key, route), .. } => {
                    self.set(key, route, &mut touched, refusals);
                }
                DiffItem::Remove(key, _) => {
                    refusals.clear(&Scope::Route(key.clone()));
                    if let Some(rule) = self.live.remove(key) {
                        self.leave(&rule, &mut touched);
                    }
                }
            }
        }
        self.compile(&touched);
        touched.into_iter().map(|place| place.listener).collect()
    }

    fn set(
        &mut self,
        key: &RouteKey,
        route: &Arc<Route>,
        touched: &mut BTreeSet<Place>,
        refusals: &mut Refusals,
    ) {
        let old = self.live.get(key);
        let metrics = old.map_or_else(|| self.telemetry.route(key), |old| old.metrics.clone());
        let mut notes = Vec::new();
        match Rule::new(key, route, &self.backends, metrics, &mut notes) {
            Ok(rule) => {
                let rule = Arc::new(rule);
                if let Some(old) = self.live.insert(key.clone(), rule.clone()) {
                    self.leave(&old, touched);
                }
                self.enter(&rule, touched);
            }
            Err(reason) => {
                let live =
                    if old.is_some() { "the rule before it stays" } else { "it is left out" };
                notes.push(format!("{reason}; {live}"));
            }
        }
        refusals.set(Scope::Route(key.clone()), notes);
    }

    fn enter(&mut self, rule: &Arc<Rule>, touched: &mut BTreeSet<Place>) {
        for place in places(rule) {
            let list = self.places.entry(place.clone()).or_default();
            // A rule may name a place twice; then it is the last one.
            if list.last().is_none_or(|last| !Arc::ptr_eq(last, rule)) {
                list.push(rule.clone());
            }
            touched.insert(place);
        }
    }

    fn leave(&mut self, rule: &Arc<Rule>, touched: &mut BTreeSet<Place>) {
        for place in places(rule) {
            if let Some(list) = self.places.get_mut(&place) {
                list.retain(|one| !Arc::ptr_eq(one, rule));
                if list.is_empty() {
                    self.places.remove(&place);
                }
            }
            touched.insert(place);
        }
    }

    fn compile(&mut self, touched: &BTreeSet<Place>) {
        for place in touched {
            let rules = self.places.get(place).into_iter().flatten();
            let entries = rules.flat_map(|rule| rule.entries(&place.part)).collect();
            let hosts = self.hosts.entry(place.listener.clone()).or_default();
            Arc::make_mut(hosts).set(&place.hostname, &place.part, entries);
            if hosts.is_empty() {
                self.hosts.remove(&place.listener);
            }
        }
    }
}

/// Where a rule stands: each of its parts, in each host that it is attached with.
fn places(rule: &Rule) -> impl Iterator<Item = Place> {
    let parts = rule.parts();
    rule.attachments().iter().flat_map(move |attachment| {
        let parts = parts.clone();
        attachment.hostnames.iter().flat_map(move |hostname| {
            parts.clone().into_iter().map(|part| Place {
                listener: attachment.listener.clone(),
                hostname: hostname.clone(),
                part,
            })
        })
    })
}
