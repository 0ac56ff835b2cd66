//! TLS towards one backend: whom we believe, which name we ask for, what we offer.
//!
//! A configuration is made once for a backend, an identity and an offer, not for a connection, and
//! with it the sessions to resume.

use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::ServerName;
use snapshot::{BackendTls, TrustAnchors};

use super::identity::ClientIdentity;
use super::verify::NamesVerifier;

/// HTTP/2's name in ALPN (RFC 9113 §3.1).
pub(super) const H2: &[u8] = b"h2";
const HTTP1: &[u8] = b"http/1.1";

/// The protocols that we offer by ALPN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Offer {
    /// HTTP/1.1 only.
    Http1,
    /// HTTP/2 only.
    Http2,
    /// HTTP/2, then HTTP/1.1: the backend chooses.
    Either,
}

impl Offer {
    fn names(self) -> Vec<Vec<u8>> {
        let names: &[&[u8]] = match self {
            Self::Http1 => &[HTTP1],
            Self::Http2 => &[H2],
            Self::Either => &[H2, HTTP1],
        };
        names.iter().map(|name| name.to_vec()).collect()
    }
}

/// How a backend is reached over TLS.
pub(crate) struct Tls {
    name: ServerName<'static>,
    verifier: Arc<dyn ServerCertVerifier>,
    /// One for each identity and offer that was asked for; those of identities that are gone are
    /// forgotten when another is made.
    made: Mutex<Vec<Made>>,
}

struct Made {
    identity: Option<Weak<ClientIdentity>>,
    offer: Offer,
    config: Arc<ClientConfig>,
}

impl Tls {
    /// What a backend's policy says; an error says what is wrong with it.
    pub(crate) fn new(from: &BackendTls) -> Result<Self, String> {
        let name = ServerName::try_from(from.hostname.to_string())
            .map_err(|_| format!("`{}` is no name to ask a certificate for", from.hostname))?;
        let roots = match &from.anchors {
            Some(anchors) => given(anchors)?,
            None => system()?,
        };
        let standard =
            WebPkiServerVerifier::builder_with_provider(roots.clone(), provider().clone())
                .build()
                .map_err(|error| format!("the trust anchors cannot be used: {error}"))?;
        let verifier: Arc<dyn ServerCertVerifier> = if from.names.is_empty() {
            standard
        } else {
            Arc::new(NamesVerifier::new(roots, from.names.clone(), standard))
        };
        Ok(Self { name, verifier, made: Mutex::new(Vec::new()) })
    }

    /// The name to ask for (SNI).
    pub(super) fn name(&self) -> &ServerName<'static> {
        &self.name
    }

    /// The configuration for an identity and an offer.
    pub(super) fn config(
        &self,
        identity: Option<&Arc<ClientIdentity>>,
        offer: Offer,
    ) -> Arc<ClientConfig> {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        let same = |made: &&Made| match (&made.identity, identity) {
            (None, None) => made.offer == offer,
            (Some(one), Some(other)) => made.offer == offer && one.as_ptr() == Arc::as_ptr(other),
            _ => false,
        };
        if let Some(made) = made.iter().find(same) {
            return Arc::clone(&made.config);
        }
        made.retain(|made| made.identity.as_ref().is_none_or(|one| one.strong_count() > 0));
        let config = Arc::new(self.make(identity, offer));
        let identity = identity.map(Arc::downgrade);
        made.push(Made { identity, offer, config: Arc::clone(&config) });
        config
    }

    #[cfg(test)]
    pub(super) fn made_count(&self) -> usize {
        self.made.lock().unwrap().len()
    }

    fn make(&self, identity: Option<&Arc<ClientIdentity>>, offer: Offer) -> ClientConfig {
        let builder = ClientConfig::builder_with_provider(provider().clone())
            .with_safe_default_protocol_versions()
            .expect("the provider has suites for TLS 1.2 and 1.3")
            .dangerous()
            .with_custom_certificate_verifier(self.verifier.clone());
        let mut config = match identity {
            Some(identity) => builder.with_client_cert_resolver(identity.resolver()),
            None => builder.with_no_client_auth(),
        };
        config.alpn_protocols = offer.names();
        config
    }
}

/// The cryptography that all upstream TLS uses.
pub(super) fn provider() -> &'static Arc<CryptoProvider> {
    static PROVIDER: OnceLock<Arc<CryptoProvider>> = OnceLock::new();
    PROVIDER.get_or_init(|| Arc::new(aws_lc_rs::default_provider()))
}

fn given(anchors: &TrustAnchors) -> Result<Arc<RootCertStore>, String> {
    let mut roots = RootCertStore::empty();
    for anchor in anchors.0.iter() {
        roots
            .add(anchor.clone())
            .map_err(|error| format!("a CA certificate cannot be used: {error}"))?;
    }
    Ok(Arc::new(roots))
}

/// The system's own anchors, read once for the whole process.
fn system() -> Result<Arc<RootCertStore>, String> {
    static SYSTEM: OnceLock<Arc<RootCertStore>> = OnceLock::new();
    let roots = SYSTEM.get_or_init(|| {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        Arc::new(roots)
    });
    if roots.is_empty() {
        return Err("this system has no CA certificates: install ca-certificates, \
                    or name some in the policy"
            .to_owned());
    }
    Ok(Arc::clone(roots))
}
