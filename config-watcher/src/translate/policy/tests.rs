//! BackendTLSPolicies: which holds, what it asks for, what its status says.

use serde_json::{Value, json};
use snapshot::{Backend, Protocol};

use crate::objects::Kind;
use crate::translate::sample::{Sample, conditions, message};

fn authority() -> String {
    rcgen::generate_simple_self_signed(["ca".to_owned()]).unwrap().cert.pem()
}

fn config_map(name: &str, text: &str) -> Value {
    json!({"kind": "ConfigMap", "metadata": {"namespace": "shop", "name": name},
           "data": {"ca.crt": text}})
}

/// A policy for the Service `shop/cart` that believes the ConfigMap `ca`.
fn policy(name: &str, section: Option<&str>, age: u32) -> Value {
    let created = format!("2026-01-{:02}T00:00:00Z", 28 - age);
    json!({"kind": "BackendTLSPolicy",
           "metadata": {"namespace": "shop", "name": name, "generation": 3,
                        "creationTimestamp": created},
           "spec": {"targetRefs": [{"group": "", "kind": "Service", "name": "cart",
                                    "sectionName": section}],
                    "validation": {"hostname": format!("{name}.example"), "caCertificateRefs":
                        [{"group": "", "kind": "ConfigMap", "name": "ca"}]}}})
}

/// Routes to both ports of the Service `shop/cart`.
fn with(objects: Vec<Value>) -> Sample {
    let mut all = vec![
        json!({"kind": "Service", "metadata": {"namespace": "shop", "name": "cart"},
               "spec": {"ports": [{"name": "a", "port": 1, "appProtocol": "HTTPS"},
                                  {"name": "b", "port": 2, "appProtocol": "kubernetes.io/h2c"}]}}),
        json!({"kind": "HTTPRoute", "metadata": {"namespace": "shop", "name": "cart"},
               "spec": {"parentRefs": [{"name": "web", "namespace": "infra"}],
                        "rules": [{"backendRefs": [{"name": "cart", "port": 1},
                                                   {"name": "cart", "port": 2}]}]}}),
        config_map("ca", &authority()),
    ];
    all.extend(objects);
    Sample::new(Value::Array(all))
}

fn backends(sample: &Sample) -> Vec<&Backend> {
    sample.snapshot().backends.values().map(|backend| &**backend).collect()
}

/// SNI of each port; `-` without TLS, `!` where the backend is refused.
fn names(sample: &Sample) -> Vec<String> {
    let name = |backend: &&Backend| match (&backend.tls, &backend.refused) {
        (_, Some(_)) => "!".to_owned(),
        (Some(tls), None) => tls.hostname.to_string(),
        (None, None) => "-".to_owned(),
    };
    backends(sample).iter().map(name).collect()
}

fn ancestor(sample: &Sample, policy: &str) -> Value {
    let status = sample.status(Kind::BackendTlsPolicy, &format!("shop/{policy}"));
    status["ancestors"][0].clone()
}

fn route_resolved(sample: &Sample) -> String {
    conditions(&sample.status(Kind::HttpRoute, "shop/cart")["parents"][0])[1].clone()
}

const GOOD: [&str; 2] = ["Accepted=True/Accepted", "ResolvedRefs=True/ResolvedRefs"];

#[test]
fn a_policy_says_how_a_backend_is_reached() {
    let sample = with(vec![policy("p", None, 0)]);
    assert_eq!(names(&sample), ["p.example", "p.example"]);
    let backend = backends(&sample)[1];
    assert_eq!(backend.protocol, Protocol::Http2);
    let tls = backend.tls.as_ref().unwrap();
    assert!(tls.names.is_empty() && tls.anchors.as_ref().unwrap().0.len() == 1);
    let entry = ancestor(&sample, "p");
    assert_eq!(conditions(&entry), GOOD);
    assert_eq!(entry["conditions"][0]["observedGeneration"], 3);
    let web = json!({"group": "gateway.networking.k8s.io", "kind": "Gateway",
                     "namespace": "infra", "name": "web"});
    assert_eq!(entry["ancestorRef"], web);
    assert_eq!(route_resolved(&sample), GOOD[1]);
}

#[test]
fn without_a_policy_only_the_app_protocol_asks_for_tls() {
    let sample = with(vec![]);
    assert_eq!(names(&sample), ["cart.shop.svc", "-"]);
    assert_eq!(backends(&sample)[0].tls.as_ref().unwrap().anchors, None);
}

#[test]
fn a_policy_for_a_port_goes_before_one_for_the_service() {
    let sample = with(vec![policy("old", None, 5), policy("port", Some("a"), 0)]);
    assert_eq!(names(&sample), ["port.example", "old.example"]);
    assert_eq!(conditions(&ancestor(&sample, "old")), GOOD);
    assert_eq!(conditions(&ancestor(&sample, "port")), GOOD);
}

