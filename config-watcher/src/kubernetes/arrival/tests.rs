//! Which pods wait, and when they are let through.

use std::sync::Arc;

use serde_json::{Value, json};

use super::pod::Waiting;
use super::*;
use crate::translate::sample::Sample;

/// The Service `shop/cart` with a used port `http` to the pods' port `web` and another to 8080,
/// and the Service `shop/idle` that no route uses.
fn sample() -> Sample {
    let service = |name: &str, app: &str| {
        json!({"kind": "Service", "metadata": {"namespace": "shop", "name": name},
               "spec": {"selector": {"app": app}, "ports": [
                    {"name": "http", "port": 80, "targetPort": "web"},
                    {"name": "alt", "port": 81, "targetPort": 8080}]}})
    };
    Sample::new(json!([
        service("cart", "cart"),
        service("idle", "idle"),
        {"kind": "HTTPRoute", "metadata": {"namespace": "shop", "name": "cart"},
         "spec": {"parentRefs": [{"name": "web", "namespace": "infra"}],
                  "rules": [{"backendRefs": [{"name": "cart", "port": 80},
                                             {"name": "cart", "port": 81}]}]}},
    ]))
}

fn slice(port: &str, uids: &[&str]) -> Value {
    let endpoint = |(host, uid): (usize, &&str)| {
        json!({"addresses": [format!("10.0.0.{host}")], "conditions": {"ready": false},
               "targetRef": {"kind": "Pod", "uid": uid}})
    };
    json!({"kind": "EndpointSlice", "addressType": "IPv4",
           "metadata": {"namespace": "shop", "name": format!("cart-{port}"),
                        "labels": {"kubernetes.io/service-name": "cart"}},
           "ports": [{"name": port, "port": 8080}],
           "endpoints": uids.iter().enumerate().map(endpoint).collect::<Vec<_>>()})
}

fn served(sample: &Sample) -> Served {
    let snapshot = Arc::new(sample.snapshot().clone());
    Served::default().next(&snapshot, sample.0.objects(), false)
}

fn pod(app: &str, port: &str, gates: &Value, conditions: &Value) -> Pod {
    serde_json::from_value(json!({
        "metadata": {"namespace": "shop", "name": "cart-1", "uid": "u1", "labels": {"app": app}},
        "spec": {"readinessGates": gates, "nodeName": "a",
                 "containers": [{"name": "cart", "ports": [{"name": port}, {}]}, {}]},
        "status": {"conditions": conditions},
    }))
    .unwrap()
}

fn gated(app: &str, port: &str) -> Waiting {
    pod(app, port, &json!([{"conditionType": CONDITION}]), &json!(null)).waiting.unwrap()
}

#[test]
fn a_pod_waits_that_declares_the_gate_and_is_not_through() {
    let ours = json!([{"conditionType": "example.com/other"}, {"conditionType": CONDITION}]);
    for (gates, conditions, waits) in [
        (&ours, json!(null), true),
        (&ours, json!([{"type": "Ready", "status": "True"}]), true),
        (&ours, json!([{"type": CONDITION, "status": "False"}]), true),
        (&ours, json!([{"type": CONDITION, "status": "True"}]), false),
        (&json!([{"conditionType": "example.com/other"}]), json!(null), false),
        (&json!(null), json!(null), false),
    ] {
        let pod = pod("cart", "web", gates, &conditions);
        assert_eq!(pod.waiting.is_some(), waits, "{gates} {conditions}");
        assert_eq!(pod.key(), ObjectKey::new("shop", "cart-1"));
    }
}

#[test]
fn a_pod_is_through_when_every_port_that_selects_it_has_it() {
    let mut sample = sample();
    let cart = gated("cart", "web");
    let judge = |sample: &Sample, pod: &Waiting| pod.judge("shop", &served(sample));
    assert_eq!(cart.judge("shop", &Served::default()), None, "nothing is live");
    assert_eq!(judge(&sample, &cart), None);
    sample.put(slice("http", &["other", "u1"]));
    assert_eq!(judge(&sample, &cart), None);
    // A pod without the port that the Service names is no endpoint of it.
    sample.put(slice("alt", &["u1"]));
    assert_eq!(judge(&sample, &cart), Some(Routable::Applied));
    sample.put(slice("http", &["other"]));
    assert_eq!(judge(&sample, &cart), None);
    assert_eq!(judge(&sample, &gated("cart", "metrics")), Some(Routable::Applied));
}

#[test]
fn a_pod_that_no_route_uses_is_through_at_once() {
    let sample = sample();
    for app in ["idle", "nobody"] {
        let judged = gated(app, "web").judge("shop", &served(&sample));
        assert_eq!(judged, Some(Routable::NotRouted), "{app}");
    }
    assert_eq!(gated("cart", "web").judge("other", &served(&sample)), Some(Routable::NotRouted));
}

#[test]
fn selections_follow_services_and_used_ports() {
    let mut sample = sample();
    let before = served(&sample);
    let snapshot = Arc::new(sample.snapshot().clone());
    let same = before.next(&snapshot, sample.0.objects(), true);
    assert!(Arc::ptr_eq(&before.selections, &same.selections));
    sample.put(json!({"kind": "Service", "metadata": {"namespace": "shop", "name": "cart"},
                      "spec": {"ports": [{"name": "http", "port": 80}]}}));
    let snapshot = Arc::new(sample.snapshot().clone());
    let after = same.next(&snapshot, sample.0.objects(), false);
    let judged = gated("cart", "web").judge("shop", &after);
    assert_eq!(judged, Some(Routable::NotRouted), "without a selector it selects nobody");
}

#[test]
fn an_event_from_before_the_write_makes_no_pod_wait_again() {
    let gate = json!([{"conditionType": CONDITION}]);
    let waits = || pod("cart", "web", &gate, &json!(null));
    let key = ObjectKey::new("shop", "cart-1");
    let mut pods = Pods::default();
    pods.put(waits());
    assert_eq!(pods.waiting().count(), 1);
    pods.let_through(key.clone(), "u1".into());
    pods.put(waits());
    assert_eq!(pods.waiting().count(), 0, "older than the write");
    let mut another = waits();
    another.waiting.as_mut().unwrap().uid = "u2".into();
    pods.put(another);
    assert_eq!(pods.waiting().count(), 1, "another pod of this name");
    pods.put(pod("cart", "web", &gate, &json!([{"type": CONDITION, "status": "True"}])));
    assert_eq!(pods.waiting().count(), 0, "through");
    pods.put(waits());
    assert_eq!(pods.waiting().count(), 1, "somebody took it back");
    pods.remove(&key);
    assert_eq!(pods.waiting().count(), 0);
}

#[test]
fn the_condition_is_written_to_this_pod_only() {
    let now: Timestamp = "2026-01-31T12:00:00.5Z".parse().unwrap();
    let written = condition("u1", Routable::Applied, now);
    assert_eq!(written["metadata"]["uid"], "u1");
    let condition = &written["status"]["conditions"][0];
    assert_eq!(condition["type"], CONDITION);
    assert_eq!((&condition["status"], &condition["reason"]), (&json!("True"), &json!("Applied")));
}
