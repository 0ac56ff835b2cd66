//! Opening upstream connections: TCP, TLS, HTTP/1 or HTTP/2.

/// What we present to backends that ask for a certificate.
pub(crate) struct ClientIdentity;
