//! A certificate authority for tests.

use std::sync::Arc;

use rcgen::{CertificateParams, Issuer, KeyPair, SanType};
use rustls::ServerConfig;
use rustls::server::WebPkiClientVerifier;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use snapshot::{BackendTls, Certificate, SubjectAltName, TrustAnchors};

use crate::connect::tls::provider;

/// Signs certificates, and is believed by whoever takes its anchors.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: CertificateDer<'static>,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        params.distinguished_name.push(rcgen::DnType::CommonName, "test authority");
        let certificate = params.self_signed(&key).unwrap().der().clone();
        Self { issuer: Issuer::new(params, key), certificate }
    }

    /// A certificate with names; those with a colon are URIs.
    pub(crate) fn sign(&self, names: &[&str]) -> Certificate {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.subject_alt_names = names
            .iter()
            .map(|name| match name.contains(':') {
                true => SanType::URI((*name).try_into().unwrap()),
                false => SanType::DnsName((*name).try_into().unwrap()),
            })
            .collect();
        let chain = vec![params.signed_by(&key, &self.issuer).unwrap().der().clone()];
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        Certificate { chain, key }
    }

    pub(crate) fn anchors(&self) -> TrustAnchors {
        TrustAnchors(Arc::from([self.certificate.clone()]))
    }

    /// A policy that believes this authority.
    pub(crate) fn policy(&self, hostname: &str, names: &[SubjectAltName]) -> BackendTls {
        let names = names.to_vec();
        BackendTls { hostname: hostname.into(), anchors: Some(self.anchors()), names }
    }

    /// A server with a certificate of this authority.
    pub(crate) fn server(&self, names: &[&str], alpn: &[&str]) -> ServerConfig {
        let Certificate { chain, key } = self.sign(names);
        let mut config = ServerConfig::builder_with_provider(provider().clone())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .unwrap();
        config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
        config
    }

    /// The same, which wants a certificate of this authority from its clients.
    pub(crate) fn mutual_server(&self, names: &[&str]) -> ServerConfig {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(self.certificate.clone()).unwrap();
        let verifier =
            WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider().clone());
        let Certificate { chain, key } = self.sign(names);
        ServerConfig::builder_with_provider(provider().clone())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_client_cert_verifier(verifier.build().unwrap())
            .with_single_cert(chain, key)
            .unwrap()
    }
}
