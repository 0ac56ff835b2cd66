//! What is asked of clients (`Gateway.spec.tls.frontend`).

use std::sync::Arc;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{DigitallySignedStruct, DistinguishedName, Error, RootCertStore, SignatureScheme};
use rustls_pki_types::{CertificateDer, UnixTime};
use snapshot::{ClientValidation, ClientValidationMode};

use super::ClientCertificate;
use super::config::provider;

/// Whether clients are asked for a certificate, and what it must be.
#[derive(Debug)]
pub(super) struct Validation {
    asked: Option<Asked>,
}

#[derive(Debug)]
struct Asked {
    config: ClientValidation,
    verifier: Arc<dyn ClientCertVerifier>,
}

impl Validation {
    /// An error says which authority cannot be used.
    pub(super) fn new(config: Option<&ClientValidation>) -> Result<Self, String> {
        let Some(config) = config.cloned() else { return Ok(Self { asked: None }) };
        let mut roots = RootCertStore::empty();
        for anchor in config.anchors.0.iter() {
            roots
                .add(anchor.clone())
                .map_err(|error| format!("an authority for clients cannot be used: {error}"))?;
        }
        let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), provider())
            .build()
            .map_err(|error| format!("clients cannot be validated: {error}"))?;
        Ok(Self { asked: Some(Asked { config, verifier }) })
    }

    pub(super) fn is(&self, config: Option<&ClientValidation>) -> bool {
        self.asked.as_ref().map(|asked| &asked.config) == config
    }

    /// What the handshake itself enforces.
    pub(super) fn verifier(&self) -> Arc<dyn ClientCertVerifier> {
        match &self.asked {
            None => WebPkiClientVerifier::no_client_auth(),
            Some(asked) => match asked.config.mode {
                ClientValidationMode::AllowValidOnly => asked.verifier.clone(),
                ClientValidationMode::AllowInsecureFallback => {
                    Arc::new(Lenient(asked.verifier.clone()))
                }
            },
        }
    }

    /// What a client has shown that the handshake let through.
    pub(super) fn judge(&self, chain: Option<&[CertificateDer<'_>]>) -> ClientCertificate {
        match (&self.asked, chain) {
            (None, _) => ClientCertificate::NotAsked,
            (Some(_), None | Some([])) => ClientCertificate::Missing,
            (Some(asked), Some([leaf, rest @ ..])) => {
                let strict = asked.config.mode == ClientValidationMode::AllowValidOnly;
                let verified =
                    || asked.verifier.verify_client_cert(leaf, rest, UnixTime::now()).is_ok();
                if strict || verified() {
                    ClientCertificate::Valid
                } else {
                    ClientCertificate::Invalid
                }
            }
        }
    }
}

/// Asks for a certificate and takes any, or none; a client must still hold the key of one it shows.
#[derive(Debug)]
struct Lenient(Arc<dyn ClientCertVerifier>);

impl ClientCertVerifier for Lenient {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.0.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}
