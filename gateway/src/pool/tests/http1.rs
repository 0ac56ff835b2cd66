//! One request after the other: what is used again, what comes back, what is refused.

use futures::channel::mpsc;
use http_body_util::StreamBody;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::join;

use super::server::{Server, ok};
use super::*;

async fn bench() -> (Server, Bench) {
    let server = Server::new().await;
    let bench = Bench::new(Protocol::Auto, server.address());
    (server, bench)
}

/// What comes of a GET that is answered so, and then closed.
async fn answered(answer: &str) -> Result<(String, bool), SendError<Sent>> {
    let (server, bench) = bench().await;
    let (got, ()) = join!(bench.get("/"), async { drop(server.answer(answer).await) });
    got
}

#[tokio::test]
async fn a_connection_carries_one_request_after_the_other() {
    local(async {
        let (server, bench) = bench().await;
        let serve = async {
            let mut peer = server.accept().await;
            let mut heads = Vec::new();
            for body in ["one", "", "three"] {
                heads.push(peer.answer(ok(body)).await);
            }
            (heads, peer)
        };
        let ask = async {
            assert_eq!(bench.get("/a?b").await.unwrap(), ("one".into(), false));
            assert_eq!(bench.get("/").await.unwrap(), (String::new(), true));
            assert_eq!(bench.get("/").await.unwrap(), ("three".into(), true));
            assert_eq!(bench.connections().await, 1);
        };
        let ((heads, _peer), ()) = join!(serve, ask);
        assert_eq!(heads[0], "GET /a?b HTTP/1.1\r\nhost: shop.example\r\n\r\n");
    })
    .await;
}

#[tokio::test]
async fn chunked_responses_and_their_trailers_give_the_connection_back() {
    local(async {
        let (server, bench) = bench().await;
        let serve = async {
            let mut peer = server.accept().await;
            for _ in 0..2 {
                peer.request().await;
                peer.say("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntrailer: a\r\n\r\n")
                    .await;
                peer.say("3\r\nabc\r\n0\r\na: b\r\n\r\n").await;
            }
        };
        let ask = async {
            assert_eq!(bench.get("/").await.unwrap(), ("abc".into(), false));
            assert_eq!(bench.get("/").await.unwrap(), ("abc".into(), true));
        };
        join!(serve, ask);
    })
    .await;
}

#[tokio::test]
async fn a_refused_request_comes_back_and_the_endpoint_pauses() {
    local(async {
        let address = Server::new().await.address();
        let bench = Bench::new(Protocol::Auto, address);
        let error = bench.send(post(text("body"))).await.unwrap_err();
        assert_eq!((error.stage, error.cause), (Stage::NotSent, Cause::Refused));
        let back = error.request.unwrap().into_body().collect().await.unwrap();
        assert_eq!(back.to_bytes(), "body");
        assert_eq!(bench.pick().await.endpoint().failures(), 1);
        assert_eq!(bench.connections().await, 0);
    })
    .await;
}

#[tokio::test]
async fn a_request_never_meets_a_connection_that_closed_while_idle() {
    for request in [get("/"), post(text("body"))] {
        local(async {
            let (server, bench) = bench().await;
            let first = async { drop(server.answer(ok("one")).await) };
            join!(async { bench.get("/").await.unwrap() }, first);
            // The close has reached our kernel, and perhaps nobody else.
            let (sent, _peer) = join!(bench.send(request), server.answer(ok("two")));
            assert!(!sent.unwrap().body().reused());
        })
        .await;
    }
}

#[tokio::test]
async fn a_connection_whose_end_was_seen_at_rest_takes_no_request() {
    for request in [get("/"), post(text("body"))] {
        local(async {
            let (server, bench) = bench().await;
            let first = async { drop(server.answer(ok("one")).await) };
            join!(async { bench.get("/").await.unwrap() }, first);
            // Long enough for the runtime to hear of the close and to tell the connection.
            for _ in 0..1_000 {
                tokio::task::yield_now().await;
            }
            let (sent, _peer) = join!(bench.send(request), server.answer(ok("two")));
            assert!(!sent.unwrap().body().reused());
        })
        .await;
    }
}

