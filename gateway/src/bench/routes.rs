//! Routes: finding one, and making a table after one changed.

use std::hint::black_box;
use std::net::SocketAddr;
use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use snapshot::{
    Attachment, BackendKey, BackendRef, HeaderMatch, Hostname, Listener, ListenerKey, Match,
    ObjectKey, ParentKind, PathMatch, Route, RouteKey, RouteKind, Snapshot, Target, Text, Timeouts,
};

use super::Run;
use crate::apply::{Applier, Slot};
use crate::backend::Backends;
use crate::table::{Found, Seek};
use crate::telemetry::Telemetry;

/// Routes of one host.
const PER_HOST: usize = 8;

/// A request of the host in the middle.
pub(super) fn find<const ROUTES: usize>() -> Run {
    let host = format!("host-{}.example", ROUTES / PER_HOST / 2);
    finds(&snapshot(ROUTES), host, HeaderMap::new())
}

/// A request of the last rule, all of which ask for a value of one header under one path.
pub(super) fn find_by_header<const RULES: u16>() -> Run {
    const TENANT: HeaderName = HeaderName::from_static("x-tenant");
    let mut snapshot = snapshot(0);
    for rule in 0..RULES {
        let value = Text::Exact(rule.to_string().into());
        let headers = vec![HeaderMatch { name: TENANT, value }];
        let key = RouteKey { kind: RouteKind::Http, object: ObjectKey::new("shop", "all"), rule };
        snapshot.routes.insert(key, Arc::new(route("shop.example", "/service-3", headers)));
    }
    let last = HeaderMap::from_iter([(TENANT, HeaderValue::from(RULES - 1))]);
    finds(&snapshot, "shop.example".to_owned(), last)
}

/// One route gets another path, and the one before at the next call.
pub(super) fn change<const ROUTES: usize>() -> Run {
    let before = snapshot(ROUTES);
    let mut after = before.clone();
    let changed = Arc::new(route("host-0.example", "/other", Vec::new()));
    after.routes.insert(route_key(0), changed);
    after.version = after.version.next();
    let (mut applier, _) = applied(&before);
    let (mut next, mut last) = (Arc::new(after), Arc::new(before));
    Box::new(move || {
        let outcome = applier.apply(next.clone());
        assert!(outcome.refusals.is_empty(), "every rule can be compiled");
        std::mem::swap(&mut next, &mut last);
    })
}

fn finds(snapshot: &Snapshot, host: String, headers: HeaderMap) -> Run {
    let (_, slot) = applied(snapshot);
    Box::new(move || {
        let found = slot.load().find(black_box(&Seek {
            host: &host,
            path: "/service-3/items/17",
            query: Some("page=2"),
            method: &Method::GET,
            headers: &headers,
            sni: None,
            https: false,
        }));
        assert!(matches!(found, Found::Rule(_)), "the request has a route");
    })
}

fn applied(snapshot: &Snapshot) -> (Applier, Arc<Slot>) {
    let telemetry = Telemetry::new();
    let backends = Backends::new(Arc::default(), telemetry.clone());
    let mut applier = Applier::new(backends, telemetry);
    let outcome = applier.apply(Arc::new(snapshot.clone()));
    assert!(outcome.refusals.is_empty(), "every rule can be compiled");
    let slot = outcome.slots.into_values().next().expect("there is one listener");
    (applier, slot)
}

/// One listener; so many routes on hosts of their own, eight each.
fn snapshot(routes: usize) -> Snapshot {
    let mut snapshot = Snapshot::default();
    let listener = Listener {
        addresses: vec![SocketAddr::from(([127, 0, 0, 1], 80)).ip()],
        port: 80,
        hostname: Hostname::Any,
        tls: None,
        backend_client_certificate: None,
    };
    snapshot.listeners.insert(listener_key(), Arc::new(listener));
    for index in 0..routes {
        let host = format!("host-{}.example", index / PER_HOST);
        let path = format!("/service-{}", index % PER_HOST);
        snapshot.routes.insert(route_key(index), Arc::new(route(&host, &path, Vec::new())));
    }
    snapshot
}

fn route_key(index: usize) -> RouteKey {
    let object = ObjectKey::new("shop", format!("route-{index}"));
    RouteKey { kind: RouteKind::Http, object, rule: 0 }
}

fn listener_key() -> ListenerKey {
    let parent = ObjectKey::new("infra", "public");
    ListenerKey { kind: ParentKind::Gateway, parent, section: "http".into() }
}

fn route(host: &str, path: &str, headers: Vec<HeaderMatch>) -> Route {
    let path = PathMatch::Prefix(path.into());
    let backend = BackendKey { service: ObjectKey::new("shop", "cart"), port: 80 };
    let target = Target::Backend(backend);
    let hostnames = vec![Hostname::Exact(host.into())];
    Route {
        name: None,
        created: 0,
        attachments: [Attachment { listener: listener_key(), hostnames }].into(),
        matches: vec![Match { path, method: None, headers, query: Vec::new() }],
        filters: Vec::new(),
        backends: vec![BackendRef { target, weight: 1, filters: Vec::new() }],
        timeouts: Timeouts::default(),
        retry: None,
        session: None,
    }
}
