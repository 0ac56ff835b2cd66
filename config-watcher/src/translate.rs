//! Objects in, snapshot and statuses out: pure, incremental, equal to a whole translation.
//!
//! A change wakes the units that read what changed, in phases; a unit whose output stays equal
//! wakes nobody. No clock, no I/O, no randomness: the result is a function of the objects and
//! [`Options`] alone, whatever the order in which changes came.

use std::net::IpAddr;
use std::sync::Arc;

use imbl::OrdSet;
use ipnet::IpNet;
use serde::Serialize;
use snapshot::{ObjectKey, Snapshot};

use crate::objects::{Change, Kind, Objects};
use crate::status::Statuses;

mod attach;
mod backend;
mod backend_ref;
mod backend_tls;
mod ca;
mod certificate;
mod class;
mod conflict;
mod duration;
mod endpoints;
mod engine;
mod fault;
mod features;
mod field;
mod filter;
mod gateway;
mod grant;
mod graph;
mod index;
mod lifecycle;
mod listener;
mod listener_set;
mod listener_status;
mod matching;
mod namespaces;
mod output;
mod path;
mod pem;
mod policy;
mod pool;
mod published;
mod rank;
mod reads;
mod refusal;
mod route;
mod rule;
#[cfg(test)]
pub(crate) mod sample;
mod service;
mod session;
mod store;
mod timeouts;
mod unit;
mod usage;

/// What the operator chose.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Services of type `ExternalName` may be backends. Off by default: whoever may write a
    /// Service could make the gateway send requests anywhere.
    pub allow_external_name: bool,
    /// Endpoints with loopback addresses are served. For a folder of manifests on one machine.
    pub allow_loopback: bool,
    /// Every Gateway gets an address of its own from here and binds there; without a pool, Gateways
    /// that ask for no address bind the unspecified one.
    pub address_pool: Option<IpNet>,
    /// At which addresses clients reach a Gateway that binds the unspecified one; shown in its
    /// status.
    pub reached_at: Vec<IpAddr>,
    /// The release of the CRDs in the cluster, when it is none that we know.
    pub unknown_crds: Option<Arc<str>>,
}

/// Names of Secrets and ConfigMaps; persistent, so that whoever fetches them can ask for the
/// difference to what they knew.
pub type Wanted = OrdSet<(Kind, ObjectKey)>;

/// Keeps the snapshot and the statuses that follow from the objects.
#[derive(Debug, Default)]
pub struct Translator(engine::Engine);

/// How much the translator keeps track of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Size {
    /// Gateways, listeners, routes, backends: whatever is computed as a whole.
    pub units: usize,
    /// How many things these read, each counted for each of its readers.
    pub reads: usize,
}

impl Translator {
    /// A translator that has seen no object.
    #[must_use]
    pub fn new(options: Options) -> Self {
        Self(engine::Engine::new(options))
    }

    /// Takes changes in, in their order; true when the snapshot or the statuses differ afterwards.
    pub fn apply(&mut self, changes: Vec<Change>) -> bool {
        self.0.apply(changes)
    }

    /// The objects as of the last change.
    #[must_use]
    pub fn objects(&self) -> &Objects {
        self.0.objects()
    }

    /// What the proxies serve. Its version is greater than that of the one before only if its
    /// resources differ.
    #[must_use]
    pub fn snapshot(&self) -> &Arc<Snapshot> {
        self.0.snapshot()
    }

    /// What we say of each object.
    #[must_use]
    pub fn statuses(&self) -> &Statuses {
        self.0.statuses()
    }

    /// The Secrets and ConfigMaps that objects refer to and may refer to, whether they exist or
    /// not: all that a source needs to ask for.
    #[must_use]
    pub fn wanted(&self) -> &Wanted {
        self.0.wanted()
    }

    /// How much is kept track of.
    #[must_use]
    pub fn size(&self) -> Size {
        let (units, reads) = self.0.graph().size();
        Size { units, reads }
    }
}
