//! What we present to backends that ask for a certificate.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rustls::client::ResolvesClientCert;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use snapshot::Certificate;

use super::tls::provider;

/// A certificate and its key (`Gateway.spec.tls.backend.clientCertificateRef`). Shared by
/// listeners; connections are pooled apart for each.
pub(crate) struct ClientIdentity {
    id: u64,
    key: Arc<SingleCertAndKey>,
}

impl ClientIdentity {
    /// The identity of a certificate and its key; an error says what is wrong with them.
    pub(crate) fn new(certificate: &Certificate) -> Result<Arc<Self>, String> {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let Certificate { chain, key } = certificate.clone();
        let key = CertifiedKey::from_der(chain, key, provider())
            .map_err(|error| format!("the client certificate cannot be used: {error}"))?;
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        Ok(Arc::new(Self { id, key: Arc::new(SingleCertAndKey::from(key)) }))
    }

    /// Unique among all identities of this process, never 0.
    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    /// What rustls asks for the certificate.
    pub(super) fn resolver(&self) -> Arc<dyn ResolvesClientCert> {
        Arc::clone(&self.key) as _
    }
}

impl fmt::Debug for ClientIdentity {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "client identity {}", self.id)
    }
}
