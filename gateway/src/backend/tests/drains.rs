//! What a drain does to endpoints and to the requests that want them.

use imbl::OrdMap;
use snapshot::{ByKind, Drain, DrainCause, DrainKey};

use super::*;

/// Drains these addresses for the pods of these tests, and ends all other drains.
fn drain(backends: &Backends, addresses: &[&str]) {
    drain_for(backends, addresses, "pod");
}

fn drain_for(backends: &Backends, addresses: &[&str], uid: &str) {
    let cause = DrainCause::Api { by: "test".into() };
    let drain = Arc::new(Drain { pods: [Some(uid.into())].into(), cause, cut: ByKind::default() });
    let keys = addresses.iter().map(|address| address.parse::<DrainKey>().unwrap());
    let drains: OrdMap<_, _> = keys.map(|key| (key, Arc::clone(&drain))).collect();
    let all = (0..4).map(|host| DrainKey::whole([10, 0, 0, host].into()));
    backends.set_drains(drains, all);
}

fn drained(backends: &Backends) -> Vec<bool> {
    let of = backends.view().into_iter().find(|view| view.backend == key()).unwrap();
    of.endpoints.iter().map(|view| view.drained.is_some()).collect()
}

#[tokio::test]
async fn a_drained_endpoint_takes_nothing_and_its_address_covers_every_port() {
    let (backends, backend) = backend(&[Ready, Ready]);
    let mut other_port = said(0, "pod", Ready);
    other_port.address.set_port(9090);
    let other_key = BackendKey { port: 81, ..key() };
    backends.set_endpoints(&other_key, listed(Arc::from([other_port])));
    drain(&backends, &["10.0.0.0"]);
    assert_eq!(drained(&backends), [true, false]);
    assert!(backends.handle(&other_key).set.load().members()[0].is_draining());
    for _ in 0..50 {
        assert_eq!(host(&backend.pick(&[], None, None).await.unwrap()), 1);
    }
    drain(&backends, &["10.0.0.0:9090"]);
    assert_eq!(drained(&backends), [false, false]);
    assert!(backends.handle(&other_key).set.load().members()[0].is_draining());
}

#[tokio::test]
async fn an_endpoint_that_comes_after_its_drain_is_drained_and_another_pod_is_not() {
    let backends = backends();
    drain(&backends, &["10.0.0.0", "10.0.0.1:8080"]);
    put(&backends, &[Ready, Ready, Ready]);
    assert_eq!(drained(&backends), [true, true, false]);
    let list = Arc::from([said(0, "another", Ready), said(1, "pod", Ready)]);
    backends.set_endpoints(&key(), listed(list));
    assert_eq!(drained(&backends), [false, true]);
}

#[tokio::test]
async fn when_all_are_drained_requests_wait_and_go_on_with_an_undo() {
    let (backends, backend) = backend(&[Ready]);
    let held = backend.pick(&[], None, None).await.unwrap();
    drain(&backends, &["10.0.0.0"]);
    let (picked, ()) = tokio::join!(backend.pick(&[], None, None), async {
        assert_eq!(view(&backend).waiting, 1);
        drain(&backends, &[]);
    });
    assert_eq!(host(&picked.unwrap()), 0);
    drop(held);
}

#[tokio::test]
async fn where_the_ready_ones_are_drained_one_that_terminates_serves() {
    let (backends, backend) = backend(&[Ready, Draining]);
    drain(&backends, &["10.0.0.0"]);
    assert_eq!(host(&backend.pick(&[], None, None).await.unwrap()), 1);
}

#[tokio::test]
async fn pools_hear_of_a_drain_once() {
    let (backends, backend) = backend(&[Ready, Ready]);
    let id = backend.set.load().members()[1].id();
    let mailbox = backends.subscribe();
    drain(&backends, &["10.0.0.1"]);
    drain(&backends, &["10.0.0.1", "10.0.0.1:8080"]);
    drain_for(&backends, &["10.0.0.0"], "another");
    drain(&backends, &["10.0.0.1"]);
    assert_eq!(mailbox.next().await, Retired::These(vec![id, id]));
    let member = Arc::clone(&backend.set.load().members()[1]);
    put(&backends, &[Ready, Ready]);
    assert!(member.is_retired(), "though it is ready");
}
