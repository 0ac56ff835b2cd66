//! What is drained of the nodes that leave, and what is left alone.

use snapshot::{Backend, Endpoints, ObjectKey, Protocol, Version};

use super::super::Drains;
use super::*;

fn backend(name: &str) -> BackendKey {
    BackendKey { service: ObjectKey::new("shop", name), port: 80 }
}

fn said(host: u8, node: &str, state: EndpointState) -> Endpoint {
    Endpoint {
        address: ([10, 0, 0, host], 80).into(),
        uid: Some(format!("u{host}").into()),
        state,
        zone: None,
        node: Some(node.into()),
    }
}

/// Backends with ready endpoints: the hosts of each, with their nodes.
fn live(backends: &[(&str, &[(u8, &str)])]) -> Snapshot {
    let mut live = Snapshot { version: Version(1), ..Snapshot::default() };
    for (name, endpoints) in backends {
        let ready = |(host, node): &(u8, &str)| said(*host, node, EndpointState::Ready);
        let list = endpoints.iter().map(ready).collect();
        live.endpoints.insert(backend(name), Arc::new(Endpoints { list, ..Endpoints::default() }));
    }
    live
}

fn leaving(nodes: &[&str]) -> Leaving {
    nodes.iter().map(|node| ((*node).into(), "karpenter.sh/disrupted".into())).collect()
}

fn hosts<'a>(keys: impl IntoIterator<Item = &'a DrainKey>) -> Vec<String> {
    keys.into_iter().map(|key| key.to_string().replace("10.0.0.", "")).collect()
}

/// Plans, does as planned, and gives what was ordered and undone.
fn step(live: &Snapshot, nodes: &[&str], drains: &Drains) -> (Vec<String>, Vec<String>) {
    let plan = plan(live, &leaving(nodes), &drains.list(), Instant::now());
    let done = (hosts(plan.orders.iter().map(|order| &order.key)), hosts(&plan.undo));
    for order in plan.orders {
        drains.order(order, Instant::now()).unwrap();
    }
    for key in plan.undo {
        assert!(drains.undo(key, super::super::Origin::Node));
    }
    done
}

fn none() -> Vec<String> {
    Vec::new()
}

#[test]
fn a_node_that_leaves_is_drained_up_to_the_share_and_more_as_others_get_ready() {
    let drains = Drains::default();
    let mut now = live(&[("cart", &[(1, "a"), (2, "a"), (3, "a"), (4, "b")])]);
    assert_eq!(step(&now, &[], &drains), (none(), none()));
    assert_eq!(step(&now, &["a"], &drains), (vec!["1".into(), "2".into()], none()));
    assert_eq!(step(&now, &["a"], &drains), (none(), none()), "once");
    now = live(&[("cart", &[(1, "a"), (2, "a"), (3, "a"), (4, "b"), (5, "b"), (6, "b")])]);
    assert_eq!(step(&now, &["a"], &drains), (vec!["3".into()], none()));
    let order = drains.list()[0].order.clone();
    assert_eq!(order.pods[..], [Some("u1".into())]);
    assert_eq!(order.cause.to_string(), "node a: karpenter.sh/disrupted");
}

#[test]
fn a_node_that_stays_after_all_is_undone() {
    let drains = Drains::default();
    let now = live(&[("cart", &[(1, "a"), (2, "b"), (3, "c"), (4, "c")])]);
    assert_eq!(step(&now, &["a", "b"], &drains), (vec!["1".into(), "2".into()], none()));
    assert_eq!(step(&now, &["b"], &drains), (none(), vec!["1".into()]));
    assert_eq!(step(&now, &[], &drains), (none(), vec!["2".into()]));
    assert!(drains.list().is_empty());
}

#[test]
fn a_pod_of_several_backends_needs_room_in_each() {
    let drains = Drains::default();
    let both = live(&[
        ("cart", &[(1, "a"), (2, "b"), (3, "b"), (4, "b")]),
        ("shop", &[(1, "a"), (5, "a"), (6, "b"), (7, "b")]),
        ("tiny", &[(5, "a")]),
    ]);
    assert_eq!(step(&both, &["a"], &drains), (vec!["1".into()], none()), "tiny has no other");
}

#[test]
fn what_others_ordered_counts_and_a_policy_sets_the_share() {
    let drains = Drains::default();
    let mut now = live(&[("cart", &[(1, "a"), (2, "a"), (3, "b"), (4, "b")])]);
    let lifecycle = Lifecycle { node_drain_percent: Some(25), ..Lifecycle::default() };
    let policy = Backend { protocol: Protocol::Auto, tls: None, refused: None, lifecycle };
    now.backends.insert(backend("cart"), Arc::new(policy));
    let cause = DrainCause::Api { by: "a person".into() };
    let drain = Drain { pods: [Some("u4".into())].into(), cause, cut: ByKind::default() };
    let own = DrainKey::whole([10, 0, 0, 4].into());
    now.drains.insert(own, Arc::new(drain));
    assert_eq!(step(&now, &["a"], &drains), (none(), none()), "a quarter is drained");
    now.drains.remove(&own);
    assert_eq!(step(&now, &["a"], &drains), (vec!["1".into()], none()));
}

#[test]
fn only_what_takes_requests_is_drained_and_what_runs_has_the_policys_time() {
    let now = Instant::now();
    let mut live = live(&[("cart", &[(1, "a"), (2, "b")])]);
    let mut list = live.endpoints[&backend("cart")].list.to_vec();
    list.push(said(3, "a", EndpointState::NotReady));
    list.push(said(4, "a", EndpointState::Draining));
    let endpoints = Endpoints { list: list.into(), ..Endpoints::default() };
    live.endpoints.insert(backend("cart"), Arc::new(endpoints));
    let mut lifecycle = Lifecycle::default();
    lifecycle.drain.streams = Some(Duration::from_secs(60));
    let policy = Backend { protocol: Protocol::Auto, tls: None, refused: None, lifecycle };
    live.backends.insert(backend("cart"), Arc::new(policy));
    let plan = plan(&live, &leaving(&["a"]), &[], now);
    assert_eq!(hosts(plan.orders.iter().map(|order| &order.key)), ["1"]);
    let limits = ByKind { streams: Some(now + Duration::from_secs(60)), ..ByKind::default() };
    assert_eq!(plan.orders[0].limits, limits);
}
