//! What an apply keeps, changes and refuses; what its tables find.

mod naive;
mod snapshots;

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use http::header::CONNECTION;
use http::{HeaderMap, HeaderValue, Method};
use proptest::prelude::*;
use snapshot::{
    Attachment, BackendKey, ByKind, Drain, DrainCause, Endpoint, EndpointState, Endpoints, Match,
    ObjectKey, PathMatch, Snapshot,
};

use self::naive::Verdict;
use self::snapshots::{
    Request, addresses, hostname, listener, listener_key, route, route_key, some_edits,
    some_request,
};
use super::Applier;
use crate::backend::Backends;
use crate::table::{Found, Rule, Seek};
use crate::telemetry::Telemetry;

fn applier() -> Applier {
    let telemetry = Telemetry::new();
    Applier::new(Backends::new(Arc::default(), telemetry.clone()), telemetry)
}

fn everywhere(requests: &[Request]) -> impl Iterator<Item = (SocketAddr, &Request)> {
    let [a, b] = addresses();
    let all = [a, b, IpAddr::V6(Ipv6Addr::UNSPECIFIED)];
    let pairs = all.into_iter().flat_map(|address| requests.iter().map(move |one| (address, one)));
    pairs.map(|(address, request)| (SocketAddr::new(address, 80), request))
}

fn seek(request: &Request) -> Seek<'_> {
    Seek {
        host: &request.host,
        path: &request.path,
        query: Some(&request.query),
        method: &request.method,
        headers: &request.headers,
        sni: None,
        https: false,
    }
}

fn find(applier: &Applier, address: SocketAddr, request: &Request) -> Verdict {
    let Some(slot) = applier.slots.get(&address) else { return Verdict::NoListener };
    match slot.load().find(&seek(request)) {
        Found::Rule(hit) => Verdict::Rule(hit.rule.key.clone(), hit.prefix),
        Found::NoRoute(listener) => Verdict::NoRoute(listener.key.clone()),
        Found::NoListener => Verdict::NoListener,
        Found::Misdirected => unreachable!("no listener of these tests has TLS"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, ..ProptestConfig::default() })]

    #[test]
    fn a_table_finds_what_the_words_of_the_gateway_api_say(
        edits in some_edits(40),
        requests in prop::collection::vec(some_request(), 60),
    ) {
        let mut snapshot = Snapshot::default();
        edits.iter().for_each(|edit| edit.apply(&mut snapshot));
        let mut applier = applier();
        let refusals = applier.apply(Arc::new(snapshot.clone())).refusals;
        prop_assert!(refusals.is_empty(), "{refusals:?}");
        for (address, request) in everywhere(&requests) {
            let expect = naive::find(&snapshot, address, request);
            prop_assert_eq!(find(&applier, address, request), expect, "{} {:?}", address, request);
        }
    }

    #[test]
    fn tables_do_not_remember_how_they_came_about(
        edits in some_edits(60),
        pace in 1..8_usize,
        requests in prop::collection::vec(some_request(), 40),
    ) {
        let mut snapshot = Snapshot::default();
        let mut applied = applier();
        for some in edits.chunks(pace) {
            some.iter().for_each(|edit| edit.apply(&mut snapshot));
            applied.apply(Arc::new(snapshot.clone()));
            if snapshot.version.0.is_multiple_of(2) {
                // As a panic leaves it: begun, and only its routes are done.
                let broken = Arc::<Snapshot>::default();
                let (last, refusals) = (applied.last.clone(), &mut applied.refusals);
                applied.rules.apply(&last.routes, &broken.routes, refusals);
                applied.begun = Some(broken);
            }
        }
        applied.apply(Arc::new(snapshot.clone()));
        let mut fresh = applier();
        fresh.apply(Arc::new(snapshot));
        prop_assert!(applied.slots.keys().eq(fresh.slots.keys()));
        for (address, request) in everywhere(&requests) {
            let expect = find(&fresh, address, request);
            prop_assert_eq!(find(&applied, address, request), expect, "{} {:?}", address, request);
        }
    }
}

