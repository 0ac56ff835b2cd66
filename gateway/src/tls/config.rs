//! Configurations for rustls.

use std::sync::{Arc, LazyLock};

use rustls::ServerConfig;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::server::{
    ProducesTickets, ServerSessionMemoryCache, StoresServerSessions, WebPkiClientVerifier,
};
use rustls::sign::CertifiedKey;
use snapshot::ClientValidation;

use super::client::Validation;
use super::keys::Choice;

/// Sessions kept for clients of TLS 1.2 that take no tickets. 256, rustls' own number.
const SESSIONS: usize = 256;

/// Listeners that ask the same of clients. Their sessions can be resumed by each other's
/// configurations, if the SNI is the same, and by no other's.
pub(super) struct Group {
    validation: Validation,
    tickets: Arc<dyn ProducesTickets>,
    sessions: Arc<dyn StoresServerSessions>,
}

impl Group {
    pub(super) fn new(validation: Validation) -> Result<Self, String> {
        let tickets = aws_lc_rs::Ticketer::new()
            .map_err(|error| format!("there are no keys for session tickets: {error}"))?;
        Ok(Self { validation, tickets, sessions: ServerSessionMemoryCache::new(SESSIONS) })
    }

    pub(super) fn validation(&self) -> &Validation {
        &self.validation
    }

    pub(super) fn asks(&self, validation: Option<&ClientValidation>) -> bool {
        self.validation.is(validation)
    }

    /// A configuration with these certificates, of which there is at least one.
    pub(super) fn config(&self, certificates: Vec<Arc<CertifiedKey>>) -> Arc<ServerConfig> {
        let mut config = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .expect("the provider has suites for TLS 1.2 and 1.3")
            .with_client_cert_verifier(self.validation.verifier())
            .with_cert_resolver(Arc::new(Choice(certificates)));
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        config.ticketer = self.tickets.clone();
        config.session_storage = self.sessions.clone();
        Arc::new(config)
    }
}

pub(super) fn provider() -> Arc<CryptoProvider> {
    static PROVIDER: LazyLock<Arc<CryptoProvider>> =
        LazyLock::new(|| Arc::new(aws_lc_rs::default_provider()));
    PROVIDER.clone()
}

/// Fails every handshake with an alert, because it has no certificate.
pub(super) fn refusing() -> Arc<ServerConfig> {
    static REFUSING: LazyLock<Arc<ServerConfig>> = LazyLock::new(|| {
        let config = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .expect("the provider has suites for TLS 1.2 and 1.3")
            .with_client_cert_verifier(WebPkiClientVerifier::no_client_auth())
            .with_cert_resolver(Arc::new(Choice(Vec::new())));
        Arc::new(config)
    });
    REFUSING.clone()
}
