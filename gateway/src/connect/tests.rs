//! Connections to real servers on this machine, with certificates made on the spot.

pub(crate) mod authority;

use std::rc::Rc;

use rustls::{HandshakeKind, ServerConfig};
use snapshot::SubjectAltName;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use self::authority::Authority;
use super::*;

/// What a server saw of a handshake that worked.
struct Seen {
    sni: Option<String>,
    resumed: bool,
    client_certificates: usize,
}

/// Shakes hands once, says one byte, and waits for the end.
async fn serve(config: ServerConfig) -> (SocketAddr, JoinHandle<io::Result<Seen>>) {
    let (address, mut seen) = serve_many(config, 1).await;
    (address, seen.remove(0))
}

/// The same for several connections, one after the other.
async fn serve_many(
    config: ServerConfig,
    count: usize,
) -> (SocketAddr, Vec<JoinHandle<io::Result<Seen>>>) {
    let listener = Arc::new(TcpListener::bind("127.0.0.1:0").await.unwrap());
    let address = listener.local_addr().unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let once = |_| {
        let (listener, acceptor) = (Arc::clone(&listener), acceptor.clone());
        tokio::spawn(async move {
            let (stream, _) = listener.accept().await?;
            let mut stream = acceptor.accept(stream).await?;
            stream.write_all(b"!").await?;
            let state = stream.get_ref().1;
            let seen = Seen {
                sni: state.server_name().map(str::to_owned),
                resumed: state.handshake_kind() == Some(HandshakeKind::Resumed),
                client_certificates: state.peer_certificates().map_or(0, <[_]>::len),
            };
            // The client may leave without a word.
            stream.read_to_end(&mut Vec::new()).await.ok();
            Ok(seen)
        })
    };
    (address, (0..count).map(once).collect())
}

/// Connects and waits for the server's byte; the connection is closed then.
async fn dial(
    address: SocketAddr,
    tls: &Tls,
    identity: Option<&Arc<ClientIdentity>>,
    offer: Offer,
) -> Result<bool, ConnectError> {
    let client = TlsClient { tls, identity, offer };
    let mut connected = connect(address, Some(client), &Upstream::default()).await?;
    connected.transport.read_u8().await.map_err(|error| tls_error(&error))?;
    Ok(connected.http2)
}

fn dns(name: &str) -> SubjectAltName {
    SubjectAltName::Hostname(name.parse().unwrap())
}

fn uri(text: &str) -> SubjectAltName {
    SubjectAltName::Uri(text.into())
}

/// A port that nobody listens on.
async fn closed_port() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap()
}

#[tokio::test]
async fn a_closed_port_refuses() {
    let refused = connect(closed_port().await, None, &Upstream::default()).await;
    assert_eq!(refused.err(), Some(ConnectError::Refused));
}

#[tokio::test]
async fn the_policys_hostname_is_asked_for_and_verified() {
    let authority = Authority::new();
    let (address, seen) = serve(authority.server(&["abc.example.com"], &[])).await;
    let tls = Tls::new(&authority.policy("abc.example.com", &[])).unwrap();
    assert_eq!(dial(address, &tls, None, Offer::Http1).await, Ok(false));
    assert_eq!(seen.await.unwrap().unwrap().sni.as_deref(), Some("abc.example.com"));
}

