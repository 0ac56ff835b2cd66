//! A backend: a service port that requests are sent to, with its policies.

use std::fmt;
use std::sync::Arc;

use rustls_pki_types::CertificateDer;
use serde::{Serialize, Serializer};

use crate::Lifecycle;

/// One port of one Service. Its addresses stand apart, in [`crate::Endpoints`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Backend {
    /// What the endpoints speak.
    pub protocol: Protocol,
    /// `Some` when the endpoints are reached over TLS.
    pub tls: Option<BackendTls>,
    /// The backend exists but must not be used: its requests are answered with 500. The text says
    /// why (a BackendTLSPolicy that is not valid, for instance), for people.
    pub refused: Option<Arc<str>>,
    /// How its endpoints come and go.
    #[serde(skip_serializing_if = "Lifecycle::is_default")]
    pub lifecycle: Lifecycle,
}

/// What endpoints speak (`Service.spec.ports[].appProtocol`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Protocol {
    /// Nothing said: HTTP/1.1; HTTP/2 for GRPCRoutes and gRPC requests. Over TLS, what ALPN says.
    Auto,
    /// `http`, `kubernetes.io/ws`, `kubernetes.io/wss`: HTTP/1.1 always.
    Http1,
    /// `kubernetes.io/h2c`, `grpc`: HTTP/2, by prior knowledge where there is no TLS.
    Http2,
}

/// How endpoints are reached over TLS (`BackendTLSPolicy`, or `appProtocol: https`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BackendTls {
    /// SNI, and the name that the certificate must carry unless `names` says otherwise.
    pub hostname: Arc<str>,
    /// Whom we believe; `None` is the system's own set.
    pub anchors: Option<TrustAnchors>,
    /// When not empty, the certificate must carry one of these instead of `hostname`.
    pub names: Vec<SubjectAltName>,
}

/// A name that a backend's certificate may carry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum SubjectAltName {
    /// A DNS name, perhaps with a wildcard label.
    Hostname(crate::Hostname),
    /// A URI, compared to the byte.
    Uri(Arc<str>),
}

/// Certificates of authorities, as DER, that chains must end in. Never empty.
#[derive(Clone, PartialEq, Eq)]
pub struct TrustAnchors(pub Arc<[CertificateDer<'static>]>);

impl fmt::Debug for TrustAnchors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} certificates", self.0.len())
    }
}

impl Serialize for TrustAnchors {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(&format_args!("{self:?}"))
    }
}
