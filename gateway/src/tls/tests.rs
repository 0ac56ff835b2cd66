//! Certificates by SNI, client validation, tickets.

use std::sync::Arc;

use imbl::OrdMap;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::client::{ClientSessionMemoryCache, Resumption};
use rustls::{ClientConfig, HandshakeKind, RootCertStore};
use rustls_pki_types::{PrivateKeyDer, ServerName};
use snapshot::{
    Certificate, CertificateKey, ClientValidation, ClientValidationMode, Hostname, Listener,
    ListenerKey, ListenerTls, ObjectKey, ParentKind, TrustAnchors,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::TlsConnector;

use super::{Built, ClientCertificate, PortTls, TlsInfo, config};

type Issuer = CertifiedIssuer<'static, KeyPair>;

fn authority() -> Issuer {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

fn certificate(issuer: &Issuer, names: &[&str]) -> Certificate {
    let key = KeyPair::generate().unwrap();
    let names: Vec<_> = names.iter().map(ToString::to_string).collect();
    let leaf = CertificateParams::new(names).unwrap().signed_by(&key, issuer).unwrap();
    Certificate {
        chain: vec![leaf.der().clone()],
        key: PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
    }
}

/// Listeners and certificates of a port, as a test writes them.
#[derive(Default)]
struct Port {
    listeners: Vec<(ListenerKey, Listener)>,
    certificates: OrdMap<CertificateKey, Arc<Certificate>>,
}

impl Port {
    fn listener(mut self, section: &str, hostname: &str, certificates: &[&str]) -> Self {
        let key = ListenerKey {
            kind: ParentKind::Gateway,
            parent: ObjectKey::new("infra", "public"),
            section: section.into(),
        };
        let hostname = match hostname {
            "" => Hostname::Any,
            name => name.parse().unwrap(),
        };
        let certificates = certificates.iter().map(|name| name_of(name)).collect();
        self.listeners.push((
            key,
            Listener {
                addresses: Vec::new(),
                port: 443,
                hostname,
                tls: Some(ListenerTls { certificates, client_validation: None }),
                backend_client_certificate: None,
            },
        ));
        self
    }

    /// What the last listener asks of clients.
    fn asking(mut self, anchors: &Issuer, mode: ClientValidationMode) -> Self {
        let listener = &mut self.listeners.last_mut().unwrap().1;
        let anchors = TrustAnchors(Arc::new([anchors.der().clone()]));
        let asked = Some(ClientValidation { anchors, mode });
        listener.tls.as_mut().unwrap().client_validation = asked;
        self
    }

    fn certificate(mut self, name: &str, certificate: Certificate) -> Self {
        self.certificates.insert(name_of(name), Arc::new(certificate));
        self
    }

    fn build(&self, before: Option<&PortTls>) -> Built {
        let listeners = self.listeners.iter().map(|(key, listener)| (key, listener));
        PortTls::build(listeners, &self.certificates, before)
    }
}

fn name_of(name: &str) -> CertificateKey {
    CertificateKey(ObjectKey::new("infra", name))
}

struct Client(Arc<ClientConfig>);

impl Client {
    fn trusting(issuer: &Issuer, own: Option<Certificate>) -> Self {
        let mut roots = RootCertStore::empty();
        roots.add(issuer.der().clone()).unwrap();
        let config = ClientConfig::builder_with_provider(config::provider())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots);
        let mut config = match own {
            None => config.with_no_client_auth(),
            Some(own) => config.with_client_auth_cert(own.chain, own.key).unwrap(),
        };
        config.alpn_protocols = vec![b"h2".to_vec()];
        config.resumption = Resumption::store(Arc::new(ClientSessionMemoryCache::new(8)));
        Self(Arc::new(config))
    }

    fn without_sni(&self) -> Self {
        let mut config = (*self.0).clone();
        config.enable_sni = false;
        Self(Arc::new(config))
    }

    /// A handshake for `name` and a round trip behind it; what the server saw, the certificate's
    /// fingerprint stands for which was shown.
    async fn connect(&self, tls: &PortTls, name: &str) -> Result<Seen, String> {
        let (near, far) = tokio::io::duplex(64 << 10);
        let name = ServerName::try_from(name.to_owned()).unwrap();
        let client = async {
            let connected = TlsConnector::from(self.0.clone()).connect(name, near).await;
            let mut stream = connected.map_err(|error| error.to_string())?;
            // Behind the server's first byte stand its tickets.
            stream.read_u8().await.map_err(|error| error.to_string())?;
            let session = stream.get_ref().1;
            Ok::<_, String>((
                session.handshake_kind().unwrap(),
                session.peer_certificates().unwrap()[0].to_vec(),
            ))
        };
        let server = async {
            let (mut stream, info) = tls.accept(far).await.map_err(|error| error.to_string())?;
            stream.write_u8(1).await.map_err(|error| error.to_string())?;
            stream.flush().await.map_err(|error| error.to_string())?;
            let alpn = stream.get_ref().1.alpn_protocol().map(<[u8]>::to_vec);
            Ok::<_, String>((info, alpn, stream))
        };
        let (client, server) = tokio::join!(client, server);
        let (info, alpn, _stream) = server?;
        let (kind, leaf) = client?;
        assert_eq!(alpn.as_deref(), Some(&b"h2"[..]));
        Ok(Seen { info, resumed: kind == HandshakeKind::Resumed, leaf })
    }
}

struct Seen {
    info: TlsInfo,
    resumed: bool,
    leaf: Vec<u8>,
}

#[tokio::test]
async fn the_most_specific_listener_that_takes_the_sni_shows_its_certificate() {
    let issuer = authority();
    let names = ["a.example.com", "*.example.com", "*.deep.example.com", "*.net"];
    let mut port = Port::default()
        .listener("exact", "a.example.com", &["a.example.com"])
        .listener("wild", "*.example.com", &["*.example.com"])
        .listener("deep", "*.deep.example.com", &["*.deep.example.com"]);
    for name in names {
        port = port.certificate(name, certificate(&issuer, &[name]));
    }
    let tls = port.build(None).tls;
    let client = Client::trusting(&issuer, None);
    for (sni, expected) in [
        ("a.example.com", "a.example.com"),
        ("b.example.com", "*.example.com"),
        ("b.deep.example.com", "*.deep.example.com"),
        ("A.Example.Com", "a.example.com"),
    ] {
        let seen = client.connect(&tls, sni).await.unwrap();
        assert_eq!(seen.leaf, *port.certificates[&name_of(expected)].chain[0], "{sni}");
        assert_eq!(seen.info.sni.as_deref(), Some(&*sni.to_ascii_lowercase()));
        assert_eq!(seen.info.client, ClientCertificate::NotAsked);
    }
}

#[tokio::test]
async fn an_sni_that_no_listener_takes_fails_and_so_does_none_where_all_have_names() {
    let issuer = authority();
    let port = Port::default()
        .listener("exact", "a.example.com", &["c"])
        .certificate("c", certificate(&issuer, &["a.example.com", "example.com"]));
    let client = Client::trusting(&issuer, None);
    let tls = port.build(None).tls;
    assert!(client.connect(&tls, "example.com").await.is_err());
    assert!(client.without_sni().connect(&tls, "a.example.com").await.is_err());

    let tls = port.listener("any", "", &["c"]).build(None).tls;
    assert!(client.connect(&tls, "example.com").await.is_ok());
    let seen = client.without_sni().connect(&tls, "a.example.com").await.unwrap();
    assert_eq!(seen.info.sni, None);
}

#[tokio::test]
async fn among_a_listeners_certificates_the_first_that_names_the_sni_is_shown() {
    let issuer = authority();
    let port = Port::default()
        .listener("any", "", &["one", "two", "three"])
        .certificate("one", certificate(&issuer, &["one.com"]))
        .certificate("two", certificate(&issuer, &["two.com", "both.com"]))
        .certificate("three", certificate(&issuer, &["three.com", "both.com"]));
    let tls = port.build(None).tls;
    let client = Client::trusting(&issuer, None);
    for (sni, expected) in [("two.com", "two"), ("both.com", "two"), ("three.com", "three")] {
        let seen = client.connect(&tls, sni).await.unwrap();
        assert_eq!(seen.leaf, *port.certificates[&name_of(expected)].chain[0], "{sni}");
    }
    let error = client.connect(&tls, "other.com").await.err().unwrap();
    assert!(error.contains("BadCertificate"), "the first is shown, the client says: {error}");
}

#[tokio::test]
async fn a_new_certificate_is_shown_at_once_and_old_tickets_still_work() {
    let issuer = authority();
    let port = Port::default().listener("any", "", &["c"]);
    let before = port.certificate("c", certificate(&issuer, &["a.com"]));
    let client = Client::trusting(&issuer, None);
    let tls = before.build(None).tls;
    assert!(!client.connect(&tls, "a.com").await.unwrap().resumed);

    let after = Port { listeners: before.listeners, certificates: before.certificates }
        .certificate("c", certificate(&issuer, &["a.com"]));
    let swapped = after.build(Some(&tls)).tls;
    assert!(client.connect(&swapped, "a.com").await.unwrap().resumed);
    let fresh = Client::trusting(&issuer, None).connect(&swapped, "a.com").await.unwrap();
    assert_eq!(fresh.leaf, *after.certificates[&name_of("c")].chain[0]);
}

#[test]
fn what_did_not_change_keeps_its_configuration() {
    let issuer = authority();
    let port = Port::default()
        .listener("a", "a.com", &["a"])
        .listener("b", "b.com", &["b"])
        .certificate("a", certificate(&issuer, &["a.com"]))
        .certificate("b", certificate(&issuer, &["b.com"]));
    let first = port.build(None).tls;
    let port = port.certificate("b", certificate(&issuer, &["b.com"]));
    let second = port.build(Some(&first)).tls;
    let same = |index: usize| {
        let config = |tls: &PortTls| tls.inlets[index].config.clone().unwrap();
        Arc::ptr_eq(&config(&first), &config(&second))
    };
    assert!(same(0));
    assert!(!same(1));
}

#[tokio::test]
async fn a_bad_certificate_is_refused_by_name_and_the_one_before_it_stays() {
    let issuer = authority();
    let good = certificate(&issuer, &["a.com"]);
    let bad = Certificate { key: certificate(&issuer, &["a.com"]).key, ..good.clone() };
    let port = Port::default().listener("any", "", &["c"]).certificate("c", good);
    let built = port.build(None);
    assert_eq!(built.refusals, []);
    let port = port.certificate("c", bad);
    let after = port.build(Some(&built.tls));
    assert_eq!(after.refusals.len(), 1);
    assert_eq!(after.refusals[0].0, "infra/c");
    let client = Client::trusting(&issuer, None);
    assert!(client.connect(&after.tls, "a.com").await.is_ok());

    let alone = port.build(None);
    assert_eq!(alone.refusals.len(), 1);
    assert!(client.connect(&alone.tls, "a.com").await.is_err());
}

#[tokio::test]
async fn clients_show_what_their_listener_asks_for() {
    use ClientCertificate::{Invalid, Missing, Valid};
    use ClientValidationMode::{AllowInsecureFallback, AllowValidOnly};
    let (servers, clients, strangers) = (authority(), authority(), authority());
    let known = || Client::trusting(&servers, Some(certificate(&clients, &["me"])));
    let stranger = || Client::trusting(&servers, Some(certificate(&strangers, &["me"])));
    let nobody = || Client::trusting(&servers, None);
    for (mode, client, expected) in [
        (AllowValidOnly, known(), Some(Valid)),
        (AllowValidOnly, stranger(), None),
        (AllowValidOnly, nobody(), None),
        (AllowInsecureFallback, known(), Some(Valid)),
        (AllowInsecureFallback, stranger(), Some(Invalid)),
        (AllowInsecureFallback, nobody(), Some(Missing)),
    ] {
        let port = Port::default()
            .listener("any", "", &["c"])
            .asking(&clients, mode)
            .certificate("c", certificate(&servers, &["a.com"]));
        let tls = port.build(None).tls;
        let seen = client.connect(&tls, "a.com").await;
        assert_eq!(seen.as_ref().ok().map(|seen| seen.info.client), expected, "{mode:?}");
    }
}

#[tokio::test]
async fn a_ticket_leads_to_no_listener_that_asks_something_else() {
    let issuer = authority();
    let port = Port::default()
        .listener("any", "", &["c"])
        .certificate("c", certificate(&issuer, &["a.com"]));
    let client = Client::trusting(&issuer, None);
    let open = port.build(None).tls;
    assert!(!client.connect(&open, "a.com").await.unwrap().resumed);
    assert!(client.connect(&open, "a.com").await.unwrap().resumed);
    let guarded =
        port.asking(&issuer, ClientValidationMode::AllowInsecureFallback).build(Some(&open)).tls;
    let seen = client.connect(&guarded, "a.com").await.unwrap();
    assert!(!seen.resumed);
    assert_eq!(seen.info.client, ClientCertificate::Missing);
}
