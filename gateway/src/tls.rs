//! TLS towards clients: certificates by SNI, client validation, session tickets.

use std::sync::Arc;

use imbl::OrdMap;
use snapshot::{Certificate, CertificateKey, Listener, ListenerKey};

/// TLS on one address and port.
pub(crate) struct PortTls(());

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
        _listeners: impl IntoIterator<Item = (&'a ListenerKey, &'a Listener)>,
        _certificates: &OrdMap<CertificateKey, Arc<Certificate>>,
        _before: Option<&Self>,
    ) -> Built {
        unimplemented!("lands next")
    }
}
