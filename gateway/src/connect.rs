//! Opening upstream connections: TCP, TLS, and what ALPN answered.

use std::sync::Arc;

use snapshot::Certificate;

/// What we present to backends that ask for a certificate. Shared by listeners; connections are
/// pooled apart for each.
#[derive(Debug)]
pub(crate) struct ClientIdentity {
    id: u64,
}

impl ClientIdentity {
    /// The identity of a certificate and its key; an error says what is wrong with them.
    pub(crate) fn new(_certificate: &Certificate) -> Result<Arc<Self>, String> {
        unimplemented!("lands next")
    }

    /// Unique among all identities of this process.
    pub(crate) fn id(&self) -> u64 {
        self.id
    }
}
