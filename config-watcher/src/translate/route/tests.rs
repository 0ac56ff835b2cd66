//! Routes: their rules, what their references and faults do to them and to their status.

use serde_json::{Value, json};
use snapshot::{Filter, Hostname, PathMatch, Route, Target};

use crate::objects::Kind;
use crate::translate::sample::{Sample, conditions, message};

fn service(name: &str) -> Value {
    let (namespace, name) = name.split_once('/').unwrap();
    json!({"kind": "Service", "metadata": {"namespace": namespace, "name": name},
           "spec": {"ports": [{"name": "http", "port": 80},
                              {"name": "http1", "port": 81, "appProtocol": "http"},
                              {"name": "odd", "port": 82, "appProtocol": "mysql"}]}})
}

fn route_of(kind: &str, rules: &Value) -> Value {
    json!({"kind": kind, "metadata": {"namespace": "shop", "name": "cart", "generation": 7},
           "spec": {"parentRefs": [{"name": "web", "namespace": "infra"}], "rules": rules}})
}

fn route(rules: &Value) -> Value {
    route_of("HTTPRoute", rules)
}

/// A route `shop/cart` beside the Service `shop/cart`.
fn with(rules: &Value) -> Sample {
    Sample::new(json!([service("shop/cart"), route(rules)]))
}

fn parent(sample: &Sample) -> Value {
    sample.status(Kind::HttpRoute, "shop/cart")["parents"][0].clone()
}

fn rules(sample: &Sample) -> Vec<&Route> {
    sample.snapshot().routes.values().map(|route| &**route).collect()
}

fn attached(sample: &Sample) -> Value {
    sample.status(Kind::Gateway, "infra/web")["listeners"][0]["attachedRoutes"].clone()
}

const GOOD: [&str; 2] = ["Accepted=True/Accepted", "ResolvedRefs=True/ResolvedRefs"];

#[test]
fn a_route_becomes_rules_with_everything_they_say() {
    let sample = with(&json!([
        {"name": "pay", "matches": [{"path": {"type": "Exact", "value": "/pay"}}],
         "filters": [{"type": "RequestHeaderModifier", "requestHeaderModifier": {"remove": ["a"]}}],
         "backendRefs": [{"name": "cart", "port": 80, "weight": 9},
                         {"name": "cart", "port": 81, "filters": [
                            {"type": "URLRewrite", "urlRewrite": {"hostname": "b.c"}}]}],
         "timeouts": {"request": "5s"}, "retry": {"attempts": 2},
         "sessionPersistence": {"cookie": {"name": "sid"}}},
        {"backendRefs": [{"name": "cart", "port": 80}]},
    ]));
    let entry = parent(&sample);
    assert_eq!(conditions(&entry), GOOD);
    assert_eq!(entry["controllerName"], "headgate.dev/gateway-controller");
    assert_eq!(entry["parentRef"], json!({"namespace": "infra", "name": "web"}));
    assert!(entry["conditions"].as_array().unwrap().iter().all(|it| it["observedGeneration"] == 7));

    let keys: Vec<_> = sample.snapshot().routes.keys().map(ToString::to_string).collect();
    assert_eq!(keys, ["HTTPRoute/shop/cart/0", "HTTPRoute/shop/cart/1"]);
    let rules = rules(&sample);
    let first = rules[0];
    assert_eq!(first.name.as_deref(), Some("pay"));
    assert_eq!(first.matches[0].path, PathMatch::Exact("/pay".into()));
    assert!(matches!(&first.filters[..], [Filter::RequestHeaders(_)]));
    assert_eq!(first.backends.iter().map(|it| it.weight).collect::<Vec<_>>(), [9, 1]);
    assert!(matches!(&first.backends[1].filters[..], [Filter::UrlRewrite(_)]));
    assert!(first.timeouts.request.is_some() && first.retry.is_some() && first.session.is_some());
    assert_eq!(first.attachments.len(), 1);
    assert_eq!(first.attachments[0].listener.to_string(), "Gateway/infra/web/http");
    assert_eq!(first.attachments[0].hostnames, [Hostname::Any]);
    assert_eq!(rules[1].matches[0].path, PathMatch::Prefix("/".into()));

    let backends: Vec<_> = sample.snapshot().backends.keys().map(ToString::to_string).collect();
    assert_eq!(backends, ["shop/cart:80", "shop/cart:81"]);
    assert_eq!(attached(&sample), 1);
}

