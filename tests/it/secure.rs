//! TLS: certificates by SNI, swapped live; ALPN; misdirected requests.

use std::net::SocketAddr;

use http::{StatusCode, Version};

use crate::harness::echo::Echo;
use crate::harness::manifest::{everything_to, gateway, https_listener, route, service};
use crate::harness::port;
use crate::harness::site::{Setup, Site};
use crate::harness::tls::{Certificate, client, tls};

const A: &str = "a.example.com";
const B: &str = "b.example.com";

/// One HTTPS port with a listener for each of two hosts.
async fn site(a: &Certificate, b: &Certificate) -> (Echo, Site, SocketAddr) {
    let echo = Echo::start("v1").await;
    let port = port::free();
    let listeners = [https_listener("a", port, A, "a"), https_listener("b", port, B, "b")];
    let site = Setup::new()
        .file("gateway.yaml", &gateway(&listeners))
        .file("a.yaml", &a.secret("a"))
        .file("b.yaml", &b.secret("b"))
        .file("v1.yaml", &service("v1", &[echo.address]))
        .file("route-a.yaml", &route("a", A, &everything_to("v1")))
        .file("route-b.yaml", &route("b", B, &everything_to("v1")))
        .start()
        .await;
    (echo, site, ([127, 0, 0, 1], port).into())
}

#[tokio::test]
async fn each_name_gets_its_certificate_and_the_protocol_it_asks_for() {
    let (a, b) = (Certificate::new(&[A]), Certificate::new(&[B]));
    let (_echo, _site, address) = site(&a, &b).await;
    for (name, certificate) in [(A, &a), (B, &b)] {
        for (alpn, version) in
            [(&["h2", "http/1.1"][..], Version::HTTP_2), (&["http/1.1"], Version::HTTP_11)]
        {
            let mut client = client(address, name, certificate, alpn).await;
            let answer = client.get(name, "/").await;
            assert_eq!((answer.status, answer.version), (StatusCode::OK, version), "{name}");
            assert_eq!(answer.json()["headers"]["x-forwarded-proto"][0], "https");
        }
    }
}

#[tokio::test]
async fn a_request_for_a_host_of_another_listener_is_421() {
    let both = Certificate::new(&[A, B]);
    let (_echo, _site, address) = site(&both, &both).await;
    let mut client = client(address, A, &both, &["h2"]).await;
    assert_eq!(client.get(A, "/").await.status, StatusCode::OK);
    assert_eq!(client.get(B, "/").await.status, StatusCode::MISDIRECTED_REQUEST);
    assert_eq!(client.get(A, "/").await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_certificate_is_swapped_while_old_connections_go_on() {
    let (old, b) = (Certificate::new(&[A]), Certificate::new(&[B]));
    let (_echo, site, address) = site(&old, &b).await;
    let mut before = client(address, A, &old, &["h2"]).await;
    assert_eq!(before.get(A, "/").await.status, StatusCode::OK);
    let new = Certificate::new(&[A]);
    site.change(|folder| folder.write("a.yaml", &new.secret("a"))).await;
    let mut after = client(address, A, &new, &["h2"]).await;
    assert_eq!(after.get(A, "/").await.status, StatusCode::OK);
    assert!(tls(address, A, &[&old], &["h2"]).await.is_err(), "the old one is still served");
    assert_eq!(before.get(A, "/").await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_bad_certificate_keeps_the_good_one_and_the_next_good_one_heals() {
    let (good, b) = (Certificate::new(&[A]), Certificate::new(&[B]));
    let (_echo, site, address) = site(&good, &b).await;
    let broken = good.secret("b").replace("BEGIN CERTIFICATE", "BEGIN NONSENSE");
    site.folder.write("b.yaml", &broken);
    site.logged("InvalidCertificateRef").await;
    for (name, trusted) in [(A, &good), (B, &b)] {
        let mut client = client(address, name, trusted, &["h2"]).await;
        assert_eq!(client.get(name, "/").await.status, StatusCode::OK, "{name}");
    }
    let healed = Certificate::new(&[B]);
    site.change(|folder| folder.write("b.yaml", &healed.secret("b"))).await;
    let mut client_b = client(address, B, &healed, &["h2"]).await;
    assert_eq!(client_b.get(B, "/").await.status, StatusCode::OK);
}

#[tokio::test]
async fn plain_http_on_a_tls_port_is_refused() {
    let (a, b) = (Certificate::new(&[A]), Certificate::new(&[B]));
    let (_echo, _site, address) = site(&a, &b).await;
    let request = format!("GET / HTTP/1.1\r\nHost: {A}\r\n\r\n");
    let answer = crate::harness::raw::talk(address, request.as_bytes()).await;
    assert!(!answer.contains("200 OK"), "{answer}");
}
