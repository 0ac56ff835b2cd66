//! Requests from a client's bytes to a backend's and back.

mod bed;
mod goaway;
mod http2;
mod scripted;

use std::sync::Arc;
use std::time::{Duration, Instant};

use snapshot::{Filter, Fraction, Mirror, Redirect, Retry, Session, SessionCarrier, Target};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use bed::{Bed, Plan, backend, run, to};
use scripted::Does::{Echoes, Hangs, Says, SaysAndLeaves};
use scripted::{LEAVES, OK, Scripted, nobody};

const POST: &str =
    "POST / HTTP/1.1\r\nhost: a.com\r\nconnection: close\r\ncontent-length: 4\r\n\r\nbody";

/// A gateway with one route for everything, to a backend that does this.
async fn simple(script: &'static [scripted::Does]) -> (Bed, Scripted) {
    let main = Scripted::new(script).await;
    let plan = Plan::new().backend("main", &[main.address]).route("/", |_| {});
    (plan.bed(), main)
}

#[track_caller]
fn starts(answer: &str, with: &str) {
    assert!(answer.starts_with(with), "{answer}");
}

#[test]
fn a_request_reaches_its_backend_in_one_form() {
    run(async {
        let (bed, main) = simple(&[OK]).await;
        let answer = bed
            .ask(
                "GET /x/../y?q HTTP/1.1\r\nhost: A.com.\r\nconnection: close, x-hop\r\n\
                 x-hop: 1\r\nx-forwarded-for: 6.6.6.6\r\nx_under: 1\r\nte: gzip\r\n\
                 x-request-id: mine\r\na: b\r\n\r\n",
            )
            .await;
        starts(&answer, "HTTP/1.1 200 OK\r\n");
        assert!(answer.ends_with("\r\n\r\nok"), "{answer}");
        let head = main.seen()[0].head.clone();
        starts(&head, "get /y?q http/1.1\r\n");
        for line in ["host: a.com", "x-forwarded-for: 192.0.2.7", "a: b"] {
            assert!(head.lines().any(|seen| seen == line), "{line} in {head}");
        }
        for gone in ["x-hop", "6.6.6.6", "x_under", "te:", "mine", "connection:"] {
            assert!(!head.contains(gone), "{gone} in {head}");
        }
        let log = bed.log().await;
        assert_eq!(log[0]["status"], 200);
        assert_eq!(log[0]["tries"], 1);
        assert_eq!(log[0]["flag"], serde_json::Value::Null);
        assert!(head.contains(log[0]["id"].as_str().unwrap()));
    });
}

#[test]
fn a_refused_connection_costs_nothing_but_another_try() {
    run(async {
        let main = Scripted::new(&[OK]).await;
        let plan = Plan::new().backend("main", &[nobody().await, main.address]).route("/", |_| {});
        let bed = plan.bed();
        // The refused one is chosen half of the time until it is: 64 times is as good as for ever.
        for _ in 0..64 {
            starts(&bed.ask(POST).await, "HTTP/1.1 200");
        }
        assert!(main.seen().iter().all(|seen| seen.body == "body"));
        assert_eq!(main.seen().len(), 64);
        let log = bed.log().await;
        assert!(log.iter().any(|line| line["tries"] == 2 && line["retry"] == "law"), "{log:?}");
        let mut reasons = log.iter().filter_map(|line| line["retry_reason"].as_str());
        assert!(reasons.all(|reason| reason == "not_sent"), "{log:?}");
    });
}

#[test]
fn a_refused_connection_is_no_case_for_the_budget() {
    run(async {
        let main = Scripted::new(&[OK]).await;
        let mut plan = Plan::new().backend("main", &[nobody().await, main.address]);
        (plan.settings.retry.budget_percent, plan.settings.retry.budget_floor) = (0, 0);
        let bed = plan.route("/", |_| {}).bed();
        // The refused one is chosen half of the time until it is.
        for _ in 0..64 {
            starts(&bed.ask(POST).await, "HTTP/1.1 200");
        }
        assert!(bed.log().await.iter().any(|line| line["tries"] == 2));
    });
}