#[test]
fn of_two_policies_for_the_same_the_older_wins_and_then_the_name() {
    for section in [None, Some("a")] {
        for (first, second) in [
            (policy("b", section, 2), policy("a", section, 1)),
            (policy("a", section, 1), policy("b", section, 1)),
        ] {
            let (winner, loser) = (first["metadata"]["name"].clone(), second["metadata"].clone());
            let (winner, loser) = (winner.as_str().unwrap(), loser["name"].as_str().unwrap());
            let mut sample = with(vec![second.clone(), first.clone()]);
            assert_eq!(names(&sample)[0], format!("{winner}.example"));
            assert_eq!(conditions(&ancestor(&sample, winner)), GOOD);
            let lost = ancestor(&sample, loser);
            assert_eq!(conditions(&lost), ["Accepted=False/Conflicted", GOOD[1]]);
            let start = format!("spec.targetRefs[0]: BackendTLSPolicy `shop/{winner}` targets");
            assert!(message(&lost, "Accepted").starts_with(&start));
            sample.delete(Kind::BackendTlsPolicy, &format!("shop/{winner}"));
            assert_eq!(names(&sample)[0], format!("{loser}.example"));
            assert_eq!(conditions(&ancestor(&sample, loser)), GOOD);
        }
    }
}

#[test]
fn a_policy_without_a_valid_authority_keeps_requests_from_its_backend() {
    let reference =
        |group: &str, kind: &str, name: &str| json!([{"group": group, "kind": kind, "name": name}]);
    for (refs, reason, start) in [
        (
            reference("", "ConfigMap", "gone"),
            "InvalidCACertificateRef",
            "ConfigMap `shop/gone` does not exist",
        ),
        (
            reference("", "ConfigMap", "empty"),
            "InvalidCACertificateRef",
            "ConfigMap `shop/empty`: data[ca.crt]: holds no",
        ),
        (reference("a.b", "Bundle", "c"), "InvalidKind", "kind `Bundle` of group `a.b` holds no"),
    ] {
        let mut broken = policy("p", None, 0);
        broken["spec"]["validation"]["caCertificateRefs"] = refs;
        let sample = with(vec![config_map("empty", ""), broken]);
        assert_eq!(names(&sample), ["!", "!"]);
        let entry = ancestor(&sample, "p");
        let resolved = format!("ResolvedRefs=False/{reason}");
        assert_eq!(conditions(&entry), ["Accepted=False/NoValidCACertificate", &resolved]);
        let text = message(&entry, "ResolvedRefs");
        let start = format!("spec.validation.caCertificateRefs[0]: {start}");
        assert!(text.starts_with(&start), "{text}");
        assert_eq!(route_resolved(&sample), "ResolvedRefs=False/InvalidBackendTLSPolicy");
    }
}

#[test]
fn one_valid_authority_is_enough_and_the_other_is_named() {
    let mut half = policy("p", None, 0);
    half["spec"]["validation"]["caCertificateRefs"] = json!([
        {"group": "", "kind": "ConfigMap", "name": "gone"},
        {"group": "", "kind": "ConfigMap", "name": "ca"},
        {"group": "", "kind": "ConfigMap", "name": "more"},
    ]);
    let sample = with(vec![half, config_map("more", &authority())]);
    assert_eq!(names(&sample), ["p.example", "p.example"]);
    assert_eq!(backends(&sample)[0].tls.as_ref().unwrap().anchors.as_ref().unwrap().0.len(), 2);
    let expected = [GOOD[0], "ResolvedRefs=False/InvalidCACertificateRef"];
    assert_eq!(conditions(&ancestor(&sample, "p")), expected);
    assert_eq!(route_resolved(&sample), GOOD[1]);
}

#[test]
fn an_authority_that_comes_and_goes_is_followed() {
    let mut sample = with(vec![policy("p", None, 0)]);
    assert!(sample.put(config_map("ca", "")));
    assert_eq!(names(&sample), ["!", "!"]);
    assert_eq!(conditions(&ancestor(&sample, "p"))[0], "Accepted=False/NoValidCACertificate");
    assert!(sample.put(config_map("ca", &authority())));
    assert_eq!(names(&sample), ["p.example", "p.example"]);
    assert!(sample.delete(Kind::ConfigMap, "shop/ca"));
    assert_eq!(names(&sample), ["!", "!"]);
}

#[test]
fn the_systems_authorities_and_other_names_can_be_asked_for() {
    let mut system = policy("p", None, 0);
    system["spec"]["validation"] = json!({"hostname": "A.b", "wellKnownCACertificates": "System",
        "subjectAltNames": [{"type": "Hostname", "hostname": "*.c.d"},
                            {"type": "URI", "uri": "spiffe://e/f"}]});
    let sample = with(vec![system]);
    assert_eq!(conditions(&ancestor(&sample, "p")), GOOD);
    let tls = serde_json::to_value(backends(&sample)[0].tls.as_ref().unwrap()).unwrap();
    let expected = json!({"hostname": "a.b", "anchors": null,
                          "names": [{"Hostname": "*.c.d"}, {"Uri": "spiffe://e/f"}]});
    assert_eq!(tls, expected);
}

