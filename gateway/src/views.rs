//! What is live right now, for people: backends with the state of their endpoints, and addresses.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use snapshot::{ByKind, DrainKey};

use crate::backend::Backends;
pub use crate::backend::{BackendView, EndpointView};
use crate::listen::Listeners;

/// Looks at a gateway from any thread; clones look at the same one.
#[derive(Clone)]
pub struct Views {
    backends: Backends,
    listeners: Arc<Mutex<Listeners>>,
}

/// Where connections are taken.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Addresses {
    /// Addresses that are listened on.
    pub bound: Vec<SocketAddr>,
    /// Addresses that should be and are not, with the cause. They are tried again every second.
    pub unbound: Vec<(SocketAddr, String)>,
}

impl Views {
    pub(crate) fn new(backends: Backends, listeners: Arc<Mutex<Listeners>>) -> Self {
        Self { backends, listeners }
    }

    /// All backends, by key.
    #[must_use]
    pub fn backends(&self) -> Vec<BackendView> {
        self.backends.view()
    }

    /// What is in flight at an address, to the pods that `means` says.
    #[must_use]
    pub fn in_flight(&self, key: &DrainKey, means: impl Fn(Option<&str>) -> bool) -> ByKind<usize> {
        self.backends.left(key, means)
    }

    /// Which addresses are listened on.
    #[must_use]
    pub fn addresses(&self) -> Addresses {
        // A panic while it was locked has left it whole.
        let listeners = self.listeners.lock().unwrap_or_else(PoisonError::into_inner);
        let now = listeners.bound();
        Addresses { bound: now.bound, unbound: now.unbound }
    }
}
