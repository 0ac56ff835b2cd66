//! What is spoken over TLS, and with whom.

use std::convert::Infallible;

use hyper::body::Incoming;
use hyper::server;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::*;
use crate::connect::tests::authority::Authority;

/// A server that says the version it was asked in. Serves until the test's runtime ends.
async fn serve(authority: &Authority, alpn: &[&str]) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(authority.server(&["a.example"], alpn)));
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let Ok(stream) = acceptor.accept(stream).await else { return };
                let version = |request: Request<Incoming>| async move {
                    let upgrade = request.headers().contains_key(UPGRADE);
                    let text = format!("{:?} {upgrade}", request.version());
                    Ok::<_, Infallible>(Response::new(Full::new(Bytes::from(text))))
                };
                let http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
                let (io, service) = (TokioIo::new(stream), service_fn(version));
                // How a connection ends is none of the server's business here.
                if http2 {
                    let server = server::conn::http2::Builder::new(TokioExecutor::new());
                    server.serve_connection(io, service).await.ok();
                } else {
                    server::conn::http1::Builder::new().serve_connection(io, service).await.ok();
                }
            });
        }
    });
    address
}

async fn bench(protocol: Protocol, alpn: &[&str]) -> Bench {
    let authority = Authority::new();
    let address = serve(&authority, alpn).await;
    let policy = authority.policy("a.example", &[]);
    Bench::with(Settings::default(), protocol, Some(policy), address)
}

#[tokio::test]
async fn over_tls_the_endpoint_chooses_unless_the_backend_says() {
    for (protocol, alpn, version) in [
        (Protocol::Auto, &["h2", "http/1.1"][..], "HTTP/2.0 false"),
        (Protocol::Auto, &["http/1.1"], "HTTP/1.1 false"),
        (Protocol::Auto, &[], "HTTP/1.1 false"),
        (Protocol::Http1, &["h2", "http/1.1"], "HTTP/1.1 false"),
        (Protocol::Http2, &["h2", "http/1.1"], "HTTP/2.0 false"),
    ] {
        local(async {
            let bench = bench(protocol, alpn).await;
            assert_eq!(bench.get("/").await.unwrap(), (version.into(), false), "{protocol:?}");
            assert_eq!(bench.get("/").await.unwrap(), (version.into(), true), "{protocol:?}");
            assert_eq!(bench.connections().await, 1);
        })
        .await;
    }
}

#[tokio::test]
async fn many_first_requests_find_out_together_what_the_endpoint_speaks() {
    for (alpn, version, most) in [(&["h2"][..], "HTTP/2.0 false", 1), (&[], "HTTP/1.1 false", 10)] {
        local(async {
            let bench = bench(Protocol::Auto, alpn).await;
            let all = futures::future::join_all((0..10).map(|_| bench.get("/"))).await;
            assert!(all.into_iter().all(|got| got.unwrap().0 == version));
            let connections = bench.connections().await;
            assert!((1..=most).contains(&connections), "{connections}");
        })
        .await;
    }
}

#[tokio::test]
async fn an_upgrade_speaks_http1_whatever_the_endpoint_prefers() {
    local(async {
        let bench = bench(Protocol::Auto, &["h2", "http/1.1"]).await;
        assert_eq!(bench.get("/").await.unwrap().0, "HTTP/2.0 false");
        let mut request = get("/");
        request.headers_mut().insert("connection", "upgrade".parse().unwrap());
        request.headers_mut().insert("upgrade", "websocket".parse().unwrap());
        let response = bench.send(request).await.unwrap();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(body, "HTTP/1.1 true");
    })
    .await;
}

#[tokio::test]
async fn a_certificate_that_does_not_verify_is_no_connection() {
    local(async {
        let authority = Authority::new();
        let address = serve(&authority, &[]).await;
        let policy = Authority::new().policy("a.example", &[]);
        let bench = Bench::with(Settings::default(), Protocol::Auto, Some(policy), address);
        let error = bench.send(post(text("secret"))).await.unwrap_err();
        assert_eq!(error.stage, Stage::NotSent);
        assert!(matches!(error.cause, Cause::Tls(_)), "{:?}", error.cause);
        assert!(error.request.is_some());
        bench.until_connections(0).await;
    })
    .await;
}

#[tokio::test]
async fn another_config_uses_connections_of_its_own() {
    local(async {
        let authority = Authority::new();
        let address = serve(&authority, &[]).await;
        let policy = authority.policy("a.example", &[]);
        let bench = Bench::with(Settings::default(), Protocol::Auto, Some(policy.clone()), address);
        assert!(!bench.get("/").await.unwrap().1);
        let stricter = BackendTls { anchors: Some(Authority::new().anchors()), ..policy };
        let config = snapshot::Backend {
            protocol: Protocol::Auto,
            tls: Some(stricter),
            refused: None,
            lifecycle: Default::default(),
        };
        bench.backends.set(&key(), Some(Arc::new(config))).unwrap();
        assert!(matches!(bench.get("/").await.unwrap_err().cause, Cause::Tls(_)));
    })
    .await;
}