#[test]
fn failures_have_their_status_and_their_flag() {
    run(async {
        let garbage = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n";
        let switch = "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\n\r\n";
        let garbage = Scripted::new(Box::leak(Box::new([Says(garbage)]))).await;
        let switch = Scripted::new(Box::leak(Box::new([Says(switch)]))).await;
        let silent = Scripted::new(&[Hangs]).await;
        let leaves = Scripted::new(&[LEAVES]).await;
        let short = |ms| Some(Duration::from_millis(ms));
        let bed = Plan::new()
            .backend("down", &[nobody().await])
            .backend("empty", &[])
            .backend("garbage", &[garbage.address])
            .backend("switch", &[switch.address])
            .backend("silent", &[silent.address])
            .backend("leaves", &[leaves.address])
            .route("/down", |route| route.backends = vec![to("down")])
            .route("/empty", |route| route.backends = vec![to("empty")])
            .route("/garbage", |route| route.backends = vec![to("garbage")])
            .route("/switch", |route| route.backends = vec![to("switch")])
            .route("/leaves", |route| route.backends = vec![to("leaves")])
            .route("/nobody", |route| route.backends = Vec::new())
            .route("/gone", |route| route.backends = vec![to("gone")])
            .route("/invalid", |route| {
                route.backends[0].target = Target::Invalid("no such service".into());
            })
            .route("/filter", |route| route.filters = vec![Filter::Unsupported("x".into())])
            .route("/try", |route| {
                route.backends = vec![to("silent")];
                route.timeouts.backend_request = short(50);
            })
            .route("/request", |route| {
                route.backends = vec![to("silent")];
                route.timeouts.request = short(50);
            })
            .bed();
        let cases = [
            ("/down", 502, "connect_failed"),
            ("/empty", 503, "no_endpoint"),
            ("/garbage", 502, "garbage"),
            ("/switch", 502, "garbage"),
            ("/leaves", 502, "reset"),
            ("/nobody", 500, "no_backend"),
            ("/gone", 500, "refused_backend"),
            ("/invalid", 500, "invalid_backend"),
            ("/filter", 500, "unsupported_filter"),
            ("/try", 504, "try_timeout"),
            ("/request", 504, "request_timeout"),
            ("/none", 404, "no_route"),
            ("/a%2fb", 400, "bad_path"),
        ];
        for (path, status, _) in cases {
            let answer = bed.get(path).await;
            starts(&answer, &format!("HTTP/1.1 {status} "));
            assert_eq!(answer.contains("retry-after: 1"), status == 503, "{answer}");
        }
        let log = bed.log().await;
        for ((path, status, flag), line) in cases.iter().zip(&log) {
            assert_eq!(
                (&line["status"], &line["flag"]),
                (&(*status).into(), &(*flag).into()),
                "{path}"
            );
        }
    });
}

#[test]
fn a_connection_that_breaks_unanswered_is_tried_again_only_where_that_is_harmless() {
    run(async {
        let (bed, main) = simple(&[LEAVES, OK, LEAVES, OK]).await;
        let begun = Instant::now();
        starts(&bed.get("/").await, "HTTP/1.1 200");
        assert!(begun.elapsed() >= Duration::from_millis(20), "others may go in the same instant");
        starts(&bed.ask(POST).await, "HTTP/1.1 502");
        assert_eq!(main.seen().len(), 3, "a POST that may have been done is not done twice");
        let log = bed.log().await;
        assert_eq!((&log[0]["tries"], &log[1]["tries"]), (&2.into(), &1.into()));
    });
}

#[test]
fn a_route_gets_the_retries_that_it_asks_for() {
    const NO: scripted::Does = Says("HTTP/1.1 503 No\r\ncontent-length: 2\r\n\r\nno");
    run(async {
        let main = Scripted::new(&[NO, NO, OK, NO, NO, NO, NO]).await;
        let retry = |attempts| {
            let backoff = Some(Duration::from_millis(1));
            Some(Arc::new(Retry { codes: vec![503], attempts, backoff }))
        };
        let bed = Plan::new()
            .backend("main", &[main.address])
            .route("/two", |route| route.retry = retry(2))
            .route("/none", |route| route.retry = retry(0))
            .bed();
        starts(&bed.get("/two").await, "HTTP/1.1 200");
        let answer = bed.get("/two").await;
        starts(&answer, "HTTP/1.1 503 No\r\n");
        assert!(answer.ends_with("no"), "the backend's own answer: {answer}");
        starts(&bed.get("/none").await, "HTTP/1.1 503");
        let log = bed.log().await;
        let tries: Vec<_> = log.iter().map(|line| line["tries"].as_u64().unwrap()).collect();
        assert_eq!(tries, [3, 3, 1]);
        assert_eq!(
            (&log[0]["retry"], &log[0]["retry_reason"]),
            (&"route".into(), &"status".into())
        );
    });
}

