//! HTTP/1 connections: keep-alive, limits, refusals, the stop.

use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{Bench, rest, settle, soon};
use crate::overload::Level;
use crate::serve::Wish;
use crate::settings::{Client, Settings};
use crate::worker::Stage;

const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const HELD: &str = "GET /held HTTP/1.1\r\nHost: a\r\n\r\n";

/// Sends a request and reads its response, which has a known length.
async fn ask(client: &mut TcpStream, request: &str) -> String {
    soon(client.write_all(request.as_bytes())).await.unwrap();
    let mut answer = Vec::new();
    while !is_whole(&answer) {
        assert_ne!(soon(client.read_buf(&mut answer)).await.unwrap(), 0, "closed in an answer");
    }
    String::from_utf8(answer).unwrap()
}

fn is_whole(answer: &[u8]) -> bool {
    let text = String::from_utf8_lossy(answer);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    body.len() == length.map_or(0, |length| length.parse().unwrap())
}

async fn is_open(client: &mut TcpStream) -> bool {
    ask(client, GET).await.starts_with("HTTP/1.1 404")
}

#[tokio::test]
async fn a_connection_serves_one_request_after_the_other() {
    Bench::run(Settings::default(), async |bench| {
        let mut client = bench.connect().await;
        for _ in 0..3 {
            let answer = ask(&mut client, GET).await;
            assert!(answer.starts_with("HTTP/1.1 404"), "{answer}");
            assert!(!answer.contains("connection: close"), "{answer}");
        }
        drop(client);
        soon(bench.server.worker.tasks.ended()).await;
        assert_eq!(bench.connections.load(Relaxed), 0, "and is counted off");
    })
    .await;
}

#[tokio::test]
async fn the_last_request_that_a_connection_may_have_closes_it() {
    let client = Client { max_requests: 2, ..Client::default() };
    Bench::run(Settings { client, ..Settings::default() }, async |bench| {
        let mut client = bench.connect().await;
        assert!(!ask(&mut client, GET).await.contains("connection: close"));
        assert!(ask(&mut client, GET).await.contains("connection: close"));
        assert_eq!(rest(&mut client).await, "");
    })
    .await;
}

#[tokio::test]
async fn an_old_connection_closes_with_its_next_response() {
    Bench::run(Settings::default(), async |bench| {
        let mut client = bench.connect().await;
        for _ in 0..56 {
            bench.pass(57).await;
            assert!(
                !ask(&mut client, GET).await.contains("connection: close"),
                "54 minutes at least"
            );
        }
        for _ in 0..12 {
            bench.pass(70).await;
            if ask(&mut client, GET).await.contains("connection: close") {
                return;
            }
        }
        panic!("66 minutes at most");
    })
    .await;
}

#[tokio::test]
async fn a_connection_that_grows_old_while_its_client_pauses_waits_for_the_next_request() {
    let max_age = Duration::from_secs(60);
    let client = Client { max_age, max_age_jitter: 0, ..Client::default() };
    // Old while it is awake, and while it dozes.
    for pause_begins in [58, 30] {
        Bench::run(Settings { client: client.clone(), ..Settings::default() }, async |bench| {
            let mut client = bench.connect().await;
            bench.pass(pause_begins).await;
            assert!(!ask(&mut client, GET).await.contains("connection: close"));
            bench.pass(70).await;
            assert!(ask(&mut client, GET).await.contains("connection: close"));
            assert_eq!(rest(&mut client).await, "");
        })
        .await;
    }
}

#[tokio::test]
async fn a_silent_connection_is_closed_and_a_held_request_is_not() {
    Bench::run(Settings::default(), async |bench| {
        let mut silent = bench.connect().await;
        let mut idle = bench.connect().await;
        assert!(is_open(&mut idle).await);
        let mut held = bench.connect().await;
        held.write_all(HELD.as_bytes()).await.unwrap();
        settle().await;
        bench.pass(75).await;
        assert!(is_open(&mut idle).await, "75 s are allowed");
        bench.pass(77).await;
        assert_eq!(rest(&mut silent).await, "");
        assert_eq!(rest(&mut idle).await, "");
        let answer = rest_of_one(&mut held).await;
        assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
    })
    .await;
}

#[tokio::test]
async fn a_connection_that_pauses_for_long_is_served_again() {
    Bench::run(Settings::default(), async |bench| {
        let mut client = bench.connect().await;
        for pause in [7, 20, 70] {
            assert!(is_open(&mut client).await);
            bench.pass(pause).await;
        }
        assert!(is_open(&mut client).await);
        bench.pass(7).await;
        bench.server.wish(Wish::Close);
        assert_eq!(rest(&mut client).await, "");
        soon(bench.server.worker.tasks.ended()).await;
    })
    .await;
}

