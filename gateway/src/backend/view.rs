//! Backends with the live state of their endpoints, for people.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Serialize;
use snapshot::{BackendKey, DrainCause, EndpointState};

use super::Backend;
use super::drained::Drained;
use super::set::EndpointSet;

/// A backend as it is now.
#[derive(Clone, Debug, Serialize)]
pub struct BackendView {
    /// Which one.
    pub backend: BackendKey,
    /// Its policies; `None` when no snapshot has it and only a route names it.
    pub policy: Option<Arc<snapshot::Backend>>,
    /// Requests that wait for an endpoint.
    pub waiting: usize,
    /// Addresses that were left out, each with the reason.
    pub ignored: Arc<[Arc<str>]>,
    /// By address.
    pub endpoints: Vec<EndpointView>,
}

/// An endpoint as it is now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct EndpointView {
    /// Address and the pod's own port.
    pub address: SocketAddr,
    /// UID of the pod.
    pub uid: Option<Arc<str>>,
    /// `zone` of its node.
    pub zone: Option<Arc<str>>,
    /// What the EndpointSlice says.
    pub state: EndpointState,
    /// Who keeps requests out, if somebody does.
    pub drained: Option<DrainCause>,
    /// Requests, streams and tunnels.
    pub in_flight: usize,
    /// Connections, idle ones included.
    pub connections: usize,
    /// Contacts that failed in a row.
    pub failures: u32,
    /// What is left of its quarantine, in milliseconds.
    pub quarantine_ms: Option<u64>,
    /// It is missing from the EndpointSlices and held all the same, for so many milliseconds at
    /// least if it refuses no connection.
    pub held_ms: Option<u64>,
}

impl Backend {
    /// The backend as it is now.
    pub(super) fn view(&self, now: Instant, drained: &Drained) -> BackendView {
        // Sets are swapped under this lock: what is held and the set are of one moment.
        let floor = self.floor();
        let set = self.set.load_full();
        let left = floor.held_until().map(|until| until.saturating_duration_since(now));
        let held = left.map(|left| (floor.held().to_vec(), millis(left)));
        drop(floor);
        BackendView {
            backend: self.key.clone(),
            policy: self.config.load().as_ref().map(|config| Arc::clone(config.source())),
            waiting: self.waiting.load(std::sync::atomic::Ordering::Relaxed),
            ignored: Arc::clone(&set.source().ignored),
            endpoints: endpoints(&set, held.as_ref(), drained, now),
        }
    }
}

fn endpoints(
    set: &EndpointSet,
    held: Option<&(Vec<snapshot::Endpoint>, u64)>,
    drained: &Drained,
    now: Instant,
) -> Vec<EndpointView> {
    let live = set.source().list.iter().zip(set.members());
    live.map(|(said, live)| EndpointView {
        address: said.address,
        uid: said.uid.clone(),
        zone: said.zone.clone(),
        state: said.state,
        drained: drained.cause(said.address, said.uid.as_deref()),
        in_flight: live.in_flight(),
        connections: live.connections(),
        failures: live.failures(),
        quarantine_ms: live.pause(now).map(millis),
        held_ms: held.filter(|(held, _)| held.contains(said)).map(|(_, left)| *left),
    })
    .collect()
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