#[test]
fn rules_without_backends_are_served_and_empty() {
    // httproute-omitted-backendrefs: such rules answer 500, and nothing is wrong with the route.
    let sample = with(&json!([
        {"matches": [{"path": {"value": "/a"}}]},
        {"matches": [{"path": {"value": "/b"}}], "backendRefs": []},
    ]));
    assert_eq!(conditions(&parent(&sample)), GOOD);
    assert!(rules(&sample).iter().all(|rule| rule.backends.is_empty() && rule.filters.is_empty()));
    assert_eq!(rules(&with(&json!([]))).len(), 1);
}

#[test]
fn references_that_do_not_resolve_keep_their_share_and_name_the_field() {
    for (reference, reason, start) in [
        (json!({"name": "gone", "port": 80}), "BackendNotFound", ": Service `shop/gone` does not"),
        (json!({"name": "cart", "port": 8}), "BackendNotFound", ": Service `shop/cart` has no por"),
        (json!({"name": "cart"}), "BackendNotFound", ".port: is missing"),
        (
            json!({"name": "cart", "port": 80, "kind": "Bucket", "group": "a.b"}),
            "InvalidKind",
            ".kind: `Bucket` of group `a.b` is no backend",
        ),
        (
            json!({"name": "cart", "port": 80, "namespace": "till"}),
            "RefNotPermitted",
            ".namespace: no ReferenceGrant in namespace `till` lets an HTTPRoute of namespace `sh",
        ),
        (
            json!({"name": "cart", "port": 82}),
            "UnsupportedProtocol",
            ": Service `shop/cart` has appProtocol `mysql`",
        ),
    ] {
        let sample = with(&json!([{"backendRefs": [{"name": "cart", "port": 80}, reference]}]));
        let entry = parent(&sample);
        let expected = [GOOD[0].to_owned(), format!("ResolvedRefs=False/{reason}")];
        assert_eq!(conditions(&entry), expected, "{reference}");
        let start = format!("spec.rules[0].backendRefs[1]{start}");
        let message = message(&entry, "ResolvedRefs");
        assert!(message.starts_with(&start), "{message}");
        let backends = &rules(&sample)[0].backends;
        assert!(matches!(backends[0].target, Target::Backend(_)));
        assert_eq!(backends[1].target, Target::Invalid(message.as_str().into()));
        assert_eq!(sample.snapshot().backends.len(), 1);
    }
}

#[test]
fn a_grant_opens_a_namespace_and_its_end_closes_it() {
    let mut sample = Sample::new(json!([
        service("till/pay"),
        route(&json!([{"backendRefs": [{"name": "pay", "namespace": "till", "port": 80}]}])),
    ]));
    assert_eq!(conditions(&parent(&sample))[1], "ResolvedRefs=False/RefNotPermitted");
    let grant = |name| {
        json!({"kind": "ReferenceGrant", "metadata": {"namespace": "till", "name": "g"}, "spec": {
            "from": [{"group": "gateway.networking.k8s.io", "kind": "HTTPRoute",
                      "namespace": "shop"}],
            "to": [{"group": "", "kind": "Service", "name": name}]}})
    };
    assert!(!sample.put(grant("other")));
    assert!(sample.put(grant("pay")));
    assert_eq!(conditions(&parent(&sample)), GOOD);
    assert_eq!(sample.snapshot().backends.len(), 1);
    assert!(sample.delete(Kind::ReferenceGrant, "till/g"));
    assert_eq!(conditions(&parent(&sample))[1], "ResolvedRefs=False/RefNotPermitted");
    assert!(sample.snapshot().backends.is_empty());
    assert!(matches!(rules(&sample)[0].backends[0].target, Target::Invalid(_)));
}

#[test]
fn a_service_that_comes_or_goes_changes_its_routes() {
    let mut sample = Sample::new(route(&json!([{"backendRefs": [{"name": "cart", "port": 80}]}])));
    assert_eq!(conditions(&parent(&sample))[1], "ResolvedRefs=False/BackendNotFound");
    assert!(sample.put(service("shop/cart")));
    assert_eq!(conditions(&parent(&sample)), GOOD);
    assert!(sample.delete(Kind::Service, "shop/cart"));
    assert_eq!(conditions(&parent(&sample))[1], "ResolvedRefs=False/BackendNotFound");
}

