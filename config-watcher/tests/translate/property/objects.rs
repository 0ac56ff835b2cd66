//! Random objects over few names, so that they meet: most of them valid, most of them related.

use std::sync::OnceLock;

use config_watcher::decode;
use config_watcher::objects::{AnyObject, Kind};
use serde_json::{Value, json};
use snapshot::ObjectKey;

use super::dice::Dice;
use super::rules;
use crate::certificates::{OTHER, PAIR};

const NAMESPACES: &[&str] = &["a", "b"];
const HOSTS: &[&str] = &["", "x.com", "*.x.com", "y.x.com", "*.com", "z.org"];
const PROTOCOLS: &[&str] =
    &["HTTP", "HTTP", "HTTP", "HTTP", "HTTPS", "HTTPS", "HTTPS", "TCP", "UDP"];
const GATEWAY: &str = "gateway.networking.k8s.io";

/// Every object that there may be.
pub(super) fn known() -> &'static [(Kind, ObjectKey)] {
    static KNOWN: OnceLock<Vec<(Kind, ObjectKey)>> = OnceLock::new();
    KNOWN.get_or_init(|| {
        let names: &[(Kind, &[&str])] = &[
            (Kind::GatewayClass, &["/ours", "/theirs"]),
            (Kind::Gateway, &["a/g1", "a/g2", "b/g1"]),
            (Kind::ListenerSet, &["a/s1", "b/s1", "b/s2"]),
            (Kind::HttpRoute, &["a/r1", "a/r2", "b/r1"]),
            (Kind::GrpcRoute, &["a/r1", "b/r2"]),
            (Kind::ReferenceGrant, &["a/t1", "b/t1", "b/t2"]),
            (Kind::BackendTlsPolicy, &["a/p1", "a/p2", "b/p1"]),
            (Kind::BackendLifecyclePolicy, &["a/l1", "a/l2", "b/l1"]),
            (Kind::Namespace, &["/a", "/b"]),
            (Kind::Service, &["a/x", "a/y", "b/x"]),
            (Kind::EndpointSlice, &["a/x-1", "a/x-2", "a/y-1", "b/x-1"]),
            (Kind::Secret, &["a/c", "a/d", "b/c"]),
            (Kind::ConfigMap, &["a/ca", "b/ca"]),
        ];
        let split = |name: &str| {
            let (namespace, name) = name.split_once('/').expect("every name has a slash");
            ObjectKey::new(namespace, name)
        };
        names
            .iter()
            .flat_map(|(kind, names)| names.iter().map(move |name| (*kind, split(name))))
            .collect()
    })
}

/// An object with content by the dice.
pub(super) fn make(kind: Kind, key: &ObjectKey, content: &[u8]) -> AnyObject {
    let mut dice = Dice(content);
    let dice = &mut dice;
    let mut value = match kind {
        Kind::GatewayClass => class(key, dice),
        Kind::Gateway => json!({"spec": gateway(dice)}),
        Kind::ListenerSet => json!({"spec": {
            "parentRef": {"name": dice.of(&["g1", "g2"]), "namespace": dice.of(NAMESPACES)},
            "listeners": listeners(dice, 1, 3),
        }}),
        Kind::HttpRoute => json!({"spec": route(dice, rules::http)}),
        Kind::GrpcRoute => json!({"spec": route(dice, rules::grpc)}),
        Kind::ReferenceGrant => json!({"spec": grant(dice)}),
        Kind::BackendTlsPolicy => json!({"spec": policy(dice)}),
        Kind::BackendLifecyclePolicy => json!({"spec": lifecycle(dice)}),
        Kind::Namespace => json!({}),
        Kind::Service => json!({"spec": service(dice)}),
        Kind::EndpointSlice => slice(dice),
        Kind::Secret => secret(dice),
        Kind::ConfigMap => json!({"data": {"ca.crt": dice.of(&[&PAIR.0, &OTHER.0, "none"])}}),
    };
    value["metadata"] = metadata(kind, key, dice);
    let Value::Object(value) = value else { unreachable!("every kind is an object") };
    decode::object(kind, value, None).expect("the generator knows the types")
}

fn metadata(kind: Kind, key: &ObjectKey, dice: &mut Dice<'_>) -> Value {
    let mut labels = json!({});
    match kind {
        Kind::Namespace if dice.once_in(2) => labels["team"] = json!("red"),
        Kind::EndpointSlice => {
            let own = key.name.split('-').next().unwrap_or_default();
            labels["kubernetes.io/service-name"] = json!(dice.of(&[own, own, "x", "y"]));
        }
        _ => {}
    }
    let mut meta = json!({"name": key.name, "namespace": key.namespace, "labels": labels});
    meta["generation"] = json!(dice.of(&[1, 2]));
    let times = [None, Some("2024-01-01T00:00:00Z"), Some("2024-06-01T00:00:00Z")];
    if let Some(time) = dice.of(&times) {
        meta["creationTimestamp"] = json!(time);
    }
    meta
}

