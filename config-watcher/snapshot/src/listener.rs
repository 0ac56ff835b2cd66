//! A listener: where connections are taken and for which hostnames.

use std::net::IpAddr;

use serde::Serialize;

use crate::{CertificateKey, Hostname, TrustAnchors};

/// One valid listener of a Gateway or ListenerSet. Listeners with the same address and port share
/// a socket; a request belongs to the one whose hostname is the most specific that matches.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Listener {
    /// Addresses to bind. Empty means the unspecified address, IPv6 and IPv4 alike.
    pub addresses: Vec<IpAddr>,
    /// TCP port to bind.
    pub port: u16,
    /// Which requests are its own (`spec.listeners[].hostname`).
    pub hostname: Hostname,
    /// `Some` for protocol HTTPS with TLS terminated here, `None` for HTTP.
    pub tls: Option<ListenerTls>,
    /// What we present to backends that ask for a certificate
    /// (`Gateway.spec.tls.backend.clientCertificateRef`).
    pub backend_client_certificate: Option<CertificateKey>,
}

/// How TLS is terminated.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ListenerTls {
    /// In the order of `certificateRefs`; the first that names the SNI is used, else the first.
    /// Never empty.
    pub certificates: Vec<CertificateKey>,
    /// Whether clients must show a certificate (`Gateway.spec.tls.frontend`).
    pub client_validation: Option<ClientValidation>,
}

/// What clients must show.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ClientValidation {
    /// Roots that a client's certificate must chain to.
    pub anchors: TrustAnchors,
    /// What happens to clients that show none, or one that does not verify.
    pub mode: ClientValidationMode,
}

/// Gateway API `FrontendValidationModeType`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum ClientValidationMode {
    /// Only clients with a certificate that verifies are served.
    AllowValidOnly,
    /// Clients without one, or with one that does not verify, are served as well.
    AllowInsecureFallback,
}