#[tokio::test]
async fn a_try_after_another_gets_a_connection_of_its_own() {
    local(async {
        let (server, bench) = bench().await;
        let (first, _idle) = join!(bench.get("/"), server.answer(ok("one")));
        first.unwrap();
        let picked = bench.pick().await;
        let again = Target { again: true, ..target(&picked) };
        let (sent, _peer) = join!(bench.pool.send(again, get("/")), server.answer(ok("two")));
        assert!(!sent.unwrap().body().reused());
    })
    .await;
}

#[tokio::test]
async fn a_connection_that_breaks_after_the_request_was_written_is_told_so() {
    for careful in [false, true] {
        local(async {
            let (server, bench) = bench().await;
            let serve = async {
                let mut peer = server.accept().await;
                peer.request().await;
                if careful { peer.reset() } else { drop(peer) }
            };
            let (sent, ()) = join!(bench.send(get("/")), serve);
            let error = sent.unwrap_err();
            assert_eq!((error.stage, error.cause), (Stage::Sent, Cause::Closed));
            assert!(error.request.is_none());
            bench.until_connections(0).await;
        })
        .await;
    }
}

#[tokio::test]
async fn a_response_that_breaks_off_in_its_head_has_started() {
    local(async {
        let error = answered("HTTP/1.1 200 OK\r\ncontent-le").await.unwrap_err();
        assert_eq!((error.stage, error.cause), (Stage::ResponseStarted, Cause::Closed));
    })
    .await;
}

#[tokio::test]
async fn a_response_that_breaks_off_in_its_body_fails_the_body_and_the_connection() {
    local(async {
        let (server, bench) = bench().await;
        let serve =
            async { drop(server.answer("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nab").await) };
        let (sent, ()) = join!(bench.send(get("/")), serve);
        assert!(sent.unwrap().into_body().collect().await.is_err());
        bench.until_connections(0).await;
    })
    .await;
}

#[tokio::test]
async fn what_is_no_single_response_is_refused() {
    let many_fields = format!("HTTP/1.1 200 OK\r\n{}\r\n", "a: b\r\n".repeat(500));
    let large = format!("HTTP/1.1 200 OK\r\na: {}\r\n\r\n", "b".repeat(200 << 10));
    for answer in [
        "HTTP/1.1 200 OK\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 3\r\ncontent-length: 4\r\n\r\nabcd",
        "HTTP/1.1 200 OK\r\ncontent-length: -3\r\n\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: gzip\r\n\r\n",
        "HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\n\r\n",
        "HTTP/1.1 200 OK\r\nbad name: x\r\n\r\n",
        "SSH-2.0-OpenSSH_9.2\r\n",
        &many_fields,
        &large,
    ] {
        local(async {
            let error = answered(answer).await.unwrap_err();
            assert_eq!(error.stage, Stage::ResponseStarted, "{answer:.60}");
            assert!(matches!(error.cause, Cause::Malformed(_)), "{answer:.60}: {:?}", error.cause);
        })
        .await;
    }
}

#[tokio::test]
async fn some_informational_responses_are_passed_over_and_a_flood_is_cut() {
    local(async {
        let early = "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n";
        let good = format!("{}{}", early.repeat(16), ok("done"));
        assert_eq!(answered(&good).await.unwrap().0, "done");

        let bad = format!("{}{}", early.repeat(17), ok("done"));
        let error = answered(&bad).await.unwrap_err();
        assert_eq!(error.cause, Cause::Malformed("too many 1xx".into()));

        let (server, bench) = bench().await;
        let serve = async {
            let mut peer = server.accept().await;
            peer.request().await;
            peer.write_until_closed(b"HTTP/1.1 100 Continue\r\n\r\n").await;
        };
        let (sent, ()) = join!(bench.send(get("/")), serve);
        let error = sent.unwrap_err();
        assert_eq!(error.stage, Stage::ResponseStarted);
        assert_eq!(error.cause, Cause::Malformed("too many 1xx".into()));
    })
    .await;
}

