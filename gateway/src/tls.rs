//! TLS towards clients: certificates by SNI, client validation, session tickets.
//!
//! Promises: a handshake belongs to the listener whose hostname is the most specific that takes
//! the SNI, and fails where none does; without SNI it belongs to the listener without a hostname,
//! if there is one. TLS 1.2 and 1.3, no early data, ALPN `h2` and `http/1.1`. What did not change
//! keeps its configuration; tickets outlive a change of certificates, and never lead from one
//! client validation to another (CVE-2025-23419). A certificate that cannot be used is refused by
//! name, and the one before it stays. Which request may come on which connection is `table`'s.

mod client;
mod config;
mod keys;

use std::io;
use std::sync::Arc;

use imbl::OrdMap;
use rustc_hash::FxHashMap;
use rustls::server::Acceptor;
use rustls::{ProtocolVersion, ServerConfig};
use snapshot::{Certificate, CertificateKey, Hostname, Listener, ListenerKey, ListenerTls};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::server::TlsStream;

use client::Validation;
use config::Group;
use keys::Keys;

/// TLS on one address and port.
pub(crate) struct PortTls {
    inlets: Vec<Inlet>,
    by_name: FxHashMap<Arc<str>, usize>,
    /// By what stands behind `*.`.
    by_parent: FxHashMap<Arc<str>, usize>,
    for_all: Option<usize>,
    keys: Keys,
    groups: Vec<Arc<Group>>,
}

/// One listener.
struct Inlet {
    key: ListenerKey,
    /// What the configuration was made of.
    certificates: Vec<Arc<Certificate>>,
    group: Option<Arc<Group>>,
    /// `None` when nothing can be made of them: handshakes fail.
    config: Option<Arc<ServerConfig>>,
}

/// What a handshake showed.
#[derive(Clone, Debug)]
pub(crate) struct TlsInfo {
    /// The name that the client asked for: lower case, no trailing dot.
    pub(crate) sni: Option<Arc<str>>,
    /// Such as `TLSv1.3`.
    pub(crate) version: &'static str,
    /// What is known of the client.
    pub(crate) client: ClientCertificate,
}

/// What a client showed of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ClientCertificate {
    /// It was not asked.
    NotAsked,
    /// It was asked and has none (`AllowInsecureFallback`).
    Missing,
    /// It has one that does not verify (`AllowInsecureFallback`).
    Invalid,
    /// It has one that verifies.
    Valid,
}

impl ClientCertificate {
    /// As the access log has it.
    pub(crate) fn as_str(self) -> Option<&'static str> {
        match self {
            Self::NotAsked => None,
            Self::Missing => Some("missing"),
            Self::Invalid => Some("invalid"),
            Self::Valid => Some("valid"),
        }
    }
}

/// The TLS of a port, and what could not be made of it.
pub(crate) struct Built {
    /// Ready to take handshakes.
    pub(crate) tls: Arc<PortTls>,
    /// Resources that cannot be used, with the reason; their old form stays where there is one.
    pub(crate) refusals: Vec<(String, String)>,
}