fn class(key: &ObjectKey, dice: &mut Dice<'_>) -> Value {
    let theirs = *key.name == *"theirs" || dice.once_in(20);
    let controller = if theirs { "example.com/other" } else { "headgate.dev/gateway-controller" };
    let mut spec = json!({"controllerName": controller});
    if dice.once_in(20) {
        spec["parametersRef"] = json!({"group": "x", "kind": "Y", "name": "z"});
    }
    json!({"spec": spec})
}

fn gateway(dice: &mut Dice<'_>) -> Value {
    let mut spec = json!({
        "gatewayClassName": dice.of(&["ours", "ours", "ours", "ours", "ours", "theirs"]),
        "listeners": listeners(dice, 1, 4),
        "allowedListeners": {"namespaces": from(dice, &["All", "All", "Same", "Selector", "None"])},
    });
    if dice.once_in(2) {
        let values = ["10.9.0.1", "10.9.0.2", "10.0.0.1", "10.0.0.2", "", "224.0.0.1"];
        let address = |dice: &mut Dice<'_>, _| json!({"value": dice.of(&values)});
        spec["addresses"] = Value::Array(dice.some(1, 2, address));
    }
    if dice.once_in(20) {
        spec["addresses"] = json!([{"type": "Hostname", "value": "x.com"}]);
    }
    if dice.once_in(4) {
        spec["defaultScope"] = json!("All");
    }
    if dice.once_in(4) {
        spec["tls"]["backend"]["clientCertificateRef"] = reference(dice, "Secret", &["c", "d"]);
    }
    if dice.once_in(3) {
        let validation = |dice: &mut Dice<'_>| {
            let refs = dice.some(1, 2, |dice, _| reference(dice, "ConfigMap", &["ca", "none"]));
            let mode = dice.of(&["AllowValidOnly", "AllowInsecureFallback"]);
            json!({"validation": {"caCertificateRefs": refs, "mode": mode}})
        };
        spec["tls"]["frontend"] = json!({"default": validation(dice)});
        if dice.once_in(2) {
            let entry = json!({"port": 443, "tls": validation(dice)});
            spec["tls"]["frontend"]["perPort"] = json!([entry]);
        }
    }
    spec
}

fn listeners(dice: &mut Dice<'_>, least: usize, most: usize) -> Value {
    Value::Array(dice.some(least, most, |dice, index| {
        let mut listener = json!({
            "name": format!("l{index}"),
            "port": dice.of(&[80, 443, 8080, 8443]),
            "protocol": dice.of(PROTOCOLS),
            "allowedRoutes": {"namespaces": from(dice, &["All", "All", "Same", "Selector"])},
        });
        let host = if dice.once_in(2) { dice.of(HOSTS) } else { "" };
        if !host.is_empty() {
            listener["hostname"] = json!(host);
        }
        if listener["protocol"] == "HTTPS" {
            let refs = dice.some(1, 2, |dice, _| reference(dice, "Secret", &["c", "d", "none"]));
            listener["tls"] = json!({"certificateRefs": refs});
        }
        if dice.once_in(6) {
            let kinds = dice.some(
                1,
                2,
                |dice, _| json!({"kind": dice.of(&["HTTPRoute", "GRPCRoute", "TLSRoute"])}),
            );
            listener["allowedRoutes"]["kinds"] = json!(kinds);
        }
        listener
    }))
}

fn from(dice: &mut Dice<'_>, choices: &[&str]) -> Value {
    json!({"from": dice.of(choices), "selector": {"matchLabels": {"team": "red"}}})
}

/// A reference to one of `names`, perhaps in another namespace.
pub(super) fn reference(dice: &mut Dice<'_>, kind: &str, names: &[&str]) -> Value {
    let mut reference = json!({"group": "", "kind": kind, "name": dice.of(names)});
    let namespace = dice.of(&["", "", "", "", "a", "b"]);
    if !namespace.is_empty() {
        reference["namespace"] = json!(namespace);
    }
    reference
}

fn route(dice: &mut Dice<'_>, rule: fn(&mut Dice<'_>) -> Value) -> Value {
    let parents = dice.some(1, 3, |dice, _| {
        let set = dice.once_in(3);
        let mut parent = json!({
            "kind": if set { "ListenerSet" } else { "Gateway" },
            "name": if set { dice.of(&["s1", "s2"]) } else { dice.of(&["g1", "g2"]) },
            "namespace": dice.of(NAMESPACES),
        });
        match dice.of(&[0, 0, 1, 2]) {
            1 => parent["sectionName"] = json!(dice.of(&["l0", "l1", "l9"])),
            2 => parent["port"] = json!(dice.of(&[80, 443])),
            _ => {}
        }
        parent
    });
    let hostnames = dice.some(0, 2, |dice, _| dice.of(&HOSTS[1..]));
    let rules = dice.some(1, 3, |dice, _| rule(dice));
    let mut spec = json!({"parentRefs": parents, "hostnames": hostnames, "rules": rules});
    if dice.once_in(6) {
        spec["useDefaultGateways"] = json!("All");
    }
    spec
}