#[test]
fn grpc_is_not_sent_to_what_speaks_http_1() {
    let rules = |port| json!([{"backendRefs": [{"name": "cart", "port": port}]}]);
    for (port, resolved) in [(80, GOOD[1]), (81, "ResolvedRefs=False/UnsupportedProtocol")] {
        let route = route_of("GRPCRoute", &rules(port));
        let sample = Sample::new(json!([service("shop/cart"), route]));
        let entry = &sample.status(Kind::GrpcRoute, "shop/cart")["parents"][0];
        assert_eq!(conditions(entry), [GOOD[0], resolved]);
        let key = sample.snapshot().routes.keys().next().map(ToString::to_string);
        assert_eq!(key.as_deref(), Some("GRPCRoute/shop/cart/0"));
    }
    let grpc = route_of("GRPCRoute", &json!([]));
    assert!(Sample::new(grpc).snapshot().routes.is_empty());
}

fn with_filter(filter: &Value) -> Value {
    json!({"filters": [filter], "backendRefs": [{"name": "cart", "port": 80}]})
}

#[test]
fn a_rule_that_cannot_be_done_keeps_its_requests_and_refuses_them() {
    let auth = with_filter(&json!({"type": "ExternalAuth", "externalAuth": {}}));
    let good = json!({"matches": [{"path": {"value": "/a"}}],
                      "backendRefs": [{"name": "cart", "port": 80}]});
    let sample = with(&json!([good, auth]));
    let entry = parent(&sample);
    let expected = [GOOD[0], GOOD[1], "PartiallyInvalid=True/UnsupportedValue"];
    assert_eq!(conditions(&entry), expected);
    let text = message(&entry, "PartiallyInvalid");
    let start = "Dropped Rule 1 (answered with 500): spec.rules[1].filters[0].type";
    assert!(text.starts_with(start), "{text}");
    assert!(matches!(&rules(&sample)[1].filters[..], [Filter::Unsupported(_)]));
    assert!(rules(&sample)[1].backends.is_empty());
    assert_eq!(attached(&sample), 1);

    let sample = with(&json!([auth]));
    assert_eq!(conditions(&parent(&sample)), ["Accepted=False/UnsupportedValue", GOOD[1]]);
    assert!(matches!(&rules(&sample)[0].filters[..], [Filter::Unsupported(_)]));
    assert_eq!(attached(&sample), 0);
}

#[test]
fn a_rule_that_nobody_could_match_is_dropped() {
    let bad = json!({"matches": [{"path": {"type": "RegularExpression", "value": "("}}, {}]});
    let sample = with(&json!([bad, {}]));
    let keys: Vec<_> = sample.snapshot().routes.keys().map(ToString::to_string).collect();
    assert_eq!(keys, ["HTTPRoute/shop/cart/1"]);
    let text = message(&parent(&sample), "PartiallyInvalid");
    let start = "Dropped Rule 0: spec.rules[0].matches[0].path.value: `(` is no regular";
    assert!(text.starts_with(start), "{text}");

    let sample = with(&json!([bad]));
    assert_eq!(conditions(&parent(&sample))[0], "Accepted=False/UnsupportedValue");
    assert!(rules(&sample).is_empty());
}

#[test]
fn every_part_of_a_rule_can_make_it_invalid() {
    let rewrite = json!({"type": "URLRewrite", "urlRewrite": {}});
    let redirect = json!({"type": "RequestRedirect", "requestRedirect": {}});
    for (rule, reason, field) in [
        (json!({"filters": [rewrite, redirect]}), "IncompatibleFilters", "filters"),
        (
            json!({"backendRefs": [{"name": "cart", "port": 80, "filters": [{"type": "X"}]}]}),
            "UnsupportedValue",
            "backendRefs[0].filters[0].type",
        ),
        (
            json!({"backendRefs": [{"name": "cart", "port": 80, "weight": 1_000_001}]}),
            "UnsupportedValue",
            "backendRefs[0].weight",
        ),
        (json!({"timeouts": {"request": "1"}}), "UnsupportedValue", "timeouts.request"),
        (json!({"retry": {"codes": [200]}}), "UnsupportedValue", "retry.codes[0]"),
        (
            json!({"sessionPersistence": {"type": "Url"}}),
            "UnsupportedValue",
            "sessionPersistence.type",
        ),
    ] {
        let sample = with(&json!([rule]));
        let entry = parent(&sample);
        assert_eq!(conditions(&entry)[0], format!("Accepted=False/{reason}"), "{rule}");
        let text = message(&entry, "Accepted");
        assert!(text.starts_with(&format!("spec.rules[0].{field}: ")), "{text}");
        assert!(matches!(&rules(&sample)[0].filters[..], [Filter::Unsupported(_)]));
    }
}

