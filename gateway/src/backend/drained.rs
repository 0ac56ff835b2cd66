//! Which endpoints take nothing new because somebody said so: the snapshot's drains, brought to
//! live endpoints.
//!
//! Promises: an endpoint is drained as long as a drain covers it, and from its first moment if it
//! comes later than the drain. Who says so, and until when, is left to the watcher.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use imbl::OrdMap;
use snapshot::{Drain, DrainCause, DrainKey};

use super::live::{Held, Live};
use crate::endpoint::Endpoint;

/// The drains of the snapshot that is live. Locked by changes and views only.
#[derive(Default)]
pub(super) struct Drained(Mutex<Drains>);

/// As a snapshot has them.
pub(super) type Drains = OrdMap<DrainKey, Arc<Drain>>;

/// What a change of drains led to.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Turned {
    /// Endpoints that take nothing new from now on, by id.
    pub(super) out: Vec<u64>,
    /// One at least takes requests again.
    pub(super) back: bool,
    /// Something that runs is to be cut.
    pub(super) cut: bool,
}

impl Drained {
    /// Makes `next` hold, and turns the live endpoints of the addresses that `changed`.
    pub(super) fn set(
        &self,
        next: Drains,
        changed: impl Iterator<Item = DrainKey>,
        live: &Live,
    ) -> Turned {
        *self.lock() = next;
        let mut turned = Turned::default();
        for Held { uid, endpoint } in changed.flat_map(|key| live.at(key.address)) {
            let was = endpoint.is_draining();
            turned.cut |= self.turn(&endpoint, uid.as_deref());
            match (was, endpoint.is_draining()) {
                (false, true) => turned.out.push(endpoint.id()),
                (true, false) => turned.back = true,
                _ => {}
            }
        }
        turned
    }

    /// Brings an endpoint of this pod into the state that the drains ask for. True when something
    /// that runs there is to be cut.
    pub(super) fn turn(&self, endpoint: &Endpoint, uid: Option<&str>) -> bool {
        let drains = self.lock();
        let cuts = Drain::of(&drains, endpoint.address(), uid).map(|drain| drain.cut);
        match cuts.reduce(|one, other| one.zip(other).map(|(one, other)| one || other)) {
            Some(cut) => endpoint.drain(cut),
            None => {
                endpoint.resume();
                false
            }
        }
    }

    /// Why an endpoint of this pod is drained, if it is.
    pub(super) fn cause(&self, address: SocketAddr, uid: Option<&str>) -> Option<DrainCause> {
        Drain::of(&self.lock(), address, uid).next().map(|drain| drain.cause.clone())
    }

    /// A change is one assignment: a panic has left it whole.
    fn lock(&self) -> MutexGuard<'_, Drains> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
