//! Certificates made on the spot, and clients that trust them.

use std::net::SocketAddr;
use std::sync::Arc;

use rcgen::{CertifiedKey, KeyPair, generate_simple_self_signed};
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::client::TlsStream;
use tokio_rustls::{TlsAcceptor, TlsConnector};

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

    pub(crate) fn pem(&self) -> String {
        self.0.cert.pem()
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

/// Terminates TLS before a backend that speaks none; ends when dropped.
pub(crate) struct TlsFront {
    pub(crate) address: SocketAddr,
    task: JoinHandle<()>,
}

impl TlsFront {
    pub(crate) async fn start(certificate: &Certificate, behind: SocketAddr) -> Self {
        let key = PrivateKeyDer::try_from(certificate.0.signing_key.serialize_der()).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der()], key)
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let task = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let acceptor = acceptor.clone();
                connections.spawn(async move {
                    // A client that does not believe us ends the handshake, and this task.
                    let Ok(mut client) = acceptor.accept(stream).await else { return };
                    let mut backend = connect(behind).await;
                    let _ = tokio::io::copy_bidirectional(&mut client, &mut backend).await;
                });
            }
        });
        Self { address, task }
    }
}

impl Drop for TlsFront {
    fn drop(&mut self) {
        self.task.abort();
    }
}
