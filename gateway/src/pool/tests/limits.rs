//! How many connections, for how long, and what endpoints that leave mean for them.

use tokio::join;

use super::server::{Server, ok};
use super::*;

async fn bench(change: impl FnOnce(&mut crate::settings::Upstream)) -> (Server, Bench) {
    let server = Server::new().await;
    let mut settings = Settings::default();
    change(&mut settings.upstream);
    let bench = Bench::with(settings, Protocol::Auto, None, server.address());
    (server, bench)
}

#[tokio::test]
async fn a_request_waits_for_a_connection_when_there_are_as_many_as_may_be() {
    local(async {
        let (server, bench) = bench(|upstream| upstream.max_connections = 1).await;
        let serve = async {
            let mut peer = server.accept().await;
            for body in ["one", "two", "three"] {
                peer.answer(ok(body)).await;
            }
        };
        let (one, two, three, ()) = join!(bench.get("/"), bench.get("/"), bench.get("/"), serve);
        assert_eq!(one.unwrap(), ("one".into(), false));
        assert_eq!(two.unwrap(), ("two".into(), true));
        assert_eq!(three.unwrap(), ("three".into(), true));
    })
    .await;
}

#[tokio::test]
async fn a_connection_that_is_closed_makes_room_as_well() {
    local(async {
        let (server, bench) = bench(|upstream| upstream.max_connections = 1).await;
        let serve = async {
            let close = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
            drop(server.answer(close).await);
            server.answer(ok("two")).await
        };
        let (one, two, _peer) = join!(bench.get("/"), bench.get("/"), serve);
        assert!(!one.unwrap().1);
        assert_eq!(two.unwrap(), ("two".into(), false));
    })
    .await;
}

#[tokio::test]
async fn no_more_wait_than_may_and_none_for_longer_than_the_limit() {
    local(async {
        let (server, bench) = bench(|upstream| {
            upstream.max_connections = 1;
            upstream.max_pending = 1;
            upstream.pending_wait = Duration::from_millis(10);
        })
        .await;
        let (first, _peer) = join!(bench.send(get("/")), server.answer("HTTP/1.1 200 OK\r\n\r\n"));
        let (waited, overflow) = join!(bench.get("/"), bench.get("/"));
        let (waited, overflow) = (waited.unwrap_err(), overflow.unwrap_err());
        assert_eq!((waited.stage, waited.cause), (Stage::NotSent, Cause::PendingTimeout));
        assert_eq!((overflow.stage, overflow.cause), (Stage::NotSent, Cause::Overflow));
        assert!(waited.request.is_some() && overflow.request.is_some());
        drop(first);
    })
    .await;
}

#[tokio::test]
async fn idle_connections_end_at_their_limit_and_slots_with_them() {
    local(async {
        let (server, bench) = bench(|upstream| upstream.idle = Duration::from_secs(10)).await;
        let (got, mut peer) = join!(bench.get("/"), server.answer(ok("one")));
        got.unwrap();
        let now = Instant::now();
        bench.pool.tidy(now + Duration::from_secs(9));
        assert_eq!(bench.connections().await, 1);
        bench.pool.tidy(now + Duration::from_secs(11));
        peer.closed().await;
        bench.until_connections(0).await;
        assert!(bench.pool.slots.borrow().is_empty());
    })
    .await;
}

#[tokio::test]
async fn the_endpoints_own_idle_limit_is_kept_if_it_is_shorter() {
    for (keep_alive, after, reused) in [
        ("timeout=5, max=100", 3, true),
        ("timeout=5, max=100", 5, false),
        ("max=100, Timeout = 5", 5, false),
        ("timeout=99999", 3, true),
        ("timeout=0", 0, false),
        ("nonsense", 3, true),
    ] {
        local(async {
            let (server, bench) = bench(|_| {}).await;
            let answer =
                format!("HTTP/1.1 200 OK\r\nkeep-alive: {keep_alive}\r\ncontent-length: 0\r\n\r\n");
            let (got, _peer) = join!(bench.get("/"), server.answer(answer));
            got.unwrap();
            bench.pool.tidy(Instant::now() + Duration::from_secs(after));
            let left = usize::from(reused);
            bench.until_connections(left).await;
        })
        .await;
    }
}

#[tokio::test]
async fn a_connection_takes_no_request_beyond_its_age() {
    local(async {
        let (server, bench) = bench(|upstream| upstream.max_age = Duration::ZERO).await;
        for _ in 0..2 {
            let (got, mut peer) = join!(bench.get("/"), server.answer(ok("new")));
            assert_eq!(got.unwrap(), ("new".into(), false));
            peer.closed().await;
        }
    })
    .await;
}

#[tokio::test]
async fn no_more_are_kept_idle_than_the_limit() {
    local(async {
        let (server, bench) = bench(|upstream| upstream.idle_per_endpoint = 1).await;
        let serve = || server.answer(ok("x"));
        let (one, two, _a, _b) = join!(bench.get("/"), bench.get("/"), serve(), serve());
        assert!(one.is_ok() && two.is_ok());
        bench.until_connections(1).await;
    })
    .await;
}

#[tokio::test]
async fn idle_connections_to_an_endpoint_that_leaves_are_closed_at_once() {
    local(async {
        let (server, bench) = bench(|_| {}).await;
        let (got, mut peer) = join!(bench.get("/"), server.answer(ok("one")));
        got.unwrap();
        let leave = async {
            bench.put(server.address(), EndpointState::NotReady);
            peer.closed().await;
        };
        tokio::select! {
            () = bench.pool.tend() => unreachable!("never ends"),
            () = leave => {}
        }
    })
    .await;
}

#[tokio::test]
async fn a_request_on_an_endpoint_that_leaves_ends_and_its_connection_after_it() {
    local(async {
        let (server, bench) = bench(|_| {}).await;
        let part = "HTTP/1.1 200 OK\r\ncontent-length: 8\r\n\r\npart";
        let (sent, mut peer) = join!(bench.send(get("/")), server.answer(part));
        bench.put(server.address(), EndpointState::NotReady);
        bench.pool.retire(Retired::Many);
        peer.say("whole").await;
        let body = sent.unwrap().into_body().collect().await.unwrap().to_bytes();
        assert_eq!(body, "partwhol");
        peer.closed().await;
    })
    .await;
}

#[tokio::test]
async fn closing_waits_for_what_is_in_use_and_takes_nothing_new() {
    local(async {
        let (server, bench) = bench(|_| {}).await;
        let part = "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n";
        let (sent, mut peer) = join!(bench.send(get("/")), server.answer(part));
        let body = sent.unwrap().into_body();
        let finish = async {
            let refused = bench.send(get("/")).await.unwrap_err();
            assert_eq!((refused.stage, refused.cause), (Stage::NotSent, Cause::Closing));
            assert_eq!(bench.connections().await, 1);
            peer.say("done").await;
            assert_eq!(body.collect().await.unwrap().to_bytes(), "done");
        };
        let started = Instant::now();
        join!(bench.pool.close(Duration::from_secs(60)), finish);
        assert!(started.elapsed() < Duration::from_secs(30), "ended with its connections");
        assert_eq!(bench.connections().await, 0);
    })
    .await;
}

#[tokio::test]
async fn closing_does_not_wait_beyond_its_limit() {
    local(async {
        let (server, bench) = bench(|_| {}).await;
        let part = "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n";
        let (sent, _peer) = join!(bench.send(get("/")), server.answer(part));
        bench.pool.close(Duration::from_millis(5)).await;
        assert!(sent.is_ok());
    })
    .await;
}
