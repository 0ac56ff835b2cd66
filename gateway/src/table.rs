//! The compiled form of everything on one address and port: what a request finds.

use std::sync::Arc;

use http::{HeaderMap, Method};
use snapshot::{ListenerKey, Version};

use crate::connect::ClientIdentity;
use crate::tls::PortTls;

mod rule;

pub(crate) use rule::{Choice, Rule};

/// Everything that listens on one address and port, at one version.
pub(crate) struct Table {
    /// The snapshot it was made of.
    pub(crate) version: Version,
    /// `Some` when the listeners terminate TLS.
    pub(crate) tls: Option<Arc<PortTls>>,
}

/// What a request is looked up by.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seek<'r> {
    /// Canonical ([`crate::normalise::authority`]).
    pub(crate) host: &'r str,
    /// Canonical ([`crate::normalise::path`]).
    pub(crate) path: &'r str,
    /// As sent, without `?`.
    pub(crate) query: Option<&'r str>,
    /// The method.
    pub(crate) method: &'r Method,
    /// The headers as the client sent them.
    pub(crate) headers: &'r HeaderMap,
    /// The name that the client gave in the TLS handshake, lower case.
    pub(crate) sni: Option<&'r str>,
    /// Whether the connection is TLS.
    pub(crate) https: bool,
}

/// What a request finds.
#[derive(Clone)]
pub(crate) enum Found {
    /// A rule matches.
    Rule(Hit),
    /// A listener, and no rule of it matches: 404.
    NoRoute(Arc<ListenerInfo>),
    /// No listener has the host: 404.
    NoListener,
    /// The connection was made for another listener: 421.
    Misdirected,
}

/// The rule that a request found.
#[derive(Clone)]
pub(crate) struct Hit {
    /// The rule.
    pub(crate) rule: Arc<Rule>,
    /// The listener that it is attached to.
    pub(crate) listener: Arc<ListenerInfo>,
    /// Bytes of the path that the match's prefix takes; 0 for `/` and for matches of other types.
    pub(crate) prefix: usize,
}

/// What a request must know of its listener.
pub(crate) struct ListenerInfo {
    /// Its name.
    pub(crate) key: ListenerKey,
    /// What we present to backends that ask for a certificate.
    pub(crate) identity: Option<Arc<ClientIdentity>>,
    /// Whether it terminates TLS.
    pub(crate) https: bool,
    /// The port it listens on.
    pub(crate) port: u16,
}

impl Table {
    /// The rule for a request. Allocates nothing, takes no lock.
    pub(crate) fn find(&self, _seek: &Seek<'_>) -> Found {
        unimplemented!("lands next")
    }
}