fn prefix(path: &str) -> Match {
    let path = PathMatch::Prefix(path.into());
    Match { path, method: None, headers: Vec::new(), query: Vec::new() }
}

fn attached(section: &str, name: &str) -> Vec<Attachment> {
    vec![Attachment { listener: listener_key(section), hostnames: vec![hostname(name)] }]
}

fn get(host: &str, path: &str) -> Request {
    Request {
        host: host.to_owned(),
        path: path.to_owned(),
        query: String::new(),
        method: Method::GET,
        headers: HeaderMap::new(),
    }
}

/// One open listener, and two rules on hosts of their own.
fn small() -> Snapshot {
    let mut snapshot = Snapshot::default();
    snapshot.listeners.insert(listener_key("http"), Arc::new(listener("*")));
    for name in ["a", "b"] {
        let rule = route(attached("http", name), vec![prefix("/x"), prefix("/y")]);
        snapshot.routes.insert(route_key(name, 0), Arc::new(rule));
    }
    snapshot
}

fn rule(applier: &Applier, host: &str, path: &str) -> Option<Arc<Rule>> {
    let (_, slot) = applier.slots.iter().next()?;
    let request = get(host, path);
    match slot.load().find(&seek(&request)) {
        Found::Rule(hit) => Some(hit.rule),
        _ => None,
    }
}

#[test]
fn what_did_not_change_is_shared_with_the_table_before() {
    let (mut applier, mut snapshot) = (applier(), small());
    applier.apply(Arc::new(snapshot.clone()));
    let before = ["a", "b"].map(|host| rule(&applier, host, "/x").unwrap());
    let slots: Vec<_> = applier.slots.values().cloned().collect();

    let changed = route(attached("http", "a"), vec![prefix("/x"), prefix("/z")]);
    snapshot.routes.insert(route_key("a", 0), Arc::new(changed));
    snapshot.version = snapshot.version.next();
    applier.apply(Arc::new(snapshot.clone()));
    let after = ["a", "b"].map(|host| rule(&applier, host, "/x").unwrap());
    assert!(!Arc::ptr_eq(&before[0], &after[0]) && Arc::ptr_eq(&before[1], &after[1]));
    assert!(Arc::ptr_eq(&before[0].metrics, &after[0].metrics), "the series goes on");
    assert!(Arc::ptr_eq(&slots[0], applier.slots.values().next().unwrap()));
    assert!(rule(&applier, "a", "/y").is_none() && rule(&applier, "a", "/z").is_some());

    let stored = slots[0].load().version;
    let key = BackendKey { service: ObjectKey::new("shop", "cart"), port: 80 };
    snapshot.endpoints.insert(key, Arc::default());
    snapshot.version = snapshot.version.next();
    let outcome = applier.apply(Arc::new(snapshot.clone()));
    assert_eq!(outcome.version, snapshot.version);
    assert_eq!(slots[0].load().version, stored, "endpoints touch no table");
}

#[test]
fn an_endpoint_that_comes_with_its_drain_never_serves() {
    let (mut applier, mut snapshot) = (applier(), small());
    let key = BackendKey { service: ObjectKey::new("shop", "cart"), port: 80 };
    let endpoint = Endpoint {
        address: "10.0.0.1:80".parse().unwrap(),
        uid: None,
        state: EndpointState::Ready,
        zone: None,
        node: None,
    };
    let endpoints = Endpoints { list: [endpoint].into(), ..Endpoints::default() };
    snapshot.endpoints.insert(key, Arc::new(endpoints));
    let cause = DrainCause::Api { by: "test".into() };
    let drain = Drain { pods: [None].into(), cause: cause.clone(), cut: ByKind::default() };
    let address = "10.0.0.1".parse().unwrap();
    for (drain, expected) in [(Some(drain), Some(cause)), (None, None)] {
        match drain {
            Some(drain) => snapshot.drains.insert(address, Arc::new(drain)),
            None => snapshot.drains.remove(&address),
        };
        applier.apply(Arc::new(snapshot.clone()));
        let view = applier.backends.view();
        let view = view.iter().find_map(|backend| backend.endpoints.first()).unwrap();
        assert_eq!(view.drained, expected);
    }
}

