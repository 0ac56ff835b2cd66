//! Streams that share a connection, and how they end.

use tokio::join;

use super::server::{Peer, Server};
use super::*;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;

const END_STREAM: u8 = 1;
const ACK: u8 = 1;
const END_HEADERS: u8 = 4;

const MAX_CONCURRENT_STREAMS: u8 = 3;
const REFUSED_STREAM: u8 = 7;
const CANCEL: u8 = 8;

/// The server's side of HTTP/2, frame by frame.
struct Frames(Peer);

impl Frames {
    /// Accepts a connection; says its settings and hears ours acknowledged.
    async fn accept(server: &Server, settings: &[u8]) -> Self {
        let mut frames = Self(server.accept().await);
        let preface = frames.0.bytes(24).await;
        assert_eq!(preface, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
        frames.say(SETTINGS, 0, 0, settings).await;
        frames
    }

    async fn say(&mut self, kind: u8, flags: u8, stream: u8, payload: &[u8]) {
        let length = u8::try_from(payload.len()).unwrap();
        let mut frame = vec![0, 0, length, kind, flags, 0, 0, 0, stream];
        frame.extend_from_slice(payload);
        self.0.write(&frame).await;
    }

    /// The stream of the next frame of a kind; settings are acknowledged on the way.
    async fn next(&mut self, wanted: u8) -> u8 {
        loop {
            let head = self.0.bytes(9).await;
            let length = usize::from(head[1]) << 8 | usize::from(head[2]);
            self.0.bytes(length).await;
            let (kind, flags, stream) = (head[3], head[4], head[8]);
            if kind == SETTINGS && flags & ACK == 0 {
                self.say(SETTINGS, ACK, 0, &[]).await;
            }
            if kind == wanted {
                return stream;
            }
        }
    }

    /// Answers a request with 200 and a body.
    async fn answer(&mut self, stream: u8, body: &str) {
        // 0x88 is `:status: 200` in HPACK's static table.
        self.say(HEADERS, END_HEADERS, stream, &[0x88]).await;
        self.say(DATA, END_STREAM, stream, body.as_bytes()).await;
    }

    /// Waits until our settings have arrived, and with them what was said before.
    async fn settled(&mut self) {
        while self.next(SETTINGS).await != 0 {}
    }
}

fn setting(name: u8, value: u8) -> [u8; 6] {
    [0, name, 0, 0, 0, value]
}

async fn bench() -> (Server, Bench) {
    let server = Server::new().await;
    let bench = Bench::new(Protocol::Http2, server.address());
    (server, bench)
}

#[tokio::test]
async fn requests_share_one_connection_however_many_come_first() {
    local(async {
        let (server, bench) = bench().await;
        let serve = async {
            let mut peer = Frames::accept(&server, &[]).await;
            let mut streams = Vec::new();
            for _ in 0..20 {
                streams.push(peer.next(HEADERS).await);
            }
            assert_eq!(bench.connections().await, 1);
            for stream in streams {
                peer.answer(stream, "ok").await;
            }
        };
        let all = futures::future::join_all((0..20).map(|_| bench.get("/")));
        let (all, ()) = join!(all, serve);
        assert!(all.into_iter().all(|got| got.unwrap().0 == "ok"));
    })
    .await;
}

#[tokio::test]
async fn a_backend_without_tls_speaks_http2_when_the_request_wants_it() {
    local(async {
        let server = Server::new().await;
        let bench = Bench::new(Protocol::Auto, server.address());
        let picked = bench.pick().await;
        let grpc = Target { want_h2: true, ..target(&picked) };
        let serve = async {
            let mut peer = Frames::accept(&server, &[]).await;
            let stream = peer.next(HEADERS).await;
            peer.answer(stream, "ok").await;
            peer
        };
        let (sent, _peer) = join!(bench.pool.send(grpc, get("/")), serve);
        assert_eq!(sent.unwrap().version(), http::Version::HTTP_2);
    })
    .await;
}

#[tokio::test]
async fn another_connection_is_opened_where_the_endpoint_allows_no_more_streams() {
    local(async {
        let (server, bench) = bench().await;
        let serve = async {
            let one = setting(MAX_CONCURRENT_STREAMS, 1);
            let mut first = Frames::accept(&server, &one).await;
            let stream = first.next(HEADERS).await;
            first.say(HEADERS, END_HEADERS, stream, &[0x88]).await;
            let mut second = Frames::accept(&server, &one).await;
            let other = second.next(HEADERS).await;
            second.answer(other, "second").await;
            first.say(DATA, END_STREAM, stream, b"first").await;
            (first, second)
        };
        let ask = async {
            let first = bench.send(get("/")).await.unwrap();
            assert_eq!(bench.get("/").await.unwrap(), ("second".into(), false));
            assert_eq!(first.into_body().collect().await.unwrap().to_bytes(), "first");
            assert_eq!(bench.connections().await, 2);
        };
        join!(serve, ask);
    })
    .await;
}

#[tokio::test]
async fn an_endpoint_that_allows_no_streams_gets_no_more_connections() {
    local(async {
        let server = Server::new().await;
        let mut settings = Settings::default();
        settings.upstream.pending_wait = Duration::from_millis(20);
        let bench = Bench::with(settings, Protocol::Http2, None, server.address());
        let serve = async {
            let mut peer = Frames::accept(&server, &setting(MAX_CONCURRENT_STREAMS, 0)).await;
            let stream = peer.next(HEADERS).await;
            peer.settled().await;
            peer.say(RST_STREAM, 0, stream, &[0, 0, 0, REFUSED_STREAM]).await;
            peer
        };
        // Sent before the settings were known.
        let (sent, _peer) = join!(bench.send(get("/")), serve);
        assert_eq!(sent.unwrap_err().stage, Stage::Unprocessed);
        let error = bench.send(get("/")).await.unwrap_err();
        assert_eq!((error.stage, error.cause), (Stage::NotSent, Cause::PendingTimeout));
        assert_eq!(bench.connections().await, 1);
    })
    .await;
}

#[tokio::test]
async fn a_reset_stream_says_whether_it_was_processed() {
    for (code, stage) in [(REFUSED_STREAM, Stage::Unprocessed), (CANCEL, Stage::Sent)] {
        local(async {
            let (server, bench) = bench().await;
            let serve = async {
                let mut peer = Frames::accept(&server, &[]).await;
                let stream = peer.next(HEADERS).await;
                peer.say(RST_STREAM, 0, stream, &[0, 0, 0, code]).await;
                peer
            };
            let (sent, _peer) = join!(bench.send(get("/")), serve);
            let error = sent.unwrap_err();
            assert_eq!((error.stage, error.cause), (stage, Cause::Reset(code.into())));
        })
        .await;
    }
}

#[tokio::test]
async fn a_goaway_tells_the_streams_above_its_last_from_the_others() {
    local(async {
        let (server, bench) = bench().await;
        let serve = async {
            let mut peer = Frames::accept(&server, &[]).await;
            let (first, second) = (peer.next(HEADERS).await, peer.next(HEADERS).await);
            peer.say(GOAWAY, 0, 0, &[0, 0, 0, first, 0, 0, 0, 0]).await;
            assert!(second > first);
            peer.answer(first, "still").await;
        };
        let (one, two, ()) = join!(bench.get("/"), bench.get("/"), serve);
        // Which of them came first is up to the runtime.
        let (good, bad) = if one.is_ok() { (one, two) } else { (two, one) };
        assert_eq!(good.unwrap().0, "still");
        let error = bad.unwrap_err();
        assert_eq!((error.stage, error.cause), (Stage::Unprocessed, Cause::GoAway));
    })
    .await;
}

#[tokio::test]
async fn a_stream_below_a_goaways_last_that_breaks_may_have_been_processed() {
    local(async {
        let (server, bench) = bench().await;
        let serve = async {
            let mut peer = Frames::accept(&server, &[]).await;
            let stream = peer.next(HEADERS).await;
            // Even with an error of its own.
            peer.say(GOAWAY, 0, 0, &[0, 0, 0, stream, 0, 0, 0, 2]).await;
        };
        let (sent, ()) = join!(bench.send(get("/")), serve);
        let error = sent.unwrap_err();
        assert_eq!((error.stage, error.cause), (Stage::Sent, Cause::Closed));
    })
    .await;
}

#[tokio::test]
async fn after_a_goaway_the_next_request_goes_on_another_connection() {
    local(async {
        let (server, bench) = bench().await;
        let serve = async {
            let mut first = Frames::accept(&server, &[]).await;
            let stream = first.next(HEADERS).await;
            first.answer(stream, "one").await;
            first.say(GOAWAY, 0, 0, &[0, 0, 0, stream, 0, 0, 0, 0]).await;
            let mut second = Frames::accept(&server, &[]).await;
            let stream = second.next(HEADERS).await;
            second.answer(stream, "two").await;
            second
        };
        let ask = async {
            assert_eq!(bench.get("/").await.unwrap(), ("one".into(), false));
            // A POST: none of it may have gone to the first connection.
            let response = bench.send(post(text("body"))).await;
            assert_eq!(response.unwrap().into_body().collect().await.unwrap().to_bytes(), "two");
        };
        join!(serve, ask);
    })
    .await;
}

#[tokio::test]
async fn a_request_that_cannot_be_repeated_never_meets_a_connection_that_closed_while_idle() {
    local(async {
        let (server, bench) = bench().await;
        let serve = async {
            let mut peer = Frames::accept(&server, &[]).await;
            let stream = peer.next(HEADERS).await;
            peer.answer(stream, "ok").await;
            peer.settled().await;
        };
        let (got, ()) = join!(bench.get("/"), serve);
        assert_eq!(got.unwrap().0, "ok");
        // The close has reached our kernel, and perhaps nobody else.
        let serve = async {
            let mut peer = Frames::accept(&server, &[]).await;
            let stream = peer.next(HEADERS).await;
            peer.answer(stream, "again").await;
            peer
        };
        let (sent, _peer) = join!(bench.send(post(text("body"))), serve);
        assert!(!sent.unwrap().body().reused());
    })
    .await;
}

#[tokio::test]
async fn a_connection_that_breaks_takes_its_streams_along() {
    local(async {
        let (server, bench) = bench().await;
        let serve = async {
            let mut peer = Frames::accept(&server, &[]).await;
            peer.next(HEADERS).await;
        };
        let (sent, ()) = join!(bench.send(get("/")), serve);
        let error = sent.unwrap_err();
        assert_eq!((error.stage, error.cause), (Stage::Sent, Cause::Closed));
        bench.until_connections(0).await;
    })
    .await;
}

#[tokio::test]
async fn an_endpoint_that_does_not_speak_http2_is_told_so() {
    local(async {
        let (server, bench) = bench().await;
        let serve = async {
            let mut peer = server.accept().await;
            peer.say("HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n").await;
            peer
        };
        let (sent, _peer) = join!(bench.send(get("/")), serve);
        assert!(matches!(sent.unwrap_err().cause, Cause::Malformed(_) | Cause::Closed));
    })
    .await;
}

#[tokio::test]
async fn who_leaves_early_resets_the_stream_and_keeps_the_connection() {
    local(async {
        let (server, bench) = bench().await;
        let serve = async {
            let mut peer = Frames::accept(&server, &[]).await;
            let stream = peer.next(HEADERS).await;
            peer.say(HEADERS, END_HEADERS, stream, &[0x88]).await;
            assert_eq!(peer.next(RST_STREAM).await, stream);
            let stream = peer.next(HEADERS).await;
            peer.answer(stream, "two").await;
            peer
        };
        let ask = async {
            drop(bench.send(get("/")).await.unwrap());
            assert_eq!(bench.get("/").await.unwrap(), ("two".into(), true));
        };
        join!(serve, ask);
    })
    .await;
}

#[tokio::test]
async fn a_retired_connection_ends_with_its_last_stream() {
    local(async {
        let (server, bench) = bench().await;
        let serve = async {
            let mut peer = Frames::accept(&server, &[]).await;
            let stream = peer.next(HEADERS).await;
            peer.say(HEADERS, END_HEADERS, stream, &[0x88]).await;
            (peer, stream)
        };
        let (sent, (mut peer, stream)) = join!(bench.send(get("/")), serve);
        bench.put(server.address(), EndpointState::NotReady);
        bench.pool.retire(Retired::Many);
        assert_eq!(bench.backends.view()[0].endpoints[0].connections, 1);
        peer.say(DATA, END_STREAM, stream, b"whole").await;
        let body = sent.unwrap().into_body().collect().await.unwrap().to_bytes();
        assert_eq!(body, "whole");
        peer.0.closed().await;
    })
    .await;
}

#[tokio::test]
async fn an_idle_connection_ends_at_its_limit() {
    local(async {
        let (server, bench) = bench().await;
        let serve = async {
            let mut peer = Frames::accept(&server, &[]).await;
            let stream = peer.next(HEADERS).await;
            peer.answer(stream, "one").await;
            peer
        };
        let (got, mut peer) = join!(bench.get("/"), serve);
        got.unwrap();
        bench.pool.tidy(Instant::now() + Duration::from_secs(3600));
        peer.0.closed().await;
        bench.until_connections(0).await;
    })
    .await;
}