async fn rest_of_one(client: &mut TcpStream) -> String {
    ask(client, "").await
}

#[tokio::test]
async fn a_head_that_stops_half_way_is_answered_with_408() {
    Bench::run(Settings::default(), async |bench| {
        let mut client = bench.connect().await;
        client.write_all(b"GET / HTTP/1.1\r\nHos").await.unwrap();
        settle().await;
        bench.pass(14).await;
        let answer = rest(&mut client).await;
        assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
        assert!(answer.contains("connection: close"), "{answer}");
    })
    .await;
}

#[tokio::test]
async fn what_is_no_request_is_answered_with_its_status_and_closed() {
    Bench::run(Settings::default(), async |bench| {
        for (bytes, status) in [
            ("GET / HTTP/1.1\r\n\r\n", 400),
            ("GET / HTTP/3.0\r\nHost: a\r\n\r\n", 505),
            ("CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n", 405),
            ("GET / HTTP/1.1\r\nHost: a\r\nExpect: x\r\n\r\n", 417),
            ("POST / HTTP/1.0\r\nHost: a\r\n\r\n", 411),
            ("\x16\x03\x01\x02\x00", 400),
        ] {
            let mut client = bench.connect().await;
            client.write_all(bytes.as_bytes()).await.unwrap();
            client.shutdown().await.unwrap();
            let answer = rest(&mut client).await;
            assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{bytes:?}: {answer}");
            assert!(answer.contains("connection: close"), "{answer}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_stop_closes_connections_with_their_responses_and_idle_ones_at_the_end() {
    Bench::run(Settings::default(), async |bench| {
        let (mut busy, mut idle) = (bench.connect().await, bench.connect().await);
        let mut slow = bench.connect().await;
        assert!(is_open(&mut busy).await && is_open(&mut idle).await && is_open(&mut slow).await);
        bench.stage(Stage::Draining);
        bench.server.wish(Wish::Leave);
        settle().await;
        assert!(ask(&mut busy, GET).await.contains("connection: close"));
        assert_eq!(rest(&mut busy).await, "");

        let mut late = bench.connect().await;
        assert!(ask(&mut late, GET).await.contains("connection: close"), "new ones are served");

        bench.stage(Stage::Closing);
        bench.server.wish(Wish::Close);
        settle().await;
        assert!(ask(&mut slow, GET).await.contains("connection: close"), "it was on its way");
        bench.pass(4).await;
        assert_eq!(rest(&mut idle).await, "");
        soon(bench.server.worker.tasks.ended()).await;
    })
    .await;
}

#[tokio::test]
async fn what_runs_at_the_deadline_is_counted_and_cut() {
    Bench::run(Settings::default(), async |bench| {
        let mut held = bench.connect().await;
        held.write_all(HELD.as_bytes()).await.unwrap();
        settle().await;
        let _idle = bench.connect().await;
        bench.server.wish(Wish::Close);
        settle().await;
        let cut = bench.server.would_cut();
        assert_eq!((cut.connections, cut.requests), (1, 1), "an idle one loses nothing");
        bench.server.wish(Wish::Cut);
        assert_eq!(rest(&mut held).await, "");
    })
    .await;
}

#[tokio::test]
async fn a_new_connection_that_says_nothing_does_not_hold_up_the_end() {
    Bench::run(Settings::default(), async |bench| {
        bench.stage(Stage::Closing);
        bench.server.wish(Wish::Close);
        let mut asks = bench.connect().await;
        let mut silent = bench.connect().await;
        assert!(ask(&mut asks, GET).await.contains("connection: close"));
        bench.pass(4).await;
        assert_eq!(rest(&mut silent).await, "");
    })
    .await;
}

#[tokio::test]
async fn as_memory_runs_out_connections_are_not_kept_and_then_requests_are_refused() {
    Bench::run(Settings::default(), async |bench| {
        let (mut busy, mut idle) = (bench.connect().await, bench.connect().await);
        assert!(is_open(&mut busy).await && is_open(&mut idle).await);
        bench.memory(Level::Tight);
        let answer = ask(&mut busy, GET).await;
        assert!(answer.starts_with("HTTP/1.1 404") && answer.contains("connection: close"));
        bench.pass(4).await;
        assert_eq!(rest(&mut idle).await, "");

        bench.memory(Level::Short);
        let answer = ask(&mut bench.connect().await, GET).await;
        assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
        assert!(answer.contains("retry-after: "), "{answer}");

        bench.memory(Level::Calm);
        assert!(is_open(&mut bench.connect().await).await);
    })
    .await;
}
