//! TLS towards clients: certificates by SNI, client validation, session tickets.
