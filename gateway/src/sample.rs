//! Snapshots that tests of several modules serve.

use std::net::SocketAddr;
use std::sync::Arc;

use snapshot::{
    Attachment, Backend, BackendKey, BackendRef, Hostname, Listener, ListenerKey, Match, ObjectKey,
    ParentKind, PathMatch, Protocol, Route, RouteKey, RouteKind, Snapshot, Target, Timeouts,
    Version,
};

/// An HTTP listener without a hostname on each of these addresses. A request for `/held` waits for
/// a backend that has no endpoints, every other one finds no route.
pub(crate) fn listening(version: u64, addresses: &[SocketAddr]) -> Arc<Snapshot> {
    let mut sample = Snapshot { version: Version(version), ..Snapshot::default() };
    for (index, address) in addresses.iter().enumerate() {
        let key = ListenerKey {
            kind: ParentKind::Gateway,
            parent: ObjectKey::new("infra", "public"),
            section: index.to_string().into(),
        };
        let listener = Listener {
            addresses: vec![address.ip()],
            port: address.port(),
            hostname: Hostname::Any,
            tls: None,
            backend_client_certificate: None,
        };
        sample.listeners.insert(key, Arc::new(listener));
    }
    let held = ObjectKey::new("shop", "held");
    let key = RouteKey { kind: RouteKind::Http, object: held.clone(), rule: 0 };
    let backend = BackendKey { service: held, port: 80 };
    let listeners = sample.listeners.keys().cloned();
    let attachments: Vec<_> =
        listeners.map(|listener| Attachment { listener, hostnames: vec![Hostname::Any] }).collect();
    if !attachments.is_empty() {
        sample.routes.insert(key, Arc::new(route(attachments, backend.clone())));
        let config = Backend {
            protocol: Protocol::Auto,
            tls: None,
            refused: None,
            lifecycle: Default::default(),
        };
        sample.backends.insert(backend, Arc::new(config));
    }
    Arc::new(sample)
}

fn route(attachments: Vec<Attachment>, backend: BackendKey) -> Route {
    Route {
        name: None,
        created: 0,
        attachments: attachments.into(),
        matches: vec![Match {
            path: PathMatch::Prefix("/held".into()),
            method: None,
            headers: Vec::new(),
            query: Vec::new(),
        }],
        filters: Vec::new(),
        backends: vec![BackendRef {
            target: Target::Backend(backend),
            weight: 1,
            filters: Vec::new(),
        }],
        timeouts: Timeouts::default(),
        retry: None,
        session: None,
    }
}