#[test]
fn a_response_that_breaks_off_never_looks_complete() {
    run(async {
        for (text, seen) in [
            ("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf", "\r\n\r\nhalf"),
            ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n", "half\r\n"),
        ] {
            let script = Box::leak(Box::new([SaysAndLeaves(text)]));
            let (bed, main) = simple(script).await;
            let answer = bed.get("/").await;
            starts(&answer, "HTTP/1.1 200");
            assert!(answer.ends_with(seen), "{answer}");
            assert_eq!(main.seen().len(), 1, "a response that has begun is not tried again");
            assert!(bed.metrics().contains("cause=\"truncated\"} 1"));
            assert_eq!(bed.log().await[0]["flag"], "incomplete");
        }
    });
}

#[test]
fn a_timeout_of_the_route_ends_a_body_as_well() {
    run(async {
        let main =
            Scripted::new(&[Says("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf")]).await;
        let bed = Plan::new()
            .backend("main", &[main.address])
            .route("/", |route| route.timeouts.request = Some(Duration::from_millis(50)))
            .bed();
        assert!(bed.get("/").await.ends_with("half"));
        assert_eq!(bed.log().await[0]["flag"], "body_timeout");
    });
}

#[test]
fn a_request_that_its_client_leaves_ends_and_is_finished() {
    run(async {
        let (bed, main) = simple(&[Hangs]).await;
        let mut client = bed.client();
        client.write_all(b"GET / HTTP/1.1\r\nhost: a.com\r\n\r\n").await.unwrap();
        while main.seen().is_empty() {
            tokio::task::yield_now().await;
        }
        drop(client);
        while main.left() == 0 {
            tokio::task::yield_now().await;
        }
        let log = bed.log().await;
        assert_eq!(log[0]["flag"], "client_gone");
        assert_eq!(log[0]["status"], serde_json::Value::Null);
    });
}

#[test]
fn a_request_that_is_dropped_anywhere_is_finished_once() {
    run(async {
        let (bed, _main) = simple(&[OK]).await;
        for polls in 0..8 {
            bed.cut.set(polls);
            bed.ask(POST).await;
        }
        // Polled not even once, it has not begun.
        let log = bed.log().await;
        assert_eq!(log.len(), 7);
        assert!(log.iter().any(|line| line["flag"] == "client_gone"));
        assert!(log.iter().any(|line| line["status"] == 200));
    });
}

#[test]
fn a_body_that_nobody_wants_is_read_and_the_connection_goes_on() {
    run(async {
        let (bed, main) = simple(&[OK]).await;
        let answers = bed
            .ask(
                "POST /%2f HTTP/1.1\r\nhost: a.com\r\ncontent-length: 24\r\n\r\n\
                 GET /canary HTTP/1.1\r\n\r\n\
                 GET /good HTTP/1.1\r\nhost: a.com\r\nconnection: close\r\n\r\n",
            )
            .await;
        starts(&answers, "HTTP/1.1 400");
        assert_eq!(answers.matches("HTTP/1.1 200").count(), 1, "{answers}");
        let heads: Vec<_> = main.seen().into_iter().map(|seen| seen.head).collect();
        assert_eq!(heads.len(), 1);
        starts(&heads[0], "get /good ");
    });
}

#[test]
fn a_head_request_gets_a_head() {
    run(async {
        let (bed, _main) = simple(&[Says("HTTP/1.1 200 OK\r\ncontent-length: 7\r\n\r\n")]).await;
        let ask = |path: &str| {
            format!("HEAD {path} HTTP/1.1\r\nhost: a.com\r\nconnection: close\r\n\r\n")
        };
        let answer = bed.ask(&ask("/")).await;
        assert!(answer.contains("content-length: 7\r\n") && answer.ends_with("\r\n\r\n"));
        let answer = bed.ask(&ask("/%2f")).await;
        starts(&answer, "HTTP/1.1 400");
        assert!(answer.contains("content-length: 22\r\n") && answer.ends_with("\r\n\r\n"));
    });
}

