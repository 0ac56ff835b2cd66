//! Certificates made on the spot, and clients that trust them.

use std::net::SocketAddr;
use std::sync::Arc;

use rcgen::{CertifiedKey, KeyPair, generate_simple_self_signed};
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::{CertificateDer, ServerName};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::client::{Client, connect};
use super::within;

/// A self-signed certificate for some names.
pub(crate) struct Certificate(CertifiedKey<KeyPair>);

impl Certificate {
    pub(crate) fn new(names: &[&str]) -> Self {
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        Self(generate_simple_self_signed(names).unwrap())
    }

    pub(crate) fn der(&self) -> CertificateDer<'static> {
        self.0.cert.der().clone()
    }

    /// The Secret that holds it.
    pub(crate) fn secret(&self, name: &str) -> String {
        let indented = |pem: String| pem.lines().map(|line| format!("    {line}\n")).collect();
        let (certificate, key): (String, String) =
            (indented(self.0.cert.pem()), indented(self.0.signing_key.serialize_pem()));
        format!(
            "apiVersion: v1
kind: Secret
metadata: {{name: {name}, namespace: default}}
type: kubernetes.io/tls
stringData:
  tls.crt: |
{certificate}  tls.key: |
{key}"
        )
    }
}

/// A TLS connection that trusts these certificates and offers these protocols.
pub(crate) async fn tls(
    address: SocketAddr,
    sni: &str,
    trusted: &[&Certificate],
    alpn: &[&str],
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    for certificate in trusted {
        roots.add(certificate.der()).unwrap();
    }
    let mut config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
    let name = ServerName::try_from(sni.to_owned()).unwrap();
    let stream = connect(address).await;
    within("a handshake", TlsConnector::from(Arc::new(config)).connect(name, stream)).await
}

/// A client on such a connection, with the protocol that ALPN chose.
pub(crate) async fn client(
    address: SocketAddr,
    sni: &str,
    trusted: &Certificate,
    alpn: &[&str],
) -> Client {
    let stream = tls(address, sni, &[trusted], alpn).await.unwrap();
    match stream.get_ref().1.alpn_protocol() {
        Some(b"h2") => Client::http2_on(stream, "https").await,
        _ => Client::http1_on(stream, "https").await,
    }
}
