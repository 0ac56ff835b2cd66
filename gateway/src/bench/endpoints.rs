//! Endpoints: choosing one, and taking over that one left or came.

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures::task::noop_waker;
use snapshot::{
    Backend, BackendKey, Endpoint, EndpointState, Endpoints, Lifecycle, ObjectKey, Protocol,
    Snapshot,
};

use super::Run;
use crate::apply::Applier;
use crate::backend::Backends;
use crate::telemetry::Telemetry;

/// Seeds the draws, so that they are the same in every run.
const SEED: u64 = 7;

/// A request takes an endpoint and gives it back.
pub(super) fn pick<const ENDPOINTS: usize>() -> Run {
    let (backends, _applier) = applied(&snapshot(ENDPOINTS));
    let backend = backends.handle(&key());
    fastrand::seed(SEED);
    Box::new(move || {
        let waker = noop_waker();
        let picked = pin!(backend.pick(&[], None, None));
        let picked = Future::poll(picked, &mut Context::from_waker(&waker));
        assert!(matches!(picked, Poll::Ready(Ok(_))), "an endpoint is ready");
    })
}

/// The last endpoint leaves, and comes back at the next call.
pub(super) fn change<const ENDPOINTS: usize>() -> Run {
    let before = snapshot(ENDPOINTS);
    let mut after = snapshot(ENDPOINTS - 1);
    after.version = after.version.next();
    let (_, mut applier) = applied(&before);
    let (mut next, mut last) = (Arc::new(after), Arc::new(before));
    Box::new(move || {
        applier.apply(next.clone());
        std::mem::swap(&mut next, &mut last);
    })
}

fn applied(snapshot: &Snapshot) -> (Backends, Applier) {
    let telemetry = Telemetry::new();
    let backends = Backends::new(Arc::default(), telemetry.clone());
    let mut applier = Applier::new(backends.clone(), telemetry);
    applier.apply(Arc::new(snapshot.clone()));
    (backends, applier)
}

fn snapshot(endpoints: usize) -> Snapshot {
    let mut snapshot = Snapshot::default();
    let backend = Backend {
        protocol: Protocol::Auto,
        tls: None,
        refused: None,
        lifecycle: Lifecycle::default(),
    };
    snapshot.backends.insert(key(), Arc::new(backend));
    let list = (0..endpoints).map(endpoint).collect();
    snapshot.endpoints.insert(key(), Arc::new(Endpoints { list, ..Endpoints::default() }));
    snapshot
}

fn key() -> BackendKey {
    BackendKey { service: ObjectKey::new("shop", "cart"), port: 80 }
}

fn endpoint(index: usize) -> Endpoint {
    let [high, low] = u16::try_from(index).expect("a few thousand at most").to_be_bytes();
    Endpoint {
        address: SocketAddr::from(([10, 0, high, low], 8080)),
        uid: Some(format!("pod-{index}").into()),
        state: EndpointState::Ready,
        zone: None,
        node: None,
    }
}