#[tokio::test]
async fn certificates_that_a_policy_does_not_name_are_refused() {
    let authority = Authority::new();
    let on_certificate = &["abc.example.com", "*.wild.example.com", "spiffe://abc/id"];
    let cases: &[(&str, &[SubjectAltName], bool)] = &[
        ("abc.example.com", &[], true),
        ("mismatch.example.com", &[], false),
        ("a.wild.example.com", &[], true),
        // With names, the hostname authenticates nobody (Gateway API SubjectAltNames, point 3).
        ("abc.example.com", &[dns("dce.example.com")], false),
        ("elsewhere.example.com", &[dns("abc.example.com")], true),
        ("elsewhere.example.com", &[dns("a.wild.example.com")], true),
        ("elsewhere.example.com", &[dns("*.wild.example.com")], true),
        ("elsewhere.example.com", &[dns("*.example.com")], true),
        ("elsewhere.example.com", &[dns("*.example.org")], false),
        ("abc.example.com", &[uri("spiffe://abc/id")], true),
        ("abc.example.com", &[uri("spiffe://abc/other")], false),
        ("abc.example.com", &[uri("spiffe://def/id"), dns("abc.example.com")], true),
        ("abc.example.com", &[uri("spiffe://def/id"), dns("def.example.com")], false),
        ("abc.example.com", &[SubjectAltName::Hostname(snapshot::Hostname::Any)], false),
    ];
    for (hostname, names, good) in cases {
        let (address, _seen) = serve(authority.server(on_certificate, &[])).await;
        let tls = Tls::new(&authority.policy(hostname, names)).unwrap();
        let dialled = dial(address, &tls, None, Offer::Http1).await;
        match good {
            true => assert_eq!(dialled, Ok(false), "{hostname} {names:?}"),
            false => assert!(matches!(dialled, Err(ConnectError::Tls(_))), "{hostname} {names:?}"),
        }
    }
}

#[tokio::test]
async fn certificates_of_other_authorities_are_refused() {
    let (authority, other) = (Authority::new(), Authority::new());
    for names in [&[][..], &[dns("abc.example.com")]] {
        let (address, _seen) = serve(other.server(&["abc.example.com"], &[])).await;
        let tls = Tls::new(&authority.policy("abc.example.com", names)).unwrap();
        let dialled = dial(address, &tls, None, Offer::Http1).await;
        assert!(matches!(dialled, Err(ConnectError::Tls(_))), "{dialled:?}");
    }
}

#[tokio::test]
async fn alpn_is_followed() {
    let authority = Authority::new();
    let tls = Tls::new(&authority.policy("a.example", &[])).unwrap();
    for (speaks, offer, http2) in [
        (&["h2", "http/1.1"][..], Offer::Either, true),
        (&["http/1.1"], Offer::Either, false),
        (&[], Offer::Either, false),
        (&["h2", "http/1.1"], Offer::Http1, false),
        (&["h2", "http/1.1"], Offer::Http2, true),
    ] {
        let (address, _seen) = serve(authority.server(&["a.example"], speaks)).await;
        assert_eq!(dial(address, &tls, None, offer).await, Ok(http2), "{speaks:?} {offer:?}");
    }
    let (address, _seen) = serve(authority.server(&["a.example"], &["http/1.1"])).await;
    assert!(matches!(dial(address, &tls, None, Offer::Http2).await, Err(ConnectError::Tls(_))));
}

#[tokio::test]
async fn the_client_identity_is_shown_to_backends_that_ask() {
    let authority = Authority::new();
    let tls = Tls::new(&authority.policy("a.example", &[])).unwrap();
    let identity = ClientIdentity::new(&authority.sign(&["gateway.example"])).unwrap();

    let (address, seen) = serve(authority.mutual_server(&["a.example"])).await;
    assert_eq!(dial(address, &tls, Some(&identity), Offer::Http1).await, Ok(false));
    assert_eq!(seen.await.unwrap().unwrap().client_certificates, 1);

    let (address, seen) = serve(authority.mutual_server(&["a.example"])).await;
    assert!(matches!(dial(address, &tls, None, Offer::Http1).await, Err(ConnectError::Tls(_))));
    assert!(seen.await.unwrap().is_err());
}

#[tokio::test]
async fn a_key_of_another_certificate_is_no_identity() {
    let authority = Authority::new();
    let mut certificate = authority.sign(&["gateway.example"]);
    certificate.key = authority.sign(&["gateway.example"]).key;
    assert!(ClientIdentity::new(&certificate).is_err());
}

