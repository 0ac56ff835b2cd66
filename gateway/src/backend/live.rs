//! Every endpoint that somebody holds: one object for one address of one pod.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Weak};

use dashmap::DashMap;

use crate::endpoint::Endpoint;

/// Entries before the first sweep, so that small registries are never swept.
const FIRST_SWEEP: usize = 1024;

/// Endpoints by address and pod. Holds none of them: an endpoint lives as long as a set, a request
/// or a connection has it.
#[derive(Debug, Default)]
pub(super) struct Live {
    endpoints: DashMap<(SocketAddr, Option<Arc<str>>), Weak<Endpoint>>,
}

impl Live {
    /// The endpoint of an address and a pod, made if nobody holds it.
    pub(super) fn endpoint(&self, of: &snapshot::Endpoint) -> Arc<Endpoint> {
        let mut entry = self.endpoints.entry((of.address, of.uid.clone())).or_default();
        if let Some(live) = entry.upgrade() {
            return live;
        }
        let made = Arc::new(Endpoint::new(of.address));
        *entry = Arc::downgrade(&made);
        made
    }

    /// Forgets endpoints that nobody holds, once they may be half of all: `after` is what the last
    /// sweep left, and the next one's is given back.
    pub(super) fn sweep(&self, after: usize) -> usize {
        if self.endpoints.len() < after.max(FIRST_SWEEP / 2) * 2 {
            return after;
        }
        self.endpoints.retain(|_, endpoint| endpoint.strong_count() > 0);
        self.endpoints.len()
    }

    /// Every endpoint of an address, whatever its port.
    pub(super) fn at(&self, address: IpAddr) -> Vec<Arc<Endpoint>> {
        let of_address = self.endpoints.iter().filter(|entry| entry.key().0.ip() == address);
        of_address.filter_map(|entry| entry.value().upgrade()).collect()
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.endpoints.len()
    }
}
