//! Listeners and connections, and what a lookup costs.

use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use proptest::prelude::*;
use snapshot::{
    Attachment, BackendRef, HeaderMatch, Hostname, ListenerKey, Match, ObjectKey, ParentKind,
    PathMatch, QueryMatch, Route, RouteKey, RouteKind, Target, Text, Timeouts, Version,
};

use super::{Found, Hosts, ListenerInfo, Listeners, Rule, Seek, Table};
use crate::backend::Backends;
use crate::telemetry::Telemetry;

fn hostname(text: &str) -> Hostname {
    if text == "*" { Hostname::Any } else { text.parse().unwrap() }
}

fn listener_key(section: &str) -> ListenerKey {
    let parent = ObjectKey::new("infra", "public");
    ListenerKey { kind: ParentKind::Gateway, parent, section: section.into() }
}

/// Listeners with these hostnames, each named so, with these hosts.
fn table(hostnames: &[&str], https: bool, hosts: &Arc<Hosts>) -> Table {
    let names: Vec<_> = hostnames.iter().map(|text| hostname(text)).collect();
    let info = |name: &&str| {
        let key = listener_key(name);
        let label = key.to_string().into();
        Arc::new(ListenerInfo { key, label, identity: None, https, port: 443 })
    };
    let listeners = hostnames.iter().map(|name| (info(name), hosts.clone())).collect();
    Table { version: Version(1), tls: None, by_host: Arc::new(Listeners::new(&names)), listeners }
}

/// The listener of a request, or the status that it gets without one.
fn listener(table: &Table, https: bool, sni: Option<&str>, host: &str) -> String {
    let (method, headers) = (&Method::GET, &HeaderMap::new());
    match table.find(&Seek { host, path: "/", query: None, method, headers, sni, https }) {
        Found::NoRoute(info) => info.key.section.to_string(),
        Found::NoListener => "404".to_owned(),
        Found::Misdirected => "421".to_owned(),
        Found::Rule(_) => unreachable!("the hosts are empty"),
    }
}

#[test]
fn a_request_belongs_to_the_listener_with_the_most_specific_hostname() {
    let names = ["*.example.com", "*.foo.example.com", "abc.foo.example.com"];
    let closed = table(&names, false, &Arc::default());
    let open = table(&["*", names[0], names[1], names[2]], false, &Arc::default());
    for (host, owner) in [
        ("bar.com", "*"),
        ("example.com", "*"),
        ("[::1]", "*"),
        ("bar.example.com", names[0]),
        ("a.b.c.example.com", names[0]),
        ("foo.example.com", names[0]),
        ("bar.foo.example.com", names[1]),
        ("abc.foo.example.com", names[2]),
        ("x.abc.foo.example.com", names[1]),
    ] {
        assert_eq!(listener(&open, false, None, host), owner, "{host}");
        let owner = if owner == "*" { "404" } else { owner };
        assert_eq!(listener(&closed, false, None, host), owner, "{host}");
    }
}

#[test]
fn a_connection_serves_only_the_listener_it_was_made_for() {
    let names = ["*", "second-example.org", "*.wildcard.org", "fourth-example.wildcard.org"];
    let table = table(&names, true, &Arc::default());
    for (sni, host, owner) in [
        ("example.org", "example.org", "*"),
        ("example.org", "second-example.org", "421"),
        ("example.org", "unknown-example.org", "*"),
        ("second-example.org", "second-example.org", names[1]),
        ("second-example.org", "example.org", "421"),
        ("third-example.wildcard.org", "third-example.wildcard.org", names[2]),
        ("third-example.wildcard.org", "fith-example.wildcard.org", names[2]),
        ("third-example.wildcard.org", "fourth-example.wildcard.org", "421"),
        ("third-example.wildcard.org", "second-example.org", "421"),
        ("fourth-example.wildcard.org", "fourth-example.wildcard.org", names[3]),
        ("fourth-example.wildcard.org", "fith-example.wildcard.org", "421"),
    ] {
        assert_eq!(listener(&table, true, Some(sni), host), owner, "{sni} {host}");
    }
    assert_eq!(listener(&table, true, None, "example.org"), "*");
    assert_eq!(listener(&table, true, None, "second-example.org"), "421");
    // The port spoke HTTP when this connection was made.
    assert_eq!(listener(&table, false, None, "example.org"), "421");
}

#[test]
fn a_connection_whose_listener_went_serves_no_other() {
    let table = table(&["a.com", "*.b.com"], true, &Arc::default());
    for (sni, host, owner) in [
        (Some("a.com"), "a.com", "a.com"),
        (Some("a.com"), "z.com", "404"),
        (Some("z.com"), "a.com", "421"),
        (None, "a.com", "421"),
        (None, "x.b.com", "421"),
        (Some("y.b.com"), "x.b.com", "*.b.com"),
    ] {
        assert_eq!(listener(&table, true, sni, host), owner, "{sni:?} {host}");
    }
}

