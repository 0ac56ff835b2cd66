//! The value that travels from the watcher to the proxies: immutable, whole, numbered.
//!
//! A [`Snapshot`] is made of keyed resources; one object that a user wrote becomes one resource,
//! and children name their parents: a [`Route`] names the listeners it is attached to, a rule
//! names its backends. Persistent maps make the next version cheap to take, and the difference of
//! two versions costs what differs.
//!
//! Promises: no I/O, no clock, no async, no Kubernetes; equal inputs give equal values. How a
//! snapshot is derived is left to `config-watcher`, how it is served to `gateway`.

mod backend;
mod certificate;
mod drain;
mod endpoints;
mod filter;
mod hostname;
mod key;
mod lifecycle;
mod listener;
mod pattern;
mod route;
mod version;

pub use backend::{Backend, BackendTls, Protocol, SubjectAltName, TrustAnchors};
pub use certificate::Certificate;
pub use drain::{ByKind, Drain, DrainCause, DrainKey, DrainKeyError};
pub use endpoints::{Endpoint, EndpointState, Endpoints};
pub use filter::{
    Cors, Filter, Fraction, HeaderModifier, Mirror, Origin, PathModifier, Redirect, UrlRewrite,
};
pub use hostname::{Hostname, HostnameError};
pub use key::{
    BackendKey, CertificateKey, ListenerKey, ObjectKey, ParentKind, RouteKey, RouteKind,
};
pub use lifecycle::{DrainDeadlines, Floor, Lifecycle};
pub use listener::{ClientValidation, ClientValidationMode, Listener, ListenerTls};
pub use pattern::{Pattern, PatternError};
pub use route::{
    Attachment, BackendRef, HeaderMatch, Match, PathMatch, QueryMatch, Retry, Route, Session,
    SessionCarrier, Target, Text, Timeouts,
};
pub use version::Version;

use std::sync::Arc;

use imbl::OrdMap;
use serde::Serialize;

/// Everything a proxy needs to serve traffic, at one version.
///
/// Cloning copies six pointers. `OrdMap::diff` of the same map in two snapshots costs the
/// difference, not the size.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Snapshot {
    /// Greater than that of every snapshot before it from the same watcher.
    pub version: Version,
    /// Where to listen, for which hostnames, with which certificates.
    pub listeners: OrdMap<ListenerKey, Arc<Listener>>,
    /// One rule each.
    pub routes: OrdMap<RouteKey, Arc<Route>>,
    /// One service port each, with its policies.
    pub backends: OrdMap<BackendKey, Arc<Backend>>,
    /// The addresses of each backend. A backend without an entry has no endpoints.
    pub endpoints: OrdMap<BackendKey, Arc<Endpoints>>,
    /// Certificates with their keys, by the Secret that holds them.
    pub certificates: OrdMap<CertificateKey, Arc<Certificate>>,
    /// Addresses that take nothing new.
    pub drains: OrdMap<DrainKey, Arc<Drain>>,
}

impl Snapshot {
    /// Whether the two hold the same resources, whatever their versions.
    #[must_use]
    pub fn same_resources(&self, other: &Self) -> bool {
        self.listeners == other.listeners
            && self.routes == other.routes
            && self.backends == other.backends
            && self.endpoints == other.endpoints
            && self.certificates == other.certificates
            && self.drains == other.drains
    }
}