#[test]
fn a_get_with_a_body_of_unknown_length_keeps_it() {
    run(async {
        let (bed, main) = simple(&[OK]).await;
        let ask = "GET / HTTP/1.1\r\nhost: a.com\r\nconnection: close\r\n\
                   transfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
        starts(&bed.ask(ask).await, "HTTP/1.1 200");
        assert_eq!(main.seen()[0].body, "abc");
    });
}

#[test]
fn a_body_of_any_size_passes() {
    run(async {
        let (bed, main) = simple(&[OK]).await;
        let body = "x".repeat(300_000);
        let ask = format!(
            "POST / HTTP/1.1\r\nhost: a.com\r\nconnection: close\r\n\
             content-length: {}\r\n\r\n{body}",
            body.len()
        );
        starts(&bed.ask(&ask).await, "HTTP/1.1 200");
        assert_eq!(main.seen()[0].body, body);
        assert_eq!(bed.log().await[0]["received_bytes"], 300_000);
    });
}

#[test]
fn an_expectation_is_answered_here() {
    run(async {
        let (bed, main) = simple(&[OK]).await;
        let mut client = bed.client();
        client
            .write_all(
                b"POST / HTTP/1.1\r\nhost: a.com\r\ncontent-length: 2\r\nconnection: close\r\n\
                  expect: 100-continue\r\n\r\n",
            )
            .await
            .unwrap();
        let mut text = vec![0; 25];
        client.read_exact(&mut text).await.unwrap();
        assert_eq!(text, b"HTTP/1.1 100 Continue\r\n\r\n");
        client.write_all(b"hi").await.unwrap();
        let mut rest = String::new();
        client.read_to_string(&mut rest).await.unwrap();
        starts(&rest, "HTTP/1.1 200");
        assert_eq!(main.seen()[0].body, "hi");
        assert!(!main.seen()[0].head.contains("expect"));
    });
}

#[test]
fn a_client_of_http_1_0_is_served() {
    run(async {
        let (bed, _main) = simple(&[Says(
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        )])
        .await;
        let answer = bed.ask("GET / HTTP/1.0\r\n\r\n").await;
        starts(&answer, "HTTP/1.0 200");
        assert!(!answer.contains("chunked") && answer.ends_with("\r\n\r\nok"), "{answer}");
    });
}

#[test]
fn a_redirect_is_answered_without_a_backend() {
    run(async {
        let redirect = Redirect {
            scheme: Some("https".into()),
            hostname: None,
            path: None,
            port: None,
            status: http::StatusCode::FOUND,
        };
        let bed = Plan::new()
            .route("/", |route| {
                route.backends = Vec::new();
                route.filters = vec![Filter::Redirect(redirect)];
            })
            .bed();
        let answer = bed.get("/a?b").await;
        starts(&answer, "HTTP/1.1 302");
        assert!(answer.contains("location: https://a.com/a?b\r\n"), "{answer}");
        assert_eq!(bed.log().await[0]["tries"], 0);
    });
}

#[test]
fn a_mirror_gets_the_same_and_changes_nothing() {
    run(async {
        let main = Scripted::new(&[OK]).await;
        let copy = Scripted::new(&[Says("HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n")]).await;
        let mirror = |name: &str| {
            let fraction = Fraction { numerator: 1, denominator: 1 };
            Filter::Mirror(Mirror { target: Target::Backend(backend(name)), fraction })
        };
        let bed = Plan::new()
            .backend("main", &[main.address])
            .backend("copy", &[copy.address])
            .backend("down", &[nobody().await])
            .route("/", |route| route.filters = vec![mirror("copy"), mirror("down")])
            .bed();
        starts(&bed.ask(POST).await, "HTTP/1.1 200");
        let log = bed.log().await;
        assert_eq!(log.len(), 1);
        let (main, copy) = (main.seen(), copy.seen());
        assert_eq!((copy.len(), copy[0].body.as_str()), (1, "body"));
        assert_eq!(copy[0].head, main[0].head);
    });
}

