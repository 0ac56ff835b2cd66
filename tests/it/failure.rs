//! What clients get when something is wrong, and what the access log says of it.

use http::{Method, StatusCode};
use tokio::io::AsyncWriteExt;

use crate::harness::client::{Answer, Client, full};
use crate::harness::echo::Echo;
use crate::harness::grpc::Call;
use crate::harness::manifest::{everything_to, grpc_route, route, service};
use crate::harness::raw::{RawBackend, head_for, read_head, refusing};
use crate::harness::site::{Setup, Site};

const HOST: &str = "a.example.com";

/// Everything to one backend at this address.
async fn site_of(address: std::net::SocketAddr) -> Site {
    Site::serve(&[
        ("v1.yaml", service("v1", &[address])),
        ("route.yaml", route("all", HOST, &everything_to("v1"))),
        ("grpc.yaml", grpc_route("calls", "grpc.example.com", &everything_to("v1"))),
    ])
    .await
}

/// Status and flag of a GET.
async fn outcome(site: &Site, path: &str) -> (StatusCode, String) {
    let answer = site.get(HOST, path).await;
    let line = site.access(path).await;
    assert_eq!(line["status"], answer.status.as_u16(), "{line}");
    (answer.status, line["flag"].as_str().unwrap_or_default().to_owned())
}

#[tokio::test]
async fn nobody_at_home_is_404() {
    let site = site_of(refusing().await).await;
    assert_eq!(site.get("other.example.com", "/").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_refused_connection_is_502_or_503_and_says_so() {
    let site = site_of(refusing().await).await;
    let (status, flag) = outcome(&site, "/refused").await;
    assert!(status == 502 || status == 503, "{status}");
    assert!(!flag.is_empty());
}

#[tokio::test]
async fn no_endpoint_is_503_with_retry_after_in_the_end() {
    let site = Site::serve(&[
        ("v1.yaml", service("v1", &[])),
        ("route.yaml", route("all", HOST, &everything_to("v1"))),
    ])
    .await;
    let answer = site.get(HOST, "/waited").await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(!answer.header("retry-after").is_empty());
    let line = site.access("/waited").await;
    assert!(line["duration_seconds"].as_f64().unwrap() >= 2.9, "{line}");
}

#[tokio::test]
async fn a_dangling_reference_is_500() {
    let site = Site::serve(&[("route.yaml", route("all", HOST, &everything_to("gone")))]).await;
    assert_eq!(site.get(HOST, "/").await.status, StatusCode::INTERNAL_SERVER_ERROR);
}

#[tokio::test]
async fn a_slow_backend_is_504_at_the_routes_timeout() {
    let echo = Echo::start("slow").await;
    let rules = "  - timeouts: {request: 200ms}\n    backendRefs: [{name: v1, port: 80}]";
    let site = Site::serve(&[
        ("v1.yaml", service("v1", &[echo.address])),
        ("route.yaml", route("all", HOST, rules)),
    ])
    .await;
    let (status, flag) = outcome(&site, "/delay/60000").await;
    assert_eq!(status, StatusCode::GATEWAY_TIMEOUT);
    assert!(!flag.is_empty());
}

#[tokio::test]
async fn garbage_from_a_backend_is_502() {
    for garbage in [
        &b"this is no HTTP\r\n\r\n"[..],
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        b"HTTP/1.1 200 OK\r\nBad Name: x\r\n\r\n",
        b"",
    ] {
        let backend = RawBackend::answering(garbage).await;
        let site = site_of(backend.address).await;
        let (status, flag) = outcome(&site, "/garbage").await;
        assert_eq!(status, StatusCode::BAD_GATEWAY, "{garbage:?}");
        assert!(!flag.is_empty());
    }
}

#[tokio::test]
async fn a_body_that_is_cut_never_looks_complete() {
    let echo = Echo::start("v1").await;
    let site = site_of(echo.address).await;
    let chunked = RawBackend::answering(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
    )
    .await;
    let other = site_of(chunked.address).await;
    for (site, path) in [(&site, "/close"), (&other, "/chunked")] {
        let clients = [Client::http1(site.address()).await, Client::http2(site.address()).await];
        for mut client in clients {
            let request = client.request(Method::GET, HOST, path).body(full("")).unwrap();
            let response = client.send(request).await.unwrap();
            assert_eq!(response.status(), StatusCode::OK);
            assert!(Answer::of(response).await.is_err(), "{path}");
        }
        assert!(site.access(path).await["flag"].is_string());
    }
}

#[tokio::test]
async fn grpc_clients_get_a_grpc_status_for_our_failures() {
    let site = site_of(refusing().await).await;
    let mut client = Client::http2(site.address()).await;
    let call = Call::begin(&mut client, "grpc.example.com", "/a.B/Unary", &[], &["x"]).await;
    assert_eq!(call.finish().await, (vec![], "14".to_owned()));
    let call = Call::begin(&mut client, "none.example.com", "/a.B/Unary", &[], &["x"]).await;
    assert_eq!(call.finish().await, (vec![], "12".to_owned()));
}

#[tokio::test]
async fn a_retry_saves_what_one_endpoint_refuses() {
    let echo = Echo::start("v1").await;
    let both = service("v1", &[refusing().await, echo.address]);
    let route = route("all", HOST, &everything_to("v1"));
    let site = Setup::new().file("v1.yaml", &both).file("route.yaml", &route).start().await;
    for index in 0..20 {
        let answer = site.get(HOST, &format!("/try/{index}")).await;
        assert_eq!(answer.name(), "v1", "{}", answer.text());
    }
}

#[tokio::test]
async fn a_post_that_may_have_been_done_is_not_sent_twice() {
    // Takes the request, then closes without a word.
    let backend = RawBackend::start(|mut stream| async move {
        read_head(&mut stream).await;
        let _ = stream.shutdown().await;
    })
    .await;
    let site = site_of(backend.address).await;
    let mut client = Client::http1(site.address()).await;
    let request = client.request(Method::POST, HOST, "/once").body(full("1")).unwrap();
    assert_eq!(client.call(request).await.status, StatusCode::BAD_GATEWAY);
    assert_eq!(site.access("/once").await["tries"], 1);
}

#[tokio::test]
async fn malformed_requests_get_a_4xx_and_the_next_client_is_served() {
    let echo = Echo::start("v1").await;
    let site = site_of(echo.address).await;
    for (request, status) in [
        ("GET / HTTP/1.1\r\n\r\n", "400"),
        ("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "400"),
        ("GET /%00 HTTP/1.1\r\nHost: a.example.com\r\n\r\n", "400"),
        ("CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n", "4"),
        ("GET / HTTP/1.1\nHost: a.example.com\n\n", "400"),
        ("nonsense\r\n\r\n", "400"),
    ] {
        let answer = head_for(site.address(), request.as_bytes()).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{request:?}: {answer}");
        assert_eq!(site.get(HOST, "/").await.name(), "v1");
    }
    let metrics = site.admin("/metrics").await.text();
    assert!(metrics.contains("headgate_requests_refused_total{reason=\"bare_lf\"} 1\n"));
    let huge = format!("GET / HTTP/1.1\r\nHost: {HOST}\r\nX: {}\r\n\r\n", "x".repeat(100_000));
    let answer = head_for(site.address(), huge.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 431") || answer.is_empty(), "{answer}");
}
