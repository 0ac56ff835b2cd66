//! The watcher: one object changes among many.

use config_watcher::decode;
use config_watcher::objects::{AnyObject, Change, Kind};
use config_watcher::status::CONTROLLER_NAME;
use config_watcher::translate::{Options, Translator};
use gateway::bench::{Case, Run};
use serde_json::{Value, json};

/// Services, each with a route and three endpoints.
const PRESENT: usize = 5_000;

/// Every part.
pub(crate) const CASES: &[Case] = &[
    Case { name: "translate: a route of 5,000", ready: route },
    Case { name: "translate: an endpoint of 15,000", ready: endpoint },
];

/// A route gets another path, and the one before at the next call.
fn route() -> Run {
    alternate(http_route(0, "/other"), http_route(0, "/"))
}

/// An endpoint leaves, and comes back at the next call.
fn endpoint() -> Run {
    alternate(slice(0, 2), slice(0, 3))
}

fn alternate(after: AnyObject, before: AnyObject) -> Run {
    let mut translator = Translator::new(Options::default());
    translator.apply(present().map(Change::Put).collect());
    let (mut next, mut last) = (after, before);
    Box::new(move || {
        let differs = translator.apply(vec![Change::Put(next.clone())]);
        assert!(differs, "the change concerns somebody");
        std::mem::swap(&mut next, &mut last);
    })
}

fn present() -> impl Iterator<Item = AnyObject> {
    let class = object(
        Kind::GatewayClass,
        json!({
            "metadata": {"name": "headgate"},
            "spec": {"controllerName": CONTROLLER_NAME},
        }),
    );
    let gateway = object(
        Kind::Gateway,
        json!({
            "metadata": {"namespace": "shop", "name": "public"},
            "spec": {
                "gatewayClassName": "headgate",
                "listeners": [{"name": "http", "port": 80, "protocol": "HTTP"}],
            },
        }),
    );
    let of_service = |index| [service(index), slice(index, 3), http_route(index, "/")];
    [class, gateway].into_iter().chain((0..PRESENT).flat_map(of_service))
}

fn service(index: usize) -> AnyObject {
    object(
        Kind::Service,
        json!({
            "metadata": {"namespace": "shop", "name": format!("service-{index}")},
            "spec": {"ports": [{"name": "http", "port": 80}]},
        }),
    )
}

fn slice(index: usize, endpoints: usize) -> AnyObject {
    let endpoint = |host| {
        let address = format!("10.{}.{}.{host}", index / 256, index % 256);
        json!({"addresses": [address], "conditions": {"ready": true}})
    };
    object(
        Kind::EndpointSlice,
        json!({
            "metadata": {
                "namespace": "shop",
                "name": format!("service-{index}"),
                "labels": {"kubernetes.io/service-name": format!("service-{index}")},
            },
            "addressType": "IPv4",
            "endpoints": (1..=endpoints).map(endpoint).collect::<Vec<_>>(),
            "ports": [{"name": "http", "port": 8080}],
        }),
    )
}

fn http_route(index: usize, path: &str) -> AnyObject {
    object(
        Kind::HttpRoute,
        json!({
            "metadata": {"namespace": "shop", "name": format!("route-{index}")},
            "spec": {
                "parentRefs": [{"name": "public"}],
                "hostnames": [format!("host-{index}.example")],
                "rules": [{
                    "matches": [{"path": {"type": "PathPrefix", "value": path}}],
                    "backendRefs": [{"name": format!("service-{index}"), "port": 80}],
                }],
            },
        }),
    )
}

fn object(kind: Kind, content: Value) -> AnyObject {
    let Value::Object(content) = content else { unreachable!("every object here is one") };
    decode::object(kind, content, None).expect("it has the fields of its kind")
}
