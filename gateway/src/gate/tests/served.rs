//! hyper behind the gate: what a service is asked, and what a client gets.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::rules;
use crate::gate::{self, Gate};
use crate::pace::{Clock, Limits, Pace};
use crate::settings::Client;

/// Serves what `input` holds; gives back the requests that the service saw, and all responses.
async fn serve(input: &[u8]) -> (Vec<String>, String) {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let record = seen.clone();
    let service = service_fn(move |request: Request<Incoming>| {
        let record = record.clone();
        async move {
            let (head, body) = request.into_parts();
            let refusal = gate::refusal(&head.method);
            let body = body.collect().await.map(|body| body.to_bytes());
            let body = body.map_or("broken".into(), |body| body.escape_ascii().to_string());
            record.lock().unwrap().push(match refusal {
                Some(refusal) => refusal.flag.to_owned(),
                None => format!("{} {} [{body}]", head.method, head.uri),
            });
            let mut response = Response::new(Full::new(Bytes::from_static(b"ok")));
            if let Some(refusal) = refusal {
                *response.status_mut() = refusal.status;
            }
            Ok::<_, Infallible>(response)
        }
    });
    let (mut client, server) = tokio::io::duplex(1 << 20);
    let pace = Arc::new(Pace::new(Clock::default(), Limits::new(&Client::default())));
    let gate = Gate::new(server, rules(false), pace, gate::Handle::default());
    let serving = hyper::server::conn::http1::Builder::new()
        .header_read_timeout(None)
        .max_buf_size(64 << 10)
        .serve_connection(TokioIo::new(gate), service);
    client.write_all(input).await.unwrap();
    let mut answers = Vec::new();
    let reading = async {
        // What stands in the input ends the connection; only then does the client close.
        let _ = client.read_to_end(&mut answers).await;
        drop(client);
    };
    let _ = tokio::join!(serving, reading);
    let seen = std::mem::take(&mut *seen.lock().unwrap());
    (seen, String::from_utf8(answers).unwrap())
}

fn statuses(answers: &str) -> Vec<&str> {
    answers.split("HTTP/1.1 ").skip(1).map(|answer| answer.split(' ').next().unwrap()).collect()
}

fn get(path: &str, fields: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nhost: a\r\n{fields}\r\n")
}

#[tokio::test]
async fn fifty_pipelined_requests_are_answered_in_order() {
    let mut input: String = (0..49).map(|number| get(&format!("/{number}"), "")).collect();
    input += &get("/last", "connection: close\r\n");
    let (seen, answers) = serve(input.as_bytes()).await;
    let expected = (0..49).map(|number| format!("GET /{number} []"));
    let expected: Vec<_> = expected.chain(["GET /last []".to_owned()]).collect();
    assert_eq!(seen, expected);
    assert_eq!(statuses(&answers), ["200"; 50]);
}

#[tokio::test]
async fn a_bad_request_is_answered_in_its_turn_and_nothing_after_it_is_executed() {
    let input = get("/1", "") + &get("/2", "") + "GET /3 HTTP/1.1\nhost: a\n\n" + &get("/4", "");
    let (seen, answers) = serve(input.as_bytes()).await;
    assert_eq!(seen, ["GET /1 []", "GET /2 []", "bare_lf"]);
    assert_eq!(statuses(&answers), ["200", "200", "400"]);
    assert!(answers.contains("connection: close"));
}

#[tokio::test]
async fn what_stands_behind_a_body_is_the_next_request() {
    let post = "POST /1 HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n\
        3;x=y\r\nabc\r\n0\r\nt: 1\r\n\r\n";
    let input = post.to_owned()
        + "PUT /2 HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\n\r\nGET "
        + &get("/3", "connection: close\r\n");
    let (seen, answers) = serve(input.as_bytes()).await;
    assert_eq!(seen, ["POST /1 [abc]", "PUT /2 [GET ]", "GET /3 []"]);
    assert_eq!(statuses(&answers), ["200"; 3]);
}

#[tokio::test]
async fn a_broken_body_is_never_complete_and_nothing_follows_it() {
    let input = "POST /1 HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n\
        3\r\nabcd\r\n0\r\n\r\n"
        .to_owned()
        + &get("/2", "");
    let (seen, _) = serve(input.as_bytes()).await;
    assert_eq!(seen, ["POST /1 [broken]"]);
}

#[tokio::test]
async fn nothing_behind_the_last_request_is_executed() {
    let input = get("/1", "connection: close\r\n") + &get("/2", "");
    let (seen, answers) = serve(input.as_bytes()).await;
    assert_eq!(seen, ["GET /1 []"]);
    assert_eq!(statuses(&answers), ["200"]);
}