impl PortTls {
    /// TLS for the listeners of one address and port, those without TLS left out. What did not
    /// change since `before` is taken over, tickets included.
    pub(crate) fn build<'a>(
        listeners: impl IntoIterator<Item = (&'a ListenerKey, &'a Listener)>,
        certificates: &OrdMap<CertificateKey, Arc<Certificate>>,
        before: Option<&Self>,
    ) -> Built {
        let mut next = Self {
            inlets: Vec::new(),
            by_name: FxHashMap::default(),
            by_parent: FxHashMap::default(),
            for_all: None,
            keys: Keys::default(),
            groups: Vec::new(),
        };
        let mut refusals = Vec::new();
        for (key, listener) in listeners {
            if let Some(tls) = &listener.tls {
                let inlet = next.inlet(key, tls, certificates, before, &mut refusals);
                next.add(&listener.hostname, inlet);
            }
        }
        refusals.sort_unstable();
        refusals.dedup();
        Built { tls: Arc::new(next), refusals }
    }

    fn inlet(
        &mut self,
        key: &ListenerKey,
        tls: &ListenerTls,
        certificates: &OrdMap<CertificateKey, Arc<Certificate>>,
        before: Option<&Self>,
        refusals: &mut Vec<(String, String)>,
    ) -> Inlet {
        let group = self.group(tls, before);
        let group = group.map_err(|reason| refusals.push((key.to_string(), reason))).ok();
        let mut used = Vec::new();
        let mut compiled = Vec::new();
        for name in &tls.certificates {
            let given = certificates.get(name);
            match self.keys.get(name, given, before.map(|before| &before.keys)) {
                Ok(one) => {
                    used.push(one.source.clone());
                    compiled.push(one.key.clone());
                    refusals.extend(one.instead_of.map(|reason| (name.to_string(), reason)));
                }
                Err(reason) => refusals.push((name.to_string(), reason)),
            }
        }
        let old = before.and_then(|before| before.inlets.iter().find(|inlet| inlet.key == *key));
        let ptr = |group: &Option<Arc<Group>>| group.as_ref().map(Arc::as_ptr);
        let same = |old: &&Inlet| old.certificates == used && ptr(&old.group) == ptr(&group);
        let config = match old.filter(same) {
            Some(old) => old.config.clone(),
            None if compiled.is_empty() => None,
            None => group.as_ref().map(|group| group.config(compiled)),
        };
        Inlet { key: key.clone(), certificates: used, group, config }
    }

    /// The group of listeners that ask the same of clients, and share tickets.
    fn group(&mut self, tls: &ListenerTls, before: Option<&Self>) -> Result<Arc<Group>, String> {
        let asks = |group: &&Arc<Group>| group.asks(tls.client_validation.as_ref());
        let old = before.and_then(|before| before.groups.iter().find(asks));
        if let Some(known) = self.groups.iter().find(asks).or(old).cloned() {
            if !self.groups.iter().any(|group| Arc::ptr_eq(group, &known)) {
                self.groups.push(known.clone());
            }
            return Ok(known);
        }
        let new = Arc::new(Group::new(Validation::new(tls.client_validation.as_ref())?)?);
        self.groups.push(new.clone());
        Ok(new)
    }

    fn add(&mut self, hostname: &Hostname, inlet: Inlet) {
        let index = self.inlets.len();
        self.inlets.push(inlet);
        match hostname {
            Hostname::Exact(name) => {
                self.by_name.insert(name.clone(), index);
            }
            Hostname::Wildcard(parent) => {
                self.by_parent.insert(parent.clone(), index);
            }
            Hostname::Any => self.for_all = Some(index),
        }
    }

    /// The listener that takes this SNI: exact, then the longest wildcard, then any.
    fn find(&self, sni: Option<&str>) -> Option<&Inlet> {
        let named = sni.and_then(|name| {
            let parents = name.match_indices('.').map(|(at, _)| &name[at + 1..]);
            let mut wild = parents.filter_map(|parent| self.by_parent.get(parent));
            self.by_name.get(name).or_else(|| wild.next())
        });
        named.copied().or(self.for_all).map(|index| &self.inlets[index])
    }

    /// Takes a handshake. There is no time limit; drop the future to give up.
    ///
    /// # Errors
    /// When the client fails to do its part, or no listener takes its SNI; it has been told.
    pub(crate) async fn accept<S>(&self, stream: S) -> io::Result<(TlsStream<S>, TlsInfo)>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let start = LazyConfigAcceptor::new(Acceptor::default(), stream).await?;
        let sni: Option<Arc<str>> = start
            .client_hello()
            .server_name()
            .map(|name| name.trim_end_matches('.').to_ascii_lowercase().into());
        let inlet = self.find(sni.as_deref());
        let config = match inlet.and_then(|inlet| inlet.config.as_ref()) {
            Some(config) => config.clone(),
            None => config::refusing(),
        };
        let stream = start.into_stream(config).await?;
        let session = stream.get_ref().1;
        let client = inlet.and_then(|inlet| inlet.group.as_ref());
        let client = client.map_or(ClientCertificate::NotAsked, |group| {
            group.validation().judge(session.peer_certificates())
        });
        let version = match session.protocol_version() {
            Some(ProtocolVersion::TLSv1_3) => "TLSv1.3",
            Some(ProtocolVersion::TLSv1_2) => "TLSv1.2",
            _ => "TLS",
        };
        let info = TlsInfo { sni, version, client };
        Ok((stream, info))
    }
}

#[cfg(test)]
mod tests;