#[tokio::test]
async fn a_connection_is_not_used_again_before_its_request_was_sent_whole() {
    local(async {
        let (server, bench) = bench().await;
        // Answered without being read: the rest of it must not become another request.
        let (sent, mut peer) =
            join!(bench.send(post(Endless(Some("begun")))), server.answer(ok("")));
        let response = sent.unwrap();
        assert_eq!(response.status(), 200);
        drop(response);
        peer.closed().await;
        let (got, _peer) = join!(bench.get("/"), server.answer(ok("two")));
        assert_eq!(got.unwrap(), ("two".into(), false));
    })
    .await;
}

/// A body that says what is put in at the other end.
fn fed() -> (mpsc::UnboundedSender<Result<Frame<Bytes>, Infallible>>, Sent) {
    let (feed, frames) = mpsc::unbounded();
    (feed, UnsyncBoxBody::new(StreamBody::new(frames)))
}

fn data(text: &'static str) -> Result<Frame<Bytes>, Infallible> {
    Ok(Frame::data(Bytes::from_static(text.as_bytes())))
}

#[tokio::test]
async fn what_is_left_of_a_request_is_sent_though_nobody_reads_the_response() {
    local(async {
        let (server, bench) = bench().await;
        let (feed, body) = fed();
        let head = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n";
        let (sent, mut peer) = join!(bench.send(post(body)), server.answer(head));
        let response = sent.unwrap();
        for (word, chunk) in [("late", &b"4\r\nlate\r\n"[..]), ("later", b"5\r\nlater\r\n")] {
            feed.unbounded_send(data(word)).unwrap();
            assert_eq!(peer.bytes(chunk.len()).await, chunk);
        }
        drop(feed);
        assert_eq!(peer.bytes(5).await, b"0\r\n\r\n");
        peer.say("hello").await;
        assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), "hello");
        let (got, _) = join!(bench.get("/"), peer.answer(ok("again")));
        assert_eq!(got.unwrap(), ("again".into(), true));
    })
    .await;
}

#[tokio::test]
async fn a_request_that_breaks_off_closes_the_connection_and_ends_its_response() {
    local(async {
        let (server, bench) = bench().await;
        let short = || {
            let (feed, body) = fed();
            let mut request = post(body);
            request.headers_mut().insert("content-length", 9.into());
            feed.unbounded_send(data("short")).unwrap();
            (feed, request)
        };
        // Before the head of the response.
        let (feed, request) = short();
        drop(feed);
        let serve = async { server.accept().await.closed().await };
        let (sent, _) = join!(bench.send(request), serve);
        assert_eq!(sent.unwrap_err().cause, Cause::RequestBody);
        // Behind it: who waits for the body hears of it.
        let (feed, request) = short();
        let head = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n";
        let (sent, mut peer) = join!(bench.send(request), server.answer(head));
        // In a task of its own, which only its waker moves.
        let body = tokio::task::spawn_local(sent.unwrap().into_body().collect());
        tokio::task::yield_now().await;
        drop(feed);
        let body = body.await.unwrap();
        assert!(body.is_err());
        peer.closed().await;
        bench.until_connections(0).await;
    })
    .await;
}

#[tokio::test]
async fn an_answer_given_before_the_endpoint_stopped_to_listen_counts() {
    local(async {
        let (server, bench) = bench().await;
        let (feed, body) = fed();
        let serve = async {
            server.answer(ok("too large")).await.reset();
            // There before the answer is read, so that the write fails first.
            feed.unbounded_send(data("more")).unwrap();
            feed
        };
        let (got, _feed) = join!(bench.send(post(body)), serve);
        let body = got.unwrap().into_body();
        assert_eq!(body.collect().await.unwrap().to_bytes(), "too large");
        bench.until_connections(0).await;
    })
    .await;
}

