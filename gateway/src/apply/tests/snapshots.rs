//! Snapshots and requests made of few names, so that rules meet and overlap.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use proptest::prelude::*;
use snapshot::{
    Attachment, BackendRef, HeaderMatch, Hostname, Listener, ListenerKey, Match, ObjectKey,
    ParentKind, PathMatch, Pattern, QueryMatch, Route, RouteKey, RouteKind, Snapshot, Target, Text,
    Timeouts,
};

/// A request as a table is asked for it.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) host: String,
    pub(super) path: String,
    pub(super) query: String,
    pub(super) method: Method,
    pub(super) headers: HeaderMap,
}

/// One change of a snapshot.
#[derive(Clone, Debug)]
pub(super) enum Edit {
    Route(RouteKey, Option<Arc<Route>>),
    Listener(ListenerKey, Option<Arc<Listener>>),
}

impl Edit {
    pub(super) fn apply(&self, to: &mut Snapshot) {
        match self.clone() {
            Self::Route(key, Some(route)) => to.routes.insert(key, route).map(|_| ()),
            Self::Route(key, None) => to.routes.remove(&key).map(|_| ()),
            Self::Listener(key, Some(listener)) => to.listeners.insert(key, listener).map(|_| ()),
            Self::Listener(key, None) => to.listeners.remove(&key).map(|_| ()),
        };
        to.version = to.version.next();
    }
}

pub(super) fn hostname(text: &str) -> Hostname {
    if text == "*" { Hostname::Any } else { text.parse().unwrap() }
}

/// The listener with this hostname; its section is the hostname's number, so that no two
/// listeners have the same.
const HOSTNAMES: [&str; 5] = ["*", "*.a", "*.b.a", "b.a", "c.b.a"];

pub(super) fn listener_key(section: &str) -> ListenerKey {
    let parent = ObjectKey::new("infra", "public");
    ListenerKey { kind: ParentKind::Gateway, parent, section: section.into() }
}

pub(super) fn listener(name: &str) -> Listener {
    Listener {
        addresses: Vec::new(),
        port: 80,
        hostname: hostname(name),
        tls: None,
        backend_client_certificate: None,
    }
}

pub(super) fn addresses() -> [IpAddr; 2] {
    [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2))]
}

fn some_listener() -> impl Strategy<Value = Edit> {
    let addresses = prop::sample::subsequence(addresses().to_vec(), 0..=2);
    let value = prop::option::weighted(0.8, addresses);
    (0..HOSTNAMES.len(), value).prop_map(|(number, addresses)| {
        let made = addresses
            .map(|addresses| Arc::new(Listener { addresses, ..listener(HOSTNAMES[number]) }));
        Edit::Listener(listener_key(&number.to_string()), made)
    })
}

fn some_text() -> impl Strategy<Value = Text> {
    prop_oneof![
        3 => "[12]".prop_map(|text| Text::Exact(text.into())),
        1 => Just(Text::Regex(Pattern::parse("1|2").unwrap())),
        1 => Just(Text::Exact("1,2".into())),
    ]
}

fn some_path() -> impl Strategy<Value = PathMatch> {
    let exact = "/|(/(a|b|ab)){1,3}/?|/a/a/a(/(a|ab)){0,3}/?";
    let prefix = "/|(/(a|b|ab)){1,3}|/a/a/a(/(a|ab)){0,3}";
    let regex = prop::sample::select(vec!["/a.*", "/[ab]", "/.*b", "/a/[^/]+", "/a|/b/.*"]);
    prop_oneof![
        2 => exact.prop_map(|text| PathMatch::Exact(text.into())),
        4 => prefix.prop_map(|text| PathMatch::Prefix(text.into())),
        1 => regex.prop_map(|text| PathMatch::Regex(Pattern::parse(text).unwrap())),
    ]
}

fn some_match() -> impl Strategy<Value = Match> {
    let name = |text: &'static str| HeaderName::from_static(text);
    let header = |text| some_text().prop_map(move |value| HeaderMatch { name: name(text), value });
    let query = |text: &'static str| {
        some_text().prop_map(move |value| QueryMatch { name: text.into(), value })
    };
    let rarely = 0.15;
    (
        some_path(),
        prop::option::weighted(0.2, prop::sample::select(vec![Method::GET, Method::POST])),
        (prop::option::weighted(rarely, header("x")), prop::option::weighted(rarely, header("y"))),
        (prop::option::weighted(rarely, query("p")), prop::option::weighted(rarely, query("q"))),
    )
        .prop_map(|(path, method, headers, query)| Match {
            path,
            method,
            headers: headers.0.into_iter().chain(headers.1).collect(),
            query: query.0.into_iter().chain(query.1).collect(),
        })
}

pub(super) fn route(attachments: Vec<Attachment>, matches: Vec<Match>) -> Route {
    let nobody =
        BackendRef { target: Target::Invalid("nobody".into()), weight: 1, filters: Vec::new() };
    Route {
        name: None,
        created: 0,
        attachments: attachments.into(),
        matches,
        filters: Vec::new(),
        backends: vec![nobody],
        timeouts: Timeouts::default(),
        retry: None,
        session: None,
    }
}

pub(super) fn route_key(name: &str, rule: u16) -> RouteKey {
    RouteKey { kind: RouteKind::Http, object: ObjectKey::new("shop", name), rule }
}

fn some_route() -> impl Strategy<Value = Edit> {
    let key = (
        prop::sample::select(vec![RouteKind::Http, RouteKind::Http, RouteKind::Grpc]),
        (prop::sample::select(vec!["a", "a-b"]), prop::sample::select(vec!["r", "s"]), 0..4_u16),
    )
        .prop_map(|(kind, (namespace, name, rule))| RouteKey {
            kind,
            object: ObjectKey::new(namespace, name),
            rule,
        });
    let hostnames = prop::sample::subsequence(HOSTNAMES.to_vec(), 1..=2);
    let attachment = (0..HOSTNAMES.len(), hostnames).prop_map(|(number, hostnames)| Attachment {
        listener: listener_key(&number.to_string()),
        hostnames: hostnames.into_iter().map(hostname).collect(),
    });
    let attachments = prop::collection::vec(attachment, 1..4);
    let matches = prop::collection::vec(some_match(), 1..4);
    let value = (attachments, matches, 0..3_i64).prop_map(|(attachments, matches, created)| {
        Arc::new(Route { created, ..route(attachments, matches) })
    });
    (key, prop::option::weighted(0.8, value)).prop_map(|(key, value)| Edit::Route(key, value))
}

pub(super) fn some_edits(count: usize) -> impl Strategy<Value = Vec<Edit>> {
    let edit = prop_oneof![1 => some_listener(), 4 => some_route()];
    prop::collection::vec(edit, 1..count)
}

pub(super) fn some_request() -> impl Strategy<Value = Request> {
    let host = prop::sample::select(vec!["a", "b.a", "c.b.a", "d.c.b.a", "x.a", "z", "[::1]"]);
    let values = prop::collection::vec((prop::sample::select(vec!["x", "y"]), "[12]"), 0..4);
    let method = prop::sample::select(vec![Method::GET, Method::POST]);
    (host, "/|(/(a|b|ab|c)){1,3}/?|/a/a/a(/(a|ab|c)){0,4}/?", "([pq]=[12]&){0,3}", method, values)
        .prop_map(|(host, path, query, method, values)| Request {
            host: host.to_owned(),
            path,
            query,
            method,
            headers: values
                .into_iter()
                .map(|(name, value)| {
                    (HeaderName::from_static(name), HeaderValue::try_from(value).unwrap())
                })
                .collect(),
        })
}
