//! How long translation takes, with many objects. Measures and prints; asserts nothing of time.
//!
//! `cargo test --release -p headgate-config-watcher --test translate -- --ignored --nocapture`

use std::time::{Duration, Instant};

use config_watcher::decode;
use config_watcher::objects::{AnyObject, Change, Kind};
use config_watcher::translate::{Options, Translator};
use serde_json::{Value, json};

const SERVICES: usize = 5_000;
const ENDPOINTS: usize = 20;
/// How often each single change is measured.
const TIMES: usize = 200;

fn object(kind: Kind, namespace: &str, name: &str, mut body: Value) -> AnyObject {
    let service = name.trim_end_matches("-1");
    body["metadata"] = json!({
        "name": name, "namespace": namespace, "generation": 1,
        "labels": {"kubernetes.io/service-name": service},
    });
    let Value::Object(body) = body else { unreachable!("every body is an object") };
    decode::object(kind, body, None).expect("it is well-formed")
}

fn gateway(hostname: &str) -> AnyObject {
    let mut listener = json!({"name": "http", "port": 80, "protocol": "HTTP",
                              "allowedRoutes": {"namespaces": {"from": "All"}}});
    if !hostname.is_empty() {
        listener["hostname"] = json!(hostname);
    }
    let spec = json!({"gatewayClassName": "headgate", "listeners": [listener]});
    object(Kind::Gateway, "infra", "public", json!({"spec": spec}))
}

fn route(index: usize, path: &str) -> AnyObject {
    let spec = json!({
        "parentRefs": [{"name": "public", "namespace": "infra"}],
        "hostnames": [format!("s{index}.example.com")],
        "rules": [{
            "matches": [{"path": {"type": "PathPrefix", "value": path}}],
            "backendRefs": [{"name": format!("s{index}"), "port": 80}],
        }],
    });
    object(Kind::HttpRoute, "shop", &format!("s{index}"), json!({"spec": spec}))
}

fn slice(index: usize, ready: bool) -> AnyObject {
    let endpoints: Vec<_> = (0..ENDPOINTS)
        .map(|pod| {
            let address = format!("10.{}.{}.{}", index / 250, index % 250, pod + 1);
            json!({"addresses": [address], "conditions": {"ready": ready || pod > 0},
                   "targetRef": {"kind": "Pod", "uid": format!("{index}-{pod}")}})
        })
        .collect();
    let ports = json!([{"name": "http", "port": 8080}]);
    let body = json!({"addressType": "IPv4", "ports": ports, "endpoints": endpoints});
    object(Kind::EndpointSlice, "shop", &format!("s{index}-1"), body)
}

fn everything() -> Vec<Change> {
    let class = json!({"spec": {"controllerName": "headgate.dev/gateway-controller"}});
    let mut objects = vec![object(Kind::GatewayClass, "", "headgate", class), gateway("")];
    for index in 0..SERVICES {
        let ports = json!({"spec": {"ports": [{"name": "http", "port": 80}]}});
        objects.push(object(Kind::Service, "shop", &format!("s{index}"), ports));
        objects.push(route(index, "/"));
        objects.push(slice(index, true));
    }
    objects.into_iter().map(Change::Put).collect()
}

fn measure(
    translator: &mut Translator,
    what: &str,
    times: usize,
    mut change: impl FnMut(usize) -> AnyObject,
) {
    let mut spent: Vec<Duration> = (0..times)
        .map(|turn| {
            let changes = vec![Change::Put(change(turn))];
            let start = Instant::now();
            let changed = translator.apply(changes);
            let spent = start.elapsed();
            assert!(changed, "{what}: the change changes something");
            spent
        })
        .collect();
    spent.sort_unstable();
    println!("{what}: p50 {:?}, p99 {:?}", spent[times / 2], spent[times * 99 / 100]);
}

#[test]
#[ignore = "measures; run it by name, in release"]
fn speed() {
    let changes = everything();
    let mut translator = Translator::new(Options::default());
    let start = Instant::now();
    translator.apply(changes.clone());
    println!(
        "{SERVICES} routes, {SERVICES} services, {} endpoints as a whole: {:?}",
        SERVICES * ENDPOINTS,
        start.elapsed()
    );
    assert_eq!(translator.snapshot().routes.len(), SERVICES);
    println!("{:?}", translator.size());
    measure(&mut translator, "one endpoint", TIMES, |turn| slice(7, turn % 2 == 1));
    measure(&mut translator, "one rule", TIMES, |turn| {
        route(9, if turn % 2 == 0 { "/a" } else { "/" })
    });
    measure(&mut translator, "one more route", TIMES, |turn| route(SERVICES + turn, "/"));
    measure(&mut translator, "the hostname of the Gateway that all routes use", 10, |turn| {
        gateway(if turn % 2 == 0 { "*.example.com" } else { "" })
    });
    let mut one_by_one = Translator::new(Options::default());
    let start = Instant::now();
    for change in changes {
        one_by_one.apply(vec![change]);
    }
    println!("the same objects, one by one: {:?}", start.elapsed());
    assert_eq!(one_by_one.snapshot().routes.len(), SERVICES);
}
