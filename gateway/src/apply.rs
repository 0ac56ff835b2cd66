//! Snapshot in, live tables out: the only module that stores a table.
//!
//! Promises: work grows with the difference of two snapshots, not with their size. Drains hold
//! before all else; endpoints are live before their backends, backends before the routes that name
//! them, and what goes goes after the routes that named it. What cannot be compiled is refused by
//! name and its old form stays. A table is stored once per apply; what did not change is shared
//! with the tables before.
//!
//! Left to others: sockets. A slot that has no listener any more keeps its last table, for the
//! connections that are still on it, until whoever accepts for it has closed them.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use arc_swap::{ArcSwap, Guard};
use imbl::ordmap::DiffItem;
use snapshot::{Snapshot, Version};

use crate::backend::Backends;
use crate::table::Table;
use crate::telemetry::Telemetry;

mod identities;
mod ports;
mod refusals;
mod rules;

use ports::{Ports, addresses};
pub(crate) use refusals::Refusal;
use refusals::{Refusals, Scope};
use rules::Rules;

/// An address to listen on, with the table that serves it.
pub(crate) struct Slot {
    /// Where to listen; the unspecified IPv6 address means both families.
    pub(crate) address: SocketAddr,
    table: ArcSwap<Table>,
}

impl Slot {
    /// The table now. Cheap; hold it no longer than a lookup takes.
    pub(crate) fn load(&self) -> Guard<Arc<Table>> {
        self.table.load()
    }
}

/// Turns snapshots into tables.
pub(crate) struct Applier {
    backends: Backends,
    last: Arc<Snapshot>,
    /// What an apply meant to make live that did not come to its end.
    begun: Option<Arc<Snapshot>>,
    rules: Rules,
    ports: Ports,
    slots: BTreeMap<SocketAddr, Arc<Slot>>,
    refusals: Refusals,
}

/// What an apply led to.
pub(crate) struct Outcome {
    /// The version that is live now.
    pub(crate) version: Version,
    /// Every address to listen on. A slot stays the same as long as its address is listened on.
    pub(crate) slots: BTreeMap<SocketAddr, Arc<Slot>>,
    /// All that is not live as the snapshot has it, also by earlier applies.
    pub(crate) refusals: Vec<Refusal>,
}

impl Applier {
    /// An applier of nothing yet.
    pub(crate) fn new(backends: Backends, telemetry: Telemetry) -> Self {
        Self {
            backends: backends.clone(),
            last: Arc::default(),
            begun: None,
            rules: Rules::new(backends, telemetry),
            ports: Ports::default(),
            slots: BTreeMap::new(),
            refusals: Refusals::default(),
        }
    }

    /// Makes `next` live; it is when this returns. May be called again after it panicked.
    pub(crate) fn apply(&mut self, next: Arc<Snapshot>) -> Outcome {
        // What an apply before left half done is as it was before it or as it meant it to be: the
        // differences to both are all there is to do.
        let unfinished = self.begun.replace(next.clone());
        for from in [Some(self.last.clone()), unfinished].into_iter().flatten() {
            self.go(&from, &next);
        }
        self.begun = None;
        self.last = next;
        let (slots, refusals) = (self.slots.clone(), self.refusals.list());
        Outcome { version: self.last.version, slots, refusals }
    }

    fn go(&mut self, last: &Snapshot, next: &Snapshot) {
        self.drain(last, next);
        self.add_backends(last, next);
        let mut changed = self.ports.apply(last, next, &mut self.refusals);
        let listeners = self.rules.apply(&last.routes, &next.routes, &mut self.refusals);
        let found = listeners.iter().filter_map(|key| next.listeners.get(key));
        changed.extend(found.flat_map(|listener| addresses(listener)));
        for address in changed {
            self.store(address, next.version);
        }
        self.remove_backends(last, next);
    }

    /// First of all, so that no endpoint that is drained ever takes a request.
    fn drain(&self, last: &Snapshot, next: &Snapshot) {
        let changed = last.drains.diff(&next.drains).map(|item| match item {
            DiffItem::Add(key, _) | DiffItem::Remove(key, _) => *key,
            DiffItem::Update { new: (key, _), .. } => *key,
        });
        let changed: Vec<_> = changed.collect();
        if !changed.is_empty() {
            self.backends.set_drains(next.drains.clone(), changed.into_iter());
        }
    }

    fn add_backends(&mut self, last: &Snapshot, next: &Snapshot) {
        for item in last.endpoints.diff(&next.endpoints) {
            if let DiffItem::Add(key, new) | DiffItem::Update { new: (key, new), .. } = item {
                self.backends.set_endpoints(key, Some(new.clone()));
            }
        }
        for item in last.backends.diff(&next.backends) {
            if let DiffItem::Add(key, new) | DiffItem::Update { new: (key, new), .. } = item {
                let refused = self.backends.set(key, Some(new.clone())).err();
                self.refusals.set(Scope::Backend(key.clone()), refused.into_iter().collect());
            }
        }
    }

    fn remove_backends(&mut self, last: &Snapshot, next: &Snapshot) {
        for item in last.backends.diff(&next.backends) {
            if let DiffItem::Remove(key, _) = item {
                // Nothing can be wrong with nothing.
                let refused = self.backends.set(key, None).err();
                self.refusals.set(Scope::Backend(key.clone()), refused.into_iter().collect());
            }
        }
        for item in last.endpoints.diff(&next.endpoints) {
            if let DiffItem::Remove(key, _) = item {
                self.backends.set_endpoints(key, None);
            }
        }
    }

    /// Makes the table of an address from its port and its listeners' hosts.
    fn store(&mut self, address: SocketAddr, version: Version) {
        let Some(port) = self.ports.get(&address) else {
            self.slots.remove(&address);
            return;
        };
        let listeners = port.listeners.iter();
        let table = Arc::new(Table {
            version,
            tls: port.tls.clone(),
            by_host: port.by_host.clone(),
            listeners: listeners.map(|info| (info.clone(), self.rules.hosts(&info.key))).collect(),
        });
        match self.slots.get(&address) {
            Some(slot) => slot.table.store(table),
            None => {
                let slot = Slot { address, table: ArcSwap::new(table) };
                self.slots.insert(address, Arc::new(slot));
            }
        }
    }
}

#[cfg(test)]
mod tests;