#[test]
fn a_rule_that_cannot_be_compiled_is_named_and_the_one_before_stays() {
    let (mut applier, mut snapshot) = (applier(), small());
    applier.apply(Arc::new(snapshot.clone()));
    let bad = Arc::new(route(attached("http", "a"), vec![prefix("/a%2Fb")]));
    snapshot.routes.insert(route_key("a", 0), bad.clone());
    snapshot.routes.insert(route_key("new", 0), bad);
    let first = applier.apply(Arc::new(snapshot.clone())).refusals;
    let told: Vec<_> = first.iter().map(|one| (&*one.resource, &*one.reason)).collect();
    let why = "no request has the path \"/a%2Fb\": the path has an encoded slash or backslash";
    let reasons = [format!("{why}; the rule before it stays"), format!("{why}; it is left out")];
    let expect = [("HTTPRoute/shop/a/0", &*reasons[0]), ("HTTPRoute/shop/new/0", &*reasons[1])];
    assert_eq!(told, expect);
    assert!(rule(&applier, "a", "/x").is_some());

    snapshot.routes.remove(&route_key("b", 0));
    assert_eq!(applier.apply(Arc::new(snapshot.clone())).refusals, first, "they stand");
    snapshot.routes.remove(&route_key("new", 0));
    snapshot.routes.remove(&route_key("a", 0));
    assert!(applier.apply(Arc::new(snapshot)).refusals.is_empty());
    assert!(rule(&applier, "a", "/x").is_none());
}

#[test]
fn a_filter_that_is_left_out_is_named() {
    let (mut applier, mut snapshot) = (applier(), small());
    let add = vec![(CONNECTION, HeaderValue::from_static("close"))];
    let modifier = snapshot::HeaderModifier { add, ..Default::default() };
    let mut changed = route(attached("http", "a"), vec![prefix("/x")]);
    changed.filters = vec![snapshot::Filter::RequestHeaders(modifier)];
    snapshot.routes.insert(route_key("a", 0), Arc::new(changed));
    let refusals = applier.apply(Arc::new(snapshot)).refusals;
    assert_eq!(refusals.len(), 1);
    assert!(refusals[0].reason.contains("connection"), "{refusals:?}");
    assert!(rule(&applier, "a", "/x").is_some());
}

#[test]
fn of_listeners_that_cannot_share_a_port_the_first_has_it() {
    let (mut applier, mut snapshot) = (applier(), small());
    snapshot.listeners.insert(listener_key("zzz"), Arc::new(listener("*")));
    let outcome = applier.apply(Arc::new(snapshot.clone()));
    let resources: Vec<_> = outcome.refusals.iter().map(|one| one.resource.as_str()).collect();
    assert_eq!(resources, ["Gateway/infra/public/zzz"]);
    assert!(rule(&applier, "a", "/x").is_some());
    snapshot.listeners.remove(&listener_key("http"));
    assert!(applier.apply(Arc::new(snapshot)).refusals.is_empty());
    assert!(rule(&applier, "a", "/x").is_none(), "no rule is attached to the other");
}

#[test]
fn a_slot_without_listeners_goes_and_keeps_its_last_table() {
    let (mut applier, mut snapshot) = (applier(), small());
    let slot = applier.apply(Arc::new(snapshot.clone())).slots.pop_first().unwrap().1;
    assert_eq!(slot.address, "[::]:80".parse().unwrap());
    snapshot.listeners.clear();
    assert!(applier.apply(Arc::new(snapshot)).slots.is_empty());
    let request = get("a", "/x");
    assert!(matches!(slot.load().find(&seek(&request)), Found::Rule(_)));
}
