//! Certificates with their keys, ready to use, and the choice among a listener's.

use std::collections::BTreeMap;
use std::sync::Arc;

use rustls::client::verify_server_name;
use rustls::server::{ClientHello, ParsedCertificate, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls_pki_types::ServerName;
use snapshot::{Certificate, CertificateKey};

use super::config::provider;

/// The certificates of a port, each made ready once.
#[derive(Default)]
pub(super) struct Keys(BTreeMap<CertificateKey, Ready>);

/// A certificate that can be used.
#[derive(Clone)]
pub(super) struct Ready {
    pub(super) source: Arc<Certificate>,
    pub(super) key: Arc<CertifiedKey>,
    /// Set when this is an older one, because the one in the snapshot cannot be used.
    pub(super) instead_of: Option<String>,
}

impl Keys {
    /// The certificate of this name, `given` or, where that cannot be used, the one before it.
    pub(super) fn get(
        &mut self,
        name: &CertificateKey,
        given: Option<&Arc<Certificate>>,
        before: Option<&Self>,
    ) -> Result<Ready, String> {
        if let Some(ready) = self.0.get(name) {
            return Ok(ready.clone());
        }
        let old = before.and_then(|before| before.0.get(name));
        let new = match (given, old) {
            (Some(given), Some(old)) if old.source == *given => {
                Ok(Ready { instead_of: None, ..old.clone() })
            }
            (Some(given), _) => {
                prepare(given).map(|key| Ready { source: given.clone(), key, instead_of: None })
            }
            (None, _) => Err("there is no such certificate".to_owned()),
        };
        let ready = new.or_else(|reason| match old {
            Some(old) => Ok(Ready { instead_of: Some(reason), ..old.clone() }),
            None => Err(reason),
        })?;
        self.0.insert(name.clone(), ready.clone());
        Ok(ready)
    }
}

fn prepare(certificate: &Certificate) -> Result<Arc<CertifiedKey>, String> {
    let Certificate { chain, key } = certificate.clone();
    CertifiedKey::from_der(chain, key, &provider())
        .map(Arc::new)
        .map_err(|error| format!("the certificate cannot be used: {error}"))
}

/// A listener's certificates, in its order. Never empty.
#[derive(Debug)]
pub(super) struct Choice(pub(super) Vec<Arc<CertifiedKey>>);

impl ResolvesServerCert for Choice {
    /// The first that names the SNI with a signature that the client knows, else the first that
    /// names it, else the first.
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let [only] = &self.0[..] else {
            let name = hello.server_name().and_then(|name| ServerName::try_from(name).ok());
            let mut named =
                self.0.iter().filter(|key| name.as_ref().is_none_or(|name| names(key, name)));
            let first = named.clone().next();
            let schemes = hello.signature_schemes();
            let known = named.find(|key| key.key.choose_scheme(schemes).is_some());
            return known.or(first).or(self.0.first()).cloned();
        };
        Some(only.clone())
    }
}

fn names(key: &CertifiedKey, name: &ServerName<'_>) -> bool {
    let leaf = key.end_entity_cert().and_then(ParsedCertificate::try_from);
    leaf.is_ok_and(|leaf| verify_server_name(&leaf, name).is_ok())
}