fn rule(name: &str, hostnames: &[&str], matches: Vec<Match>, weights: &[u32]) -> Arc<Rule> {
    let telemetry = Telemetry::new();
    let backends = Backends::new(Arc::default(), telemetry.clone());
    let key = RouteKey { kind: RouteKind::Http, object: ObjectKey::new("shop", name), rule: 0 };
    let share = |(place, weight): (usize, &u32)| BackendRef {
        target: Target::Invalid(place.to_string().into()),
        weight: *weight,
        filters: Vec::new(),
    };
    let route = Route {
        name: None,
        created: 0,
        attachments: Arc::new([Attachment {
            listener: listener_key("*"),
            hostnames: hostnames.iter().map(|text| hostname(text)).collect(),
        }]),
        matches,
        filters: Vec::new(),
        backends: weights.iter().enumerate().map(share).collect(),
        timeouts: Timeouts::default(),
        retry: None,
        session: None,
    };
    let metrics = telemetry.route(&key);
    Arc::new(Rule::new(&key, &Arc::new(route), &backends, metrics, &mut Vec::new()).unwrap())
}

#[test]
fn a_lookup_allocates_nothing() {
    let text = |text: &str| Text::Exact(text.into());
    let header = HeaderMatch { name: HeaderName::from_static("x"), value: text("1,2") };
    let query = QueryMatch { name: "q".into(), value: text("a b") };
    let bare = |path| Match { path, method: None, headers: Vec::new(), query: Vec::new() };
    let prefix = |text: &str| bare(PathMatch::Prefix(text.into()));
    let never = Match { method: Some(Method::PUT), ..prefix("/a/b/c/d") };
    let rules = [
        rule("deep", &["a.b.com"], vec![prefix("/a"), prefix("/a/b"), never], &[1]),
        rule("exact", &["*.b.com"], vec![bare(PathMatch::Exact("/z".into()))], &[1]),
        rule(
            "last",
            &["*.com", "*"],
            vec![Match { headers: vec![header], query: vec![query], ..prefix("/") }],
            &[1],
        ),
    ];
    let mut hosts = Hosts::default();
    for rule in &rules {
        for hostname in &rule.attachments()[0].hostnames {
            for part in rule.parts() {
                hosts.set(hostname, part, rule.entries(part).collect());
            }
        }
    }
    let table = table(&["*", "*.com"], false, &Arc::new(hosts));
    let headers =
        ["1", "2"].map(|value| (HeaderName::from_static("x"), HeaderValue::from_static(value)));
    let headers = HeaderMap::from_iter(headers);
    for (host, path, winner) in [
        ("a.b.com", "/a/b/c/d/e/f", "deep"),
        ("x.b.com", "/z", "exact"),
        ("x.y.z.com", "/any/path", "last"),
        ("a.b.com", "/none", "last"),
        ("org", "/", "last"),
    ] {
        let query = Some("p&q=a%20b");
        let seek = Seek {
            host,
            path,
            query,
            method: &Method::GET,
            headers: &headers,
            sni: None,
            https: false,
        };
        let mut found = None;
        let cost = allocation_counter::measure(|| found = Some(table.find(&seek)));
        let Some(Found::Rule(hit)) = found else { panic!("{host}{path} finds nothing") };
        assert_eq!((&*hit.rule.key.object.name, cost.count_total), (winner, 0), "{host}{path}");
    }
}

proptest! {
    #[test]
    fn shares_are_as_the_weights(weights in prop::collection::vec(0..1_000_u32, 0..16)) {
        let all: u32 = weights.iter().sum();
        let rule = rule("r", &["*"], Vec::new(), &weights);
        prop_assert_eq!(rule.choose(0).is_none(), all == 0);
        prop_assume!(all > 0);
        // Evenly spread draws: a share is exact but for the rounding of a few draws.
        let draws = 20_000_u32;
        let mut counts = vec![0_u32; weights.len()];
        for draw in 0..draws {
            let choice = rule.choose(draw * (u32::MAX / draws)).unwrap();
            let Err(place) = &choice.target else { panic!("no target is a backend") };
            counts[place.parse::<usize>().unwrap()] += 1;
        }
        for (count, weight) in counts.iter().zip(&weights) {
            let expect = f64::from(*weight) / f64::from(all);
            let share = f64::from(*count) / f64::from(draws);
            prop_assert!((share - expect).abs() < 0.001, "{} for {}", share, expect);
            prop_assert!(*weight > 0 || *count == 0);
        }
        prop_assert!(rule.choose(u32::MAX).is_some());
    }
}
