//! HTTP/2 on both sides: streams refused, trailers, calls.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;

use bytes::Bytes;
use h2::Reason;
use http::{HeaderMap, Request, Response, StatusCode, Version};
use snapshot::Protocol;
use tokio::net::TcpListener;

use super::bed::{Bed, Plan, run, to};
use super::scripted::nobody;

/// What a backend does with a stream.
#[derive(Clone, Copy)]
enum Does {
    Refuses,
    /// Answers with what it got, and a gRPC status behind it.
    Echoes,
    /// Answers at once, and resets when it has read the request.
    BreaksOff,
}

/// The requests that a backend has read to their end, with their bodies and trailers.
type Seen = Rc<RefCell<Vec<(Request<()>, String, HeaderMap)>>>;

async fn backend(script: &'static [Does]) -> (SocketAddr, Seen) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let seen = Seen::default();
    let all = seen.clone();
    tokio::task::spawn_local(async move {
        let mut script = script.iter().copied();
        while let Ok((stream, _)) = listener.accept().await {
            let mut connection = h2::server::handshake(stream).await.unwrap();
            while let Some(Ok((request, answer))) = connection.accept().await {
                let does = script.next().unwrap_or(Does::Echoes);
                tokio::task::spawn_local(serve(does, request, answer, all.clone()));
            }
        }
    });
    (address, seen)
}

async fn serve(
    does: Does,
    request: Request<h2::RecvStream>,
    mut answer: h2::server::SendResponse<Bytes>,
    seen: Seen,
) {
    if matches!(does, Does::Refuses) {
        return answer.send_reset(Reason::REFUSED_STREAM);
    }
    let (head, mut body) = request.into_parts();
    if matches!(does, Does::BreaksOff) {
        let mut to = answer.send_response(Response::new(()), false).unwrap();
        to.send_data("half".into(), false).unwrap();
        read(&mut body).await;
        return to.send_reset(Reason::INTERNAL_ERROR);
    }
    let (text, trailers) = read(&mut body).await;
    let Some(trailers) = trailers else { return };
    let kind = head.headers.get("content-type").cloned();
    seen.borrow_mut().push((Request::from_parts(head, ()), text.clone(), trailers));
    let mut response = Response::new(());
    response.headers_mut().extend(kind.map(|kind| (http::header::CONTENT_TYPE, kind)));
    let mut to = answer.send_response(response, false).unwrap();
    to.send_data(text.into(), false).unwrap();
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", "0".parse().unwrap());
    trailers.insert("content-length", "99".parse().unwrap());
    to.send_trailers(trailers).unwrap();
}

/// The body and its trailers; `None` instead of them when the stream was reset.
async fn read(body: &mut h2::RecvStream) -> (String, Option<HeaderMap>) {
    let mut text = Vec::new();
    let mut reset = false;
    while let Some(data) = body.data().await {
        let Ok(data) = data else {
            reset = true;
            break;
        };
        body.flow_control().release_capacity(data.len()).unwrap();
        text.extend_from_slice(&data);
    }
    let trailers = body.trailers().await.ok().filter(|_| !reset);
    (String::from_utf8(text).unwrap(), trailers.map(Option::unwrap_or_default))
}

/// What came back on a stream.
struct Answer {
    status: StatusCode,
    head: HeaderMap,
    body: String,
    /// `None` when the stream was reset.
    trailers: Option<HeaderMap>,
}

/// A gRPC call, as far as HTTP/2 sees it.
async fn call(bed: &Bed, path: &str, trailers: Option<HeaderMap>) -> Answer {
    let client = bed.client2().await;
    let request = Request::post(format!("http://a.com{path}"))
        .version(Version::HTTP_2)
        .header("content-type", "application/grpc+proto")
        .header("te", "trailers")
        .header("cookie", "a=1")
        .header("cookie", "b=2")
        .body(())
        .unwrap();
    let (answer, mut to) = client.ready().await.unwrap().send_request(request, false).unwrap();
    to.send_data(Bytes::from_static(b"call"), trailers.is_none()).unwrap();
    if let Some(trailers) = trailers {
        to.send_trailers(trailers).unwrap();
    }
    let (head, mut body) = answer.await.unwrap().into_parts();
    let (text, trailers) = read(&mut body).await;
    Answer { status: head.status, head: head.headers, body: text, trailers }
}

