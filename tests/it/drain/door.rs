//! Who may drain what, and what is no question.

use http::Method;
use tokio::net::TcpSocket;

use super::{Bed, ask, serve};
use crate::harness::client::{Answer, Client, full};
use crate::harness::manifest::{everything_to, route, service};
use crate::harness::raw::talk;
use crate::harness::site::Setup;

/// Asks from an address of one's own.
async fn from(bed: &Bed, source: &str, query: &str, token: Option<&str>) -> Answer {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(format!("{source}:0").parse().unwrap()).unwrap();
    let stream = socket.connect(bed.drain).await.unwrap();
    let mut client = Client::http1_on(stream, "http").await;
    let mut request = client.request(Method::POST, "gateway", &format!("/v1/drain?{query}"));
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    client.call(request.body(full("")).unwrap()).await
}

#[tokio::test]
async fn a_pod_may_drain_itself_and_nobody_else() {
    let bed = Bed::start().await;
    let other = format!("address={}", bed.at(0));
    let refused = from(&bed, "127.0.0.2", &other, None).await;
    assert_eq!(refused.status, 403);
    assert_eq!(refused.json()["reason"], "127.0.0.2 may drain itself only");
    assert_eq!(from(&bed, "127.0.0.2", &other, Some("guess")).await.status, 403);
    assert_eq!(bed.who().await, ["one", "two"]);

    let answer = from(&bed, "127.0.0.2", "self&timeout=5s", None).await;
    assert_eq!(answer.json()["address"], "127.0.0.2");
    assert_eq!(answer.json()["answer"], "drained");
    assert_eq!(bed.who().await, ["one"]);
    let unknown = from(&bed, "127.0.0.3", "self", None).await;
    assert_eq!((unknown.status.as_u16(), &unknown.json()["address"]), (404, &"127.0.0.3".into()));
}

#[tokio::test]
async fn whoever_has_the_token_may_drain_all() {
    let token = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(token.path(), "open sesame\n").unwrap();
    let backend = crate::harness::echo::Echo::start("one").await;
    let setup = Setup::new()
        .file("one.yaml", &service("one", &[backend.address]))
        .file("route.yaml", &route("all", super::HOST, &everything_to("one")))
        .arg(&format!("--drain-token-file={}", token.path().display()));
    let (site, drain) = serve(setup).await;
    let echoes = [backend, crate::harness::echo::Echo::start("two").await];
    let bed = Bed { site, drain, echoes };
    let query = format!("address={}", bed.at(0));
    assert_eq!(from(&bed, "127.0.0.2", &query, Some("open sesam")).await.status, 403);
    let answer = from(&bed, "127.0.0.2", &query, Some("open sesame")).await;
    assert_eq!(answer.json()["answer"], "drained");
    let unknown = from(&bed, "127.0.0.2", "address=10.9.9.9", Some("open sesame")).await;
    assert_eq!(unknown.status, 404);
}

#[tokio::test]
async fn what_is_no_question_is_answered_with_what_to_ask() {
    let bed = Bed::start().await;
    for (method, query, status) in [
        (Method::POST, "", 400),
        (Method::POST, "self&timeout=0s", 400),
        (Method::POST, "self&timeout=24h", 400),
        (Method::POST, "address=pod-1", 400),
        (Method::PUT, "self", 405),
        (Method::DELETE, "", 400),
        (Method::DELETE, "self", 404),
        (Method::POST, "address=10.9.9.9", 403),
    ] {
        let answer = ask(bed.drain, method.clone(), query).await;
        assert_eq!(answer.status.as_u16(), status, "{method} {query}: {}", answer.text());
    }
    let client = Client::http1(bed.drain).await;
    for path in ["/metrics", "/healthz", "/v1/snapshot", "/"] {
        let request = client.request(Method::GET, "gateway", path).body(full("")).unwrap();
        assert_eq!(Client::http1(bed.drain).await.call(request).await.status, 404, "{path}");
    }
    let head = "POST /v1/drain?self HTTP/1.1\r\nhost: a\r\nconnection: close\r\n";
    for (fields, status) in
        [("content-length: 2000000\r\n\r\n", 413), ("origin: http://evil.example\r\n\r\n", 403)]
    {
        let answer = talk(bed.drain, format!("{head}{fields}").as_bytes()).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{answer}");
    }
    assert_eq!(bed.who().await, ["one", "two"]);
}