fn grant(dice: &mut Dice<'_>) -> Value {
    let from = dice.some(1, 3, |dice, _| {
        let kinds = ["HTTPRoute", "GRPCRoute", "Gateway", "ListenerSet", "BackendTLSPolicy"];
        json!({"group": GATEWAY, "kind": dice.of(&kinds), "namespace": dice.of(NAMESPACES)})
    });
    let to = dice.some(1, 2, |dice, _| {
        let mut to = json!({"group": "", "kind": dice.of(&["Service", "Secret", "ConfigMap"])});
        if dice.once_in(3) {
            to["name"] = json!(dice.of(&["x", "c", "ca"]));
        }
        to
    });
    json!({"from": from, "to": to})
}

fn targets(dice: &mut Dice<'_>) -> Vec<Value> {
    dice.some(1, 2, |dice, _| {
        let mut target = json!({"group": "", "kind": "Service", "name": dice.of(&["x", "y"])});
        if dice.once_in(3) {
            target["sectionName"] = json!(dice.of(&["http", "alt"]));
        }
        target
    })
}

fn lifecycle(dice: &mut Dice<'_>) -> Value {
    let time = dice.of(&["1s", "10m", "soon"]);
    let percent = dice.of(&[0, 50, 101]);
    json!({"targetRefs": targets(dice), "drain": {"streams": time}, "floor": {"percent": percent}})
}

fn policy(dice: &mut Dice<'_>) -> Value {
    let targets = targets(dice);
    let mut validation = json!({"hostname": dice.of(&["x.com", "z.org"])});
    if dice.once_in(3) {
        validation["wellKnownCACertificates"] = json!(dice.of(&["System", "Other"]));
    } else {
        let kind = dice.of(&["ConfigMap", "ConfigMap", "Secret", "Bundle"]);
        let names = ["ca", "none", "c"];
        validation["caCertificateRefs"] =
            json!(dice.some(1, 2, |dice, _| reference(dice, kind, &names)));
    }
    match dice.of(&[0, 0, 1, 2]) {
        1 => validation["subjectAltNames"] = json!([{"type": "Hostname", "hostname": "*.x.com"}]),
        2 => validation["subjectAltNames"] = json!([{"type": "URI", "uri": "nonsense"}]),
        _ => {}
    }
    json!({"targetRefs": targets, "validation": validation})
}

fn service(dice: &mut Dice<'_>) -> Value {
    if dice.once_in(10) {
        let ports = json!([{"port": 80}]);
        return json!({"type": "ExternalName", "externalName": "x.org", "ports": ports});
    }
    let protocol = dice.of(&["", "", "", "http", "https", "kubernetes.io/h2c", "nonsense"]);
    let mut ports = json!([{"name": "http", "port": 80}]);
    if !protocol.is_empty() {
        ports[0]["appProtocol"] = json!(protocol);
    }
    if dice.once_in(2) {
        let protocol = dice.of(&["TCP", "TCP", "TCP", "UDP"]);
        ports = json!([ports[0], {"name": "alt", "port": 81, "protocol": protocol}]);
    }
    json!({"ports": ports})
}

fn slice(dice: &mut Dice<'_>) -> Value {
    let ports = dice.some(1, 2, |dice, _| {
        let name = dice.of(&["http", "http", "alt"]);
        json!({"name": name, "port": dice.of(&[8080, 8081])})
    });
    let endpoints = dice.some(1, 3, |dice, _| {
        let address =
            dice.of(&["10.1.0.1", "10.1.0.2", "10.1.0.3", "127.0.0.1", "::ffff:10.1.0.1"]);
        let conditions = json!({
            "ready": dice.of(&[None, Some(true), Some(false)]),
            "serving": dice.of(&[None, Some(true), Some(false)]),
            "terminating": dice.of(&[None, Some(true)]),
        });
        let pod = json!({"kind": "Pod", "uid": dice.of(&[None, Some("u1"), Some("u2")])});
        json!({"addresses": [address], "conditions": conditions, "targetRef": pod})
    });
    let family = dice.of(&["IPv4", "IPv4", "IPv4", "IPv6", "FQDN"]);
    json!({"addressType": family, "ports": ports, "endpoints": endpoints})
}

fn secret(dice: &mut Dice<'_>) -> Value {
    let pair = dice.of(&[&*PAIR, &*OTHER]);
    let key = if dice.once_in(8) { "none" } else { &pair.1 };
    let data = json!({"tls.crt": pair.0, "tls.key": key, "ca.crt": pair.0});
    json!({"type": "kubernetes.io/tls", "stringData": data})
}