#[tokio::test]
async fn a_connection_with_unasked_bytes_is_not_used_again() {
    for extra in [&b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil"[..], b"x"] {
        local(async {
            let (server, bench) = bench().await;
            let serve = async {
                let mut peer = server.answer(ok("one")).await;
                peer.write(extra).await;
                peer
            };
            let (got, _first) = join!(bench.get("/"), serve);
            assert_eq!(got.unwrap().0, "one");
            let (sent, _peer) = join!(bench.send(post(text("body"))), server.answer(ok("two")));
            let response = sent.unwrap();
            assert!(!response.body().reused());
            assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), "two");
        })
        .await;
    }
}

#[tokio::test]
async fn who_leaves_early_closes_the_connection() {
    local(async {
        let (server, bench) = bench().await;
        // Before the head.
        let mut peer = {
            let send = std::pin::pin!(bench.send(get("/")));
            let peer = async {
                let mut peer = server.accept().await;
                peer.request().await;
                peer
            };
            match futures::future::select(send, std::pin::pin!(peer)).await {
                futures::future::Either::Right((peer, _send)) => peer,
                futures::future::Either::Left(_) => unreachable!("nobody answers"),
            }
        };
        peer.closed().await;
        // In the body.
        let part = "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\npart";
        let (sent, mut peer) = join!(bench.send(get("/")), server.answer(part));
        drop(sent.unwrap());
        peer.closed().await;
        bench.until_connections(0).await;
    })
    .await;
}

#[tokio::test]
async fn an_upgrade_gives_the_connection_with_what_had_come_already() {
    local(async {
        let (server, bench) = bench().await;
        let mut request = get("/chat");
        request.headers_mut().insert("connection", "upgrade".parse().unwrap());
        request.headers_mut().insert("upgrade", "websocket".parse().unwrap());
        let switch = "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\n\r\nearly";
        let (sent, mut peer) = join!(bench.send(request), server.answer(switch));
        let response = sent.unwrap();
        assert_eq!(response.status(), 101);
        let mut tunnel = response.into_body().into_tunnel().unwrap();
        let mut heard = [0; 5];
        tunnel.read_exact(&mut heard).await.unwrap();
        assert_eq!(&heard, b"early");
        tunnel.write_all(b"hello").await.unwrap();
        assert_eq!(peer.bytes(5).await, b"hello");
        peer.say("world").await;
        tunnel.read_exact(&mut heard).await.unwrap();
        assert_eq!(&heard, b"world");
        assert_eq!(bench.connections().await, 1);
        drop(tunnel);
        peer.closed().await;
        bench.until_connections(0).await;
    })
    .await;
}

#[tokio::test]
async fn an_upgrade_that_is_declined_is_a_response_like_any_other() {
    local(async {
        let (server, bench) = bench().await;
        let mut request = get("/chat");
        request.headers_mut().insert("connection", "upgrade".parse().unwrap());
        request.headers_mut().insert("upgrade", "websocket".parse().unwrap());
        let (sent, mut peer) = join!(bench.send(request), server.answer(ok("no")));
        let body = sent.unwrap().into_body();
        assert_eq!(body.collect().await.unwrap().to_bytes(), "no");
        let (got, _) = join!(bench.get("/"), peer.answer(ok("again")));
        assert_eq!(got.unwrap(), ("again".into(), true));
    })
    .await;
}

#[tokio::test]
async fn a_body_without_an_end_of_its_own_ends_with_the_connection() {
    local(async {
        let (server, bench) = bench().await;
        let serve = async { drop(server.answer("HTTP/1.0 200 OK\r\n\r\nall of it").await) };
        let (got, ()) = join!(bench.get("/"), serve);
        assert_eq!(got.unwrap().0, "all of it");
        bench.until_connections(0).await;
    })
    .await;
}
