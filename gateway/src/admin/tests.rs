//! The admin server over a real socket.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;

use super::{Admin, Answer, Readiness};
use crate::telemetry::Telemetry;

async fn ask(address: SocketAddr, head: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("{head} HTTP/1.1\r\nHost: admin\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

/// Runs `check` against a server with one view, and then stops the server.
async fn with_server(check: impl AsyncFnOnce(SocketAddr, Readiness)) {
    let readiness = Readiness::default();
    let localhost = "127.0.0.1:0".parse().unwrap();
    let admin = Admin::bind(localhost, Telemetry::new(), readiness.clone()).await.unwrap();
    let admin = admin.view("/v1/echo", |query| match query.get("say") {
        Some("panic") => panic!("as asked"),
        Some(word) => Answer::json(&[word]),
        None => Answer::Wrong("`say` is missing".into()),
    });
    let address = admin.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let server = tokio::spawn(admin.serve(async { stopped.await.unwrap_or_default() }));
    check(address, readiness).await;
    drop(stop);
    server.await.unwrap();
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn readiness_follows_the_state_and_health_does_not() {
    with_server(async |address, readiness| {
        for (status, word) in [("503", "starting"), ("200", "ready"), ("503", "stopping")] {
            let answer = ask(address, "GET /readyz").await;
            assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{answer}");
            assert!(answer.ends_with(&format!("{word}\n")), "{answer}");
            assert!(ask(address, "GET /healthz").await.starts_with("HTTP/1.1 200"));
            if word == "starting" { readiness.ready() } else { readiness.stopping() }
        }
    })
    .await;
}

#[tokio::test]
async fn views_get_the_query_and_say_what_is_wrong_with_it() {
    with_server(async |address, _| {
        let answer = ask(address, "GET /v1/echo?say=a%20b").await;
        assert!(answer.contains("content-type: application/json\r\n"), "{answer}");
        assert!(answer.ends_with("\r\n\r\n[\"a b\"]\n"), "{answer}");
        let answer = ask(address, "GET /v1/echo").await;
        assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
        assert!(answer.ends_with("`say` is missing\n"), "{answer}");
    })
    .await;
}

#[tokio::test]
async fn nothing_can_be_changed_and_nothing_else_found() {
    with_server(async |address, _| {
        for head in ["POST /metrics", "PUT /v1/echo", "DELETE /readyz"] {
            let answer = ask(address, head).await;
            assert!(answer.starts_with("HTTP/1.1 405"), "{head}: {answer}");
            assert!(answer.contains("allow: GET, HEAD\r\n"), "{answer}");
        }
        for head in ["GET /", "POST /v1", "GET /v1/echo/", "GET //metrics"] {
            let answer = ask(address, head).await;
            assert!(answer.starts_with("HTTP/1.1 404"), "{head}: {answer}");
        }
    })
    .await;
}

#[tokio::test]
async fn metrics_are_prometheus_text() {
    with_server(async |address, _| {
        let answer = ask(address, "GET /metrics").await;
        assert!(answer.contains("content-type: text/plain; version=0.0.4; charset=utf-8\r\n"));
        assert!(answer.contains("\nheadgate_build_info{version=\""));
        let head = ask(address, "HEAD /metrics").await;
        assert!(head.ends_with("\r\n\r\n"), "{head}");
    })
    .await;
}

#[tokio::test]
async fn a_view_that_panics_costs_only_its_own_answer() {
    with_server(async |address, _| {
        let answer = ask(address, "GET /v1/echo?say=panic").await;
        assert!(answer.starts_with("HTTP/1.1 500"), "{answer}");
        assert!(ask(address, "GET /v1/echo?say=a").await.starts_with("HTTP/1.1 200"));
    })
    .await;
}
