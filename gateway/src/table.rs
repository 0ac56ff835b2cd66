//! The compiled form of everything on one address and port: what a request finds.
//!
//! The listener with the most specific hostname has the request, alone. In it, the hostnames that
//! routes were *written* with decide first, the more specific before the less; under each, exact
//! paths, regular expressions and prefixes, the longest first; then what `precedence` says. What
//! one hostname does not match falls to the next less specific one.
//!
//! Promises: a table never changes; a lookup takes no lock and allocates nothing (but for what
//! `regex` keeps per thread). Changed tables share with the ones before all that did not change.
//!
//! Left to others: `apply` makes and stores tables.

use std::ops::ControlFlow;
use std::sync::Arc;

use http::{HeaderMap, Method};
use snapshot::{ListenerKey, Version};

use crate::connect::ClientIdentity;
use crate::tls::PortTls;

mod branch;
mod condition;
mod entries;
pub(crate) mod explain;
mod host;
mod hosts;
mod listeners;
mod precedence;
mod rule;
mod shards;

use explain::Explanation;
pub(crate) use host::Part;
pub(crate) use hosts::Hosts;
pub(crate) use listeners::Listeners;
pub(crate) use rule::{Entry, Rule};

/// Everything that listens on one address and port, at one version.
pub(crate) struct Table {
    /// The snapshot that changed it last.
    pub(crate) version: Version,
    /// `Some` when the listeners terminate TLS.
    pub(crate) tls: Option<Arc<PortTls>>,
    /// Places in `listeners`.
    pub(crate) by_host: Arc<Listeners>,
    /// Each with its routes.
    pub(crate) listeners: Box<[(Arc<ListenerInfo>, Arc<Hosts>)]>,
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
    /// The name that the client gave in the TLS handshake: lower case, no trailing dot.
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
#[derive(Debug)]
pub(crate) struct ListenerInfo {
    /// Its name.
    pub(crate) key: ListenerKey,
    /// The same as text, for the log.
    pub(crate) label: Box<str>,
    /// What we present to backends that ask for a certificate.
    pub(crate) identity: Option<Arc<ClientIdentity>>,
    /// Whether it terminates TLS.
    pub(crate) https: bool,
    /// The port it listens on.
    pub(crate) port: u16,
}

impl Table {
    /// The rule for a request.
    pub(crate) fn find(&self, seek: &Seek<'_>) -> Found {
        let (info, hosts) = match self.listener(seek) {
            Ok(listener) => listener,
            Err(found) => return found,
        };
        for (_, host) in hosts.serving(seek.host) {
            let found = host.walk(seek.path, Some(seek.headers), |entry, prefix| {
                match entry.condition().holds(seek) {
                    true => ControlFlow::Break(Hit {
                        rule: entry.rule.clone(),
                        listener: info.clone(),
                        prefix,
                    }),
                    false => ControlFlow::Continue(()),
                }
            });
            if let ControlFlow::Break(hit) = found {
                return Found::Rule(hit);
            }
        }
        Found::NoRoute(info.clone())
    }

    /// The same lookup, with all that was in question.
    pub(crate) fn explain(&self, seek: &Seek<'_>) -> Explanation {
        let listener = match self.listener(seek) {
            Ok(listener) => listener,
            Err(found) => return Explanation::without_listener(self.version, &found),
        };
        Explanation::new(self.version, listener, seek)
    }

    /// The listener of a request, if its connection was made for that one, and in the protocol
    /// that the port speaks now.
    fn listener(&self, seek: &Seek<'_>) -> Result<&(Arc<ListenerInfo>, Arc<Hosts>), Found> {
        let place = self.by_host.of(seek.host).ok_or(Found::NoListener)?;
        let listener = &self.listeners[place];
        if listener.0.https != seek.https || (seek.https && !self.is_made_for(place, seek)) {
            return Err(Found::Misdirected);
        }
        Ok(listener)
    }

    /// GEP-3567: whether the connection's handshake chose this listener. One without a name chose
    /// the listener without a hostname, as `tls` does.
    fn is_made_for(&self, place: usize, seek: &Seek<'_>) -> bool {
        match seek.sni {
            Some(sni) => sni == seek.host || self.by_host.of(sni) == Some(place),
            None => self.by_host.of_any() == Some(place),
        }
    }
}

#[cfg(test)]
mod tests;