#[test]
fn a_policy_that_contradicts_its_schema_is_invalid() {
    let refs = json!([{"group": "", "kind": "ConfigMap", "name": "ca"}]);
    for (validation, start) in [
        (json!({"hostname": "a"}), "spec.validation: names no authorities"),
        (
            json!({"hostname": "a", "wellKnownCACertificates": "Ours"}),
            "spec.validation.wellKnownCACertificates: `Ours` is not supported; use System",
        ),
        (
            json!({"hostname": "a", "wellKnownCACertificates": "System",
                   "caCertificateRefs": refs}),
            "spec.validation: caCertificateRefs and wellKnownCACertificates exclude",
        ),
        (
            json!({"hostname": "*.a", "caCertificateRefs": refs}),
            "spec.validation.hostname: `*.a` is a wildcard",
        ),
        (
            json!({"hostname": "a", "caCertificateRefs": refs,
                   "subjectAltNames": [{"type": "IP"}]}),
            "spec.validation.subjectAltNames[0].type: `IP` is not supported",
        ),
        (
            json!({"hostname": "a", "caCertificateRefs": refs,
                   "subjectAltNames": [{"type": "Hostname"}]}),
            "spec.validation.subjectAltNames[0].hostname: a hostname has",
        ),
        (
            json!({"hostname": "a", "caCertificateRefs": refs,
                   "subjectAltNames": [{"type": "URI", "uri": "/a:b"}]}),
            "spec.validation.subjectAltNames[0].uri: `/a:b` is no absolute URI",
        ),
    ] {
        let mut invalid = policy("p", None, 0);
        invalid["spec"]["validation"] = validation;
        let sample = with(vec![invalid]);
        assert_eq!(names(&sample), ["!", "!"], "{start}");
        let entry = ancestor(&sample, "p");
        assert_eq!(conditions(&entry), ["Accepted=False/Invalid", GOOD[1]]);
        assert!(message(&entry, "Accepted").starts_with(start), "{}", message(&entry, "Accepted"));
    }
}

#[test]
fn a_port_that_is_not_there_is_no_target() {
    let sample = with(vec![policy("p", Some("c"), 0)]);
    assert_eq!(names(&sample), ["cart.shop.svc", "-"]);
    let entry = ancestor(&sample, "p");
    assert_eq!(conditions(&entry), ["Accepted=False/TargetNotFound", GOOD[1]]);
    let start = "spec.targetRefs[0].sectionName: Service `shop/cart` has no port named `c`";
    assert!(message(&entry, "Accepted").starts_with(start));
}

#[test]
fn a_policy_that_no_route_leads_to_gets_no_word_from_us() {
    let mut sample = with(vec![policy("p", None, 0)]);
    sample.delete(Kind::HttpRoute, "shop/cart");
    assert_eq!(sample.status(Kind::BackendTlsPolicy, "shop/p"), Value::Null);
    let mut elsewhere = policy("p", None, 0);
    elsewhere["metadata"]["namespace"] = "till".into();
    let sample = with(vec![elsewhere]);
    assert_eq!(sample.status(Kind::BackendTlsPolicy, "till/p"), Value::Null);
    assert_eq!(names(&sample), ["cart.shop.svc", "-"]);
}

#[test]
fn more_gateways_than_a_status_holds_are_left_out() {
    let gateway = |i| {
        json!({"kind": "Gateway", "metadata": {"namespace": "infra", "name": format!("g{i:02}")},
               "spec": {"gatewayClassName": "headgate", "listeners": [
                    {"name": "http", "port": 1000 + i, "protocol": "HTTP",
                     "allowedRoutes": {"namespaces": {"from": "All"}}}]}})
    };
    let mut objects: Vec<_> = (0..20).map(gateway).collect();
    let parents: Vec<_> =
        (0..20).map(|i| json!({"name": format!("g{i:02}"), "namespace": "infra"})).collect();
    let rules = json!([{"backendRefs": [{"name": "cart", "port": 1}]}]);
    objects.push(json!({"kind": "HTTPRoute", "metadata": {"namespace": "shop", "name": "wide"},
                        "spec": {"parentRefs": parents, "rules": rules}}));
    objects.push(policy("p", None, 0));
    let sample = with(objects);
    let status = sample.status(Kind::BackendTlsPolicy, "shop/p");
    let names: Vec<_> = status["ancestors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["ancestorRef"]["name"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(names, (0..16).map(|i| format!("g{i:02}")).collect::<Vec<_>>());
}
