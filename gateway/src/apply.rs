//! Snapshot in, live tables out: the only module that stores a table.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use arc_swap::{ArcSwap, Guard};
use snapshot::{Snapshot, Version};

use crate::backend::Backends;
use crate::settings::Settings;
use crate::table::Table;
use crate::telemetry::Telemetry;

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
    telemetry: Telemetry,
    settings: Arc<Settings>,
}

/// What an apply led to.
pub(crate) struct Outcome {
    /// The version that is live now.
    pub(crate) version: Version,
    /// Every address to listen on. A slot stays the same as long as its address is listened on.
    pub(crate) slots: BTreeMap<SocketAddr, Arc<Slot>>,
    /// What is not live as the snapshot has it.
    pub(crate) refusals: Vec<Refusal>,
}

/// A resource that cannot be served as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Its name.
    pub resource: String,
    /// What is wrong with it, and what is live instead.
    pub reason: String,
}

impl Applier {
    /// An applier of nothing yet.
    pub(crate) fn new(backends: Backends, telemetry: Telemetry, settings: Arc<Settings>) -> Self {
        Self { backends, telemetry, settings }
    }

    /// Makes `next` live: endpoints and backends first, then tables.
    pub(crate) fn apply(&mut self, _next: Arc<Snapshot>) -> Outcome {
        unimplemented!("lands next")
    }
}
