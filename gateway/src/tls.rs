//! TLS towards clients: certificates by SNI, client validation, session tickets.

/// TLS on one address and port.
pub(crate) struct PortTls;