#[test]
fn a_session_stays_where_it_began() {
    run(async {
        let (one, two) = (Scripted::new(&[OK]).await, Scripted::new(&[OK]).await);
        let carrier =
            SessionCarrier::Cookie { name: "s".into(), path: "/".into(), permanent: false };
        let bed = Plan::new()
            .backend("main", &[one.address, two.address])
            .route("/", |route| {
                let session = Session { carrier, absolute_timeout: None };
                route.session = Some(session.into());
            })
            .bed();
        let first = bed.get("/").await;
        let cookie = first.lines().find_map(|line| line.strip_prefix("set-cookie: ")).unwrap();
        let pair = cookie.split(';').next().unwrap();
        for _ in 0..20 {
            let ask = format!(
                "GET / HTTP/1.1\r\nhost: a.com\r\nconnection: close\r\ncookie: {pair}\r\n\r\n"
            );
            let answer = bed.ask(&ask).await;
            starts(&answer, "HTTP/1.1 200");
            assert!(!answer.contains("set-cookie"));
        }
        let mut shares = [one.seen().len(), two.seen().len()];
        shares.sort_unstable();
        assert_eq!(shares, [0, 21]);
    });
}

const UPGRADE: &str = "GET /ws HTTP/1.1\r\nhost: a.com\r\nconnection: Upgrade\r\n\
    upgrade: websocket\r\nsec-websocket-key: x\r\n\r\n";

async fn head(client: &mut (impl AsyncReadExt + Unpin)) -> String {
    let mut text = Vec::new();
    while !text.ends_with(b"\r\n\r\n") {
        text.push(client.read_u8().await.unwrap());
    }
    String::from_utf8(text).unwrap()
}

#[test]
fn a_tunnel_carries_both_ways_and_ends_one_way_at_a_time() {
    run(async {
        let (bed, main) = simple(&[Echoes]).await;
        let mut client = bed.client();
        client.write_all(UPGRADE.as_bytes()).await.unwrap();
        let answer = head(&mut client).await;
        starts(&answer, "HTTP/1.1 101");
        assert!(answer.contains("sec-websocket-accept: x"), "{answer}");
        client.write_all(b"ping").await.unwrap();
        let mut echo = [0; 4];
        client.read_exact(&mut echo).await.unwrap();
        assert_eq!(&echo, b"ping");
        client.shutdown().await.unwrap();
        let mut rest = String::new();
        client.read_to_string(&mut rest).await.unwrap();
        assert_eq!(rest, "bye");
        assert!(main.seen()[0].head.contains("upgrade: websocket"));
        let log = bed.log().await;
        assert_eq!(log[0]["status"], 101);
        assert_eq!((&log[0]["received_bytes"], &log[0]["sent_bytes"]), (&4.into(), &7.into()));
        assert_eq!(log[0]["flag"], serde_json::Value::Null);
    });
}

#[test]
fn a_tunnel_says_goodbye_when_the_gateway_stops() {
    run(async {
        let (bed, _main) = simple(&[Echoes]).await;
        let mut client = bed.client();
        client.write_all(UPGRADE.as_bytes()).await.unwrap();
        head(&mut client).await;
        bed.stop();
        let mut rest = Vec::new();
        client.read_to_end(&mut rest).await.unwrap();
        assert_eq!(rest, [0x88, 2, 3, 0xe9]);
        assert_eq!(bed.log().await[0]["flag"], "stopping");
    });
}

#[test]
fn an_upgrade_that_the_backend_declines_is_a_plain_answer() {
    run(async {
        let (bed, _main) = simple(&[OK]).await;
        let mut client = bed.client();
        client.write_all(UPGRADE.as_bytes()).await.unwrap();
        client
            .write_all(b"GET / HTTP/1.1\r\nhost: a.com\r\nconnection: close\r\n\r\n")
            .await
            .unwrap();
        let mut rest = String::new();
        client.read_to_string(&mut rest).await.unwrap();
        assert_eq!(rest.matches("HTTP/1.1 200").count(), 2, "{rest}");
    });
}

#[test]
fn an_upgrade_that_the_backend_does_not_answer_ends() {
    run(async {
        let main = Scripted::new(&[Hangs]).await;
        let mut plan = Plan::new().backend("main", &[main.address]).route("/", |_| {});
        plan.settings.upstream.first_byte_timeout = Duration::from_millis(50);
        let mut client = plan.bed().client();
        client.write_all(UPGRADE.as_bytes()).await.unwrap();
        starts(&head(&mut client).await, "HTTP/1.1 504");
    });
}

/// A request's future is memory for every request that waits: 5 KiB keep 10,000 of them below
/// 50 MiB. Half of it is what sending takes.
#[test]
fn the_future_of_a_request_stays_small() {
    run(async {
        let (bed, _main) = simple(&[OK]).await;
        bed.get("/").await;
        let size = bed.largest.get();
        assert!((1..5 * 1_024).contains(&size), "{size} bytes");
    });
}
