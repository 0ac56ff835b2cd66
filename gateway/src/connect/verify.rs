//! Certificates that must carry one of several names, whatever name we asked for
//! (`BackendTLSPolicy.spec.validation.subjectAltNames`).

use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_cert_signed_by_trust_anchor;
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use snapshot::{Hostname, SubjectAltName};
use webpki::EndEntityCert;

use super::tls::provider;

/// Verifies the chain as rustls does, and then that one of `names` is on the certificate.
#[derive(Debug)]
pub(super) struct NamesVerifier {
    roots: Arc<RootCertStore>,
    names: Vec<SubjectAltName>,
    /// For the signatures of the handshake.
    standard: Arc<WebPkiServerVerifier>,
}

impl NamesVerifier {
    /// `standard` has the same roots.
    pub(super) fn new(
        roots: Arc<RootCertStore>,
        names: Vec<SubjectAltName>,
        standard: Arc<WebPkiServerVerifier>,
    ) -> Self {
        Self { roots, names, standard }
    }
}

impl ServerCertVerifier for NamesVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        verify_server_cert_signed_by_trust_anchor(
            &ParsedCertificate::try_from(end_entity)?,
            &self.roots,
            intermediates,
            now,
            provider().signature_verification_algorithms.all,
        )?;
        let certificate = EndEntityCert::try_from(end_entity)
            .map_err(|_| Error::InvalidCertificate(CertificateError::BadEncoding))?;
        if self.names.iter().any(|name| carries(&certificate, name)) {
            return Ok(ServerCertVerified::assertion());
        }
        Err(Error::InvalidCertificate(CertificateError::NotValidForName))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.standard.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.standard.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.standard.supported_verify_schemes()
    }
}

fn carries(certificate: &EndEntityCert<'_>, name: &SubjectAltName) -> bool {
    match name {
        SubjectAltName::Uri(uri) => certificate.valid_uri_names().any(|on| on == &**uri),
        // The certificate may itself have a wildcard here.
        SubjectAltName::Hostname(Hostname::Exact(name)) => ServerName::try_from(&**name)
            .is_ok_and(|name| certificate.verify_is_valid_for_subject_name(&name).is_ok()),
        SubjectAltName::Hostname(pattern @ Hostname::Wildcard(_)) => {
            certificate.valid_dns_names().any(|on| pattern.matches(&on.to_ascii_lowercase()))
        }
        // Names nobody: a policy that has it would trust every certificate of the authority.
        SubjectAltName::Hostname(Hostname::Any) => false,
    }
}