#[tokio::test]
async fn sessions_are_resumed_by_the_same_identity_only() {
    let authority = Authority::new();
    let tls = Tls::new(&authority.policy("a.example", &[])).unwrap();
    let identity = ClientIdentity::new(&authority.sign(&["gateway.example"])).unwrap();
    let (address, seen) = serve_many(authority.server(&["a.example"], &[]), 3).await;
    for identity in [None, None, Some(&identity)] {
        dial(address, &tls, identity, Offer::Http1).await.unwrap();
    }
    let mut resumed = 0;
    for seen in seen {
        resumed += usize::from(seen.await.unwrap().unwrap().resumed);
    }
    assert_eq!(resumed, 1);
}

#[tokio::test]
async fn configurations_of_identities_that_are_gone_are_forgotten() {
    let authority = Authority::new();
    let tls = Tls::new(&authority.policy("a.example", &[])).unwrap();
    for _ in 0..3 {
        let identity = ClientIdentity::new(&authority.sign(&["gateway.example"])).unwrap();
        tls.config(Some(&identity), Offer::Http1);
        tls.config(None, Offer::Http1);
    }
    assert_eq!(tls.made_count(), 2);
}

#[tokio::test]
async fn a_backend_that_does_not_speak_tls_is_told_apart() {
    let authority = Authority::new();
    let tls = Tls::new(&authority.policy("a.example", &[])).unwrap();
    for answer in [&b"HTTP/1.1 400 Bad Request\r\n\r\n"[..], b""] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.write_all(answer).await.unwrap();
        });
        let dialled = dial(address, &tls, None, Offer::Http1).await;
        let expected = match answer {
            [] => matches!(dialled, Err(ConnectError::Unreachable(_))),
            _ => matches!(dialled, Err(ConnectError::Tls(_) | ConnectError::Unreachable(_))),
        };
        assert!(expected, "{dialled:?}");
        server.await.unwrap();
    }
}

#[tokio::test]
async fn a_handshake_that_hangs_ends() {
    let authority = Authority::new();
    let tls = Tls::new(&authority.policy("a.example", &[])).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let limits =
        Upstream { tls_handshake_timeout: Duration::from_millis(1), ..Upstream::default() };
    let client = TlsClient { tls: &tls, identity: None, offer: Offer::Http1 };
    let hung = connect(listener.local_addr().unwrap(), Some(client), &limits).await;
    assert_eq!(hung.err(), Some(ConnectError::Tls("handshake timeout".into())));
}

#[tokio::test]
async fn a_wire_shows_what_the_peer_did() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut connected = connect(address, None, &Upstream::default()).await.unwrap();
    let (mut peer, _) = listener.accept().await.unwrap();
    let wire = Rc::clone(connected.transport.wire());
    assert_eq!(wire.probe(), Probe::Quiet);

    connected.transport.write_all(b"12345").await.unwrap();
    peer.read_exact(&mut [0; 5]).await.unwrap();
    assert_eq!(wire.written(), 5);

    peer.write_all(b"123").await.unwrap();
    let seen = until(|| wire.probe(), |probe| probe != Probe::Quiet).await;
    assert_eq!(seen, Probe::Data);
    connected.transport.read_exact(&mut [0; 3]).await.unwrap();

    drop(peer);
    let seen = until(|| wire.probe(), |probe| probe != Probe::Quiet).await;
    assert_eq!(seen, Probe::Closed);
    drop(connected);
    assert_eq!(wire.probe(), Probe::Closed);
}

/// Asks until the answer is right; what is asked for happens in the kernel, which tells nobody.
async fn until<T: Copy>(ask: impl Fn() -> T, good: impl Fn(T) -> bool) -> T {
    loop {
        let answer = ask();
        if good(answer) {
            return answer;
        }
        tokio::task::yield_now().await;
    }
}