#[test]
fn a_filter_of_an_unknown_kind_is_a_reference_that_does_not_resolve() {
    let sample = with(&json!([with_filter(&json!({
        "type": "ExtensionRef", "extensionRef": {"group": "a.b", "kind": "C", "name": "d"}}))]));
    assert_eq!(conditions(&parent(&sample)), [GOOD[0], "ResolvedRefs=False/InvalidKind"]);
    assert!(matches!(&rules(&sample)[0].filters[..], [Filter::Unsupported(_)]));
    assert_eq!(attached(&sample), 1);
}

#[test]
fn mirrors_are_backends_too() {
    let mirror = |name: &str| {
        with_filter(&json!({"type": "RequestMirror",
                           "requestMirror": {"backendRef": {"name": name, "port": 81}}}))
    };
    let sample = with(&json!([mirror("cart")]));
    assert_eq!(sample.snapshot().backends.len(), 2);
    let sample = with(&json!([mirror("gone")]));
    assert_eq!(conditions(&parent(&sample)), [GOOD[0], "ResolvedRefs=False/BackendNotFound"]);
    let text = message(&parent(&sample), "ResolvedRefs");
    assert!(text.starts_with("spec.rules[0].filters[0].requestMirror.backendRef: Service"));
    assert!(matches!(rules(&sample)[0].backends[0].target, Target::Backend(_)));
}

#[test]
fn a_hostname_that_is_none_makes_the_route_invalid() {
    let mut bad = route(&json!([{}]));
    bad["spec"]["hostnames"] = json!(["a.b", "10.0.0.1"]);
    let sample = Sample::new(bad);
    assert_eq!(conditions(&parent(&sample))[0], "Accepted=False/UnsupportedValue");
    let text = message(&parent(&sample), "Accepted");
    assert!(
        text.starts_with("spec.hostnames[1]: `10.0.0.1`: an IP address is no hostname"),
        "{text}"
    );
    assert!(rules(&sample).is_empty());
    assert_eq!(attached(&sample), 0);
}

#[test]
fn a_listener_that_two_parents_lead_to_stands_there_once() {
    let mut both = route(&json!([{}]));
    both["spec"]["parentRefs"] = json!([
        {"name": "web", "namespace": "infra", "sectionName": "http"},
        {"name": "web", "namespace": "infra", "port": 80},
        {"name": "web", "namespace": "infra", "sectionName": "none"},
        {"name": "other", "namespace": "infra"},
    ]);
    let sample = Sample::new(both);
    let status = sample.status(Kind::HttpRoute, "shop/cart");
    let entries = status["parents"].as_array().unwrap();
    let all: Vec<_> = entries.iter().map(|entry| conditions(entry)[0].clone()).collect();
    assert_eq!(all, [GOOD[0], GOOD[0], "Accepted=False/NoMatchingParent"]);
    assert_eq!(rules(&sample)[0].attachments.len(), 1);
    assert_eq!(attached(&sample), 1);
}

#[test]
fn a_route_of_other_gateways_gets_no_word_from_us() {
    let mut other = route(&json!([{}]));
    other["spec"]["parentRefs"] = json!([{"name": "other"}]);
    let sample = Sample::new(other);
    assert_eq!(sample.status(Kind::HttpRoute, "shop/cart"), Value::Null);
    assert!(rules(&sample).is_empty());
}

#[test]
fn many_faults_give_a_message_that_ends() {
    let refs: Vec<_> = (0..20).map(|i| json!({"name": format!("s{i}"), "port": 80})).collect();
    let text = message(&parent(&with(&json!([{"backendRefs": refs}]))), "ResolvedRefs");
    assert!(text.contains("`shop/s7`") && !text.contains("`shop/s8`"));
    assert!(text.ends_with("; and 12 more"), "{text}");
}
