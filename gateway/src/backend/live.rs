//! Every endpoint that somebody holds: one object for one address of one pod.

use std::net::IpAddr;
use std::sync::{Arc, Weak};

use dashmap::DashMap;
use rustc_hash::FxBuildHasher;

use crate::endpoint::Endpoint;

/// Entries before the first sweep, so that small registries are never swept.
const FIRST_SWEEP: usize = 1024;

/// Endpoints by address and pod. Holds none of them: an endpoint lives as long as a set, a request
/// or a connection has it.
#[derive(Debug, Default)]
pub(super) struct Live {
    endpoints: DashMap<IpAddr, Vec<Place>, FxBuildHasher>,
}

/// One port of one pod at an address.
#[derive(Debug)]
struct Place {
    port: u16,
    uid: Option<Arc<str>>,
    endpoint: Weak<Endpoint>,
}

/// An endpoint that somebody holds, with the pod that it is of.
pub(super) struct Held {
    pub(super) uid: Option<Arc<str>>,
    pub(super) endpoint: Arc<Endpoint>,
}

impl Live {
    /// The endpoint of an address and a pod, made if nobody holds it; true if it was.
    pub(super) fn endpoint(&self, of: &snapshot::Endpoint) -> (Arc<Endpoint>, bool) {
        let mut places = self.endpoints.entry(of.address.ip()).or_default();
        if let Some(live) = places.iter().find_map(|place| place.endpoint_if(of)) {
            return (live, false);
        }
        let made = Arc::new(Endpoint::new(of.address));
        places.retain(|place| place.endpoint.upgrade().inspect(|other| other.contest()).is_some());
        let (port, uid, endpoint) = (of.address.port(), of.uid.clone(), Arc::downgrade(&made));
        places.push(Place { port, uid, endpoint });
        (made, true)
    }

    /// Whether an endpoint that somebody holds takes no requests, whatever a listing says: it was
    /// not to be contacted, it is drained, or its address was heard of as another pod's after it
    /// was this one's. Pods come and go, and their addresses are used again.
    pub(super) fn is_lost(&self, of: &snapshot::Endpoint) -> bool {
        let Some(places) = self.endpoints.get(&of.address.ip()) else { return false };
        let own = places.iter().find_map(|place| place.endpoint_if(of));
        own.is_some_and(|own| {
            own.failures() > 0 || own.is_draining() || is_taken_over(&places, of, &own)
        })
    }

    /// The same of an endpoint that is at hand.
    pub(super) fn is_lost_one(&self, of: &snapshot::Endpoint, endpoint: &Endpoint) -> bool {
        endpoint.failures() > 0
            || endpoint.is_draining()
            || endpoint.is_contested() && self.is_lost(of)
    }

    /// Forgets addresses whose endpoints nobody holds, once they may be half of all: `after` is
    /// what the last sweep left, and the next one's is given back.
    pub(super) fn sweep(&self, after: usize) -> usize {
        if self.endpoints.len() < after.max(FIRST_SWEEP / 2) * 2 {
            return after;
        }
        self.endpoints.retain(|_, places| {
            places.retain(|place| place.endpoint.strong_count() > 0);
            !places.is_empty()
        });
        self.endpoints.len()
    }

    /// Every endpoint of an address, whatever its port.
    pub(super) fn at(&self, address: IpAddr) -> Vec<Held> {
        let Some(places) = self.endpoints.get(&address) else { return Vec::new() };
        let held = places.iter().filter_map(|place| {
            Some(Held { uid: place.uid.clone(), endpoint: place.endpoint.upgrade()? })
        });
        held.collect()
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.endpoints.iter().map(|places| places.len()).sum()
    }
}

/// Whether another pod has come to the address of an endpoint since.
fn is_taken_over(places: &[Place], of: &snapshot::Endpoint, endpoint: &Endpoint) -> bool {
    let others = places.iter().filter(|place| place.uid.is_some() && place.uid != of.uid);
    of.uid.is_some()
        && others
            .filter_map(|place| place.endpoint.upgrade())
            .any(|other| other.id() > endpoint.id())
}

impl Place {
    /// Its endpoint, if this is the place of `of` and anybody holds it.
    fn endpoint_if(&self, of: &snapshot::Endpoint) -> Option<Arc<Endpoint>> {
        let same = self.port == of.address.port() && self.uid == of.uid;
        if same { self.endpoint.upgrade() } else { None }
    }
}
