//! Objects in, snapshot and statuses out: pure, incremental, equal to a whole translation.
//!
//! A change wakes the units that read what changed, in phases; a unit whose output stays equal
//! wakes nobody. No clock, no I/O, no randomness: the result is a function of the objects and
//! [`Options`] alone, whatever the order in which changes came.

use std::sync::Arc;

use snapshot::Snapshot;

use crate::objects::{Change, Objects};
use crate::status::Statuses;

mod attach;
mod backend;
mod ca;
mod certificate;
mod conflict;
mod duration;
mod endpoints;
mod engine;
mod fault;
mod field;
mod filter;
mod grant;
mod graph;
mod index;
mod matching;
mod output;
mod path;
mod pem;
mod policy;
mod rank;
mod reads;
mod refusal;
mod route;
mod service;
mod session;
mod store;
mod timeouts;
mod unit;

/// What the operator chose.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Services of type `ExternalName` may be backends. Off by default: whoever may write a
    /// Service could make the gateway send requests anywhere.
    pub allow_external_name: bool,
    /// Endpoints with loopback addresses are served. For a folder of manifests on one machine.
    pub allow_loopback: bool,
}

/// Keeps the snapshot and the statuses that follow from the objects.
#[derive(Debug, Default)]
pub struct Translator {
    options: Options,
    store: store::Store,
    snapshot: Arc<Snapshot>,
    statuses: Statuses,
}

impl Translator {
    /// A translator that has seen no object.
    #[must_use]
    pub fn new(options: Options) -> Self {
        Self { options, ..Self::default() }
    }

    /// Takes changes in, in their order; true when the snapshot or the statuses differ afterwards.
    pub fn apply(&mut self, changes: Vec<Change>) -> bool {
        let _ = (changes, &self.options);
        unimplemented!("written with the engine")
    }

    /// The objects as of the last change.
    #[must_use]
    pub fn objects(&self) -> &Objects {
        &self.store.objects
    }

    /// What the proxies serve. Its version is greater than that of the one before only if its
    /// resources differ.
    #[must_use]
    pub fn snapshot(&self) -> &Arc<Snapshot> {
        &self.snapshot
    }

    /// What we say of each object.
    #[must_use]
    pub fn statuses(&self) -> &Statuses {
        &self.statuses
    }
}