async fn bed(script: &'static [Does]) -> (Bed, Seen) {
    let (address, seen) = backend(script).await;
    let plan = Plan::new().backend_with("main", Protocol::Http2, &[address]).route("/", |_| {});
    (plan.bed(), seen)
}

#[test]
fn a_call_goes_there_and_back_with_its_trailers() {
    run(async {
        let (bed, seen) = bed(&[]).await;
        let mut trailers = HeaderMap::new();
        trailers.insert("grpc-x", "1".parse().unwrap());
        trailers.insert("x-user", "root".parse().unwrap());
        let answer = call(&bed, "/pkg.Service/Method", Some(trailers)).await;
        assert_eq!((answer.status.as_u16(), answer.body.as_str()), (200, "call"));
        let got = answer.trailers.unwrap();
        assert_eq!(got["grpc-status"], "0");
        assert!(!got.contains_key("content-length"));
        let (request, body, trailers) = seen.borrow_mut().pop().unwrap();
        assert_eq!(request.uri(), "http://a.com/pkg.Service/Method");
        assert_eq!((body.as_str(), trailers.len()), ("call", 1));
        assert_eq!(request.headers()["te"], "trailers");
        assert_eq!(request.headers()["cookie"], "a=1; b=2");
    });
}

#[test]
fn a_stream_that_was_refused_is_sent_again_with_its_body() {
    run(async {
        let (bed, seen) = bed(&[Does::Refuses, Does::Refuses]).await;
        let answer = call(&bed, "/", None).await;
        assert_eq!(answer.body, "call");
        assert_eq!(seen.borrow().len(), 1);
        let log = bed.log().await;
        assert_eq!((&log[0]["tries"], &log[0]["retry"]), (&3.into(), &"law".into()));
        assert_eq!(log[0]["retry_reason"], "refused_stream");
    });
}

#[test]
fn a_stream_that_breaks_off_is_reset_and_not_ended() {
    run(async {
        let (bed, _seen) = bed(&[Does::BreaksOff]).await;
        let client = bed.client2().await;
        let request = Request::post("http://a.com/").version(Version::HTTP_2).body(()).unwrap();
        let (answer, mut to) = client.ready().await.unwrap().send_request(request, false).unwrap();
        let mut body = answer.await.unwrap().into_body();
        assert_eq!(body.data().await.unwrap().unwrap(), "half");
        to.send_data(Bytes::new(), true).unwrap();
        assert!(matches!(body.data().await, Some(Err(_))));
        drop((to, body));
        assert_eq!(bed.log().await[0]["flag"], "incomplete");
    });
}

#[test]
fn a_grpc_client_gets_every_failure_as_a_status() {
    run(async {
        let bed = Plan::new()
            .backend("down", &[nobody().await])
            .route("/down", |route| route.backends = vec![to("down")])
            .route("/gone", |route| route.backends = vec![to("gone")])
            .bed();
        for (path, code) in [("/down", "14"), ("/gone", "14"), ("/none", "12")] {
            let answer = call(&bed, path, None).await;
            assert_eq!(answer.status, 200, "{path}");
            assert_eq!(answer.trailers, Some(HeaderMap::new()), "{path}");
            assert_eq!(answer.head["grpc-status"], code, "{path}");
            assert_eq!(answer.head["content-type"], "application/grpc");
            assert!(answer.head.contains_key("grpc-message"));
        }
        assert_eq!(bed.log().await[0]["flag"], "connect_failed");
    });
}

#[test]
fn a_client_that_resets_its_stream_ends_the_request() {
    run(async {
        let (address, _seen) = backend(&[]).await;
        let bed =
            Plan::new().backend_with("main", Protocol::Http2, &[address]).route("/", |_| {}).bed();
        let client = bed.client2().await;
        let request = Request::post("http://a.com/").version(Version::HTTP_2).body(()).unwrap();
        let (answer, mut to) = client.ready().await.unwrap().send_request(request, false).unwrap();
        while !bed.metrics().contains("headgate_requests_in_flight 1") {
            tokio::task::yield_now().await;
        }
        to.send_reset(Reason::CANCEL);
        assert!(answer.await.is_err());
        while !bed.metrics().contains("headgate_requests_in_flight 0") {
            tokio::task::yield_now().await;
        }
        drop(to);
        assert_eq!(bed.log().await[0]["flag"], "client_gone");
    });
}
