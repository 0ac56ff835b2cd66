//! The rules that are live, and the hosts that are made of them.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use imbl::OrdMap;
use imbl::ordmap::DiffItem;
use rustc_hash::FxBuildHasher;
use snapshot::{Hostname, ListenerKey, Route, RouteKey};

use super::refusals::{Refusals, Scope};
use crate::backend::Backends;
use crate::table::{Entry, Hosts, Part, Rule};
use crate::telemetry::Telemetry;

/// A rule comes to a place, or leaves it. A place is compiled as a whole: a part of a hostname of a
/// listener. It is named by what the rule has of it, as there is one for each rule at the start.
#[derive(Clone)]
struct Step {
    rule: Arc<Rule>,
    attachment: u16,
    hostname: u16,
    /// One of the rule's matches in that part.
    index: u16,
    comes: bool,
}

impl Step {
    fn place(&self) -> (&ListenerKey, &Hostname, Part<'_>) {
        let attachment = &self.rule.attachments()[usize::from(self.attachment)];
        let hostname = &attachment.hostnames[usize::from(self.hostname)];
        (&attachment.listener, hostname, self.rule.part(usize::from(self.index)))
    }
}

/// All rules, compiled, and the hosts made of them.
pub(super) struct Rules {
    backends: Backends,
    telemetry: Telemetry,
    live: HashMap<RouteKey, Arc<Rule>, FxBuildHasher>,
    /// What is not in `hosts` yet, in the order in which it came about. Kept until it is, so that
    /// nothing is forgotten by an apply that panics.
    steps: Vec<Step>,
    /// Of the listeners that have routes, whether they exist or not.
    hosts: HashMap<ListenerKey, Arc<Hosts>, FxBuildHasher>,
}

impl Rules {
    pub(super) fn new(backends: Backends, telemetry: Telemetry) -> Self {
        Self {
            backends,
            telemetry,
            live: HashMap::default(),
            steps: Vec::new(),
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
        for item in before.diff(next) {
            match item {
                DiffItem::Add(key, route) | DiffItem::Update { new: (key, route), .. } => {
                    self.set(key, route, refusals);
                }
                DiffItem::Remove(key, _) => {
                    refusals.clear(&Scope::Route(key.clone()));
                    if let Some(rule) = self.live.remove(key) {
                        self.step(&rule, false);
                    }
                }
            }
        }
        self.compile()
    }

    fn set(&mut self, key: &RouteKey, route: &Arc<Route>, refusals: &mut Refusals) {
        let old = self.live.get(key);
        let metrics = old.map_or_else(|| self.telemetry.route(key), |old| old.metrics.clone());
        let mut notes = Vec::new();
        match Rule::new(key, route, &self.backends, metrics, &mut notes) {
            Ok(rule) => {
                let rule = Arc::new(rule);
                if let Some(old) = self.live.insert(key.clone(), rule.clone()) {
                    self.step(&old, false);
                }
                self.step(&rule, true);
            }
            Err(reason) => {
                let live =
                    if old.is_some() { "the rule before it stays" } else { "it is left out" };
                notes.push(format!("{reason}; {live}"));
            }
        }
        refusals.set(Scope::Route(key.clone()), notes);
    }

    /// Notes a step for each place of a rule; a place that it has twice counts as one later on.
    fn step(&mut self, rule: &Arc<Rule>, comes: bool) {
        for (attachment, at) in (0..).zip(rule.attachments()) {
            for hostname in (0..).zip(&at.hostnames).map(|(hostname, _)| hostname) {
                for index in (0..).zip(rule.parts()).map(|(index, _)| index) {
                    let rule = rule.clone();
                    self.steps.push(Step { rule, attachment, hostname, index, comes });
                }
            }
        }
    }

    /// Takes all steps; the listeners whose hosts changed.
    fn compile(&mut self) -> BTreeSet<ListenerKey> {
        let mut changed = BTreeSet::new();
        self.steps.sort_by(|a, b| a.place().cmp(&b.place()));
        for steps in self.steps.chunk_by(|a, b| a.place() == b.place()) {
            let (listener, hostname, part) = steps[0].place();
            let hosts = self.hosts.entry(listener.clone()).or_default();
            let entries = after(hosts.part(hostname, part), steps);
            Arc::make_mut(hosts).set(hostname, part, entries);
            if hosts.is_empty() {
                self.hosts.remove(listener);
            }
            if !changed.contains(listener) {
                changed.insert(listener.clone());
            }
        }
        self.steps = Vec::new();
        changed
    }
}

/// The matches of one place after some steps there: the last of a rule decides.
fn after(mut entries: Vec<Entry>, steps: &[Step]) -> Vec<Entry> {
    let last: BTreeMap<_, _> = steps.iter().map(|step| (Arc::as_ptr(&step.rule), step)).collect();
    entries.retain(|entry| !last.contains_key(&Arc::as_ptr(entry.rule())));
    let come = last.into_values().filter(|step| step.comes);
    entries.extend(come.flat_map(|step| step.rule.entries(step.place().2)));
    entries
}
