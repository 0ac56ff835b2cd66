//! Every protocol that clients and backends speak, through the gateway.

use std::time::Duration;

use bytes::Bytes;
use futures::channel::mpsc;
use futures::{SinkExt, StreamExt};
use http::{Method, StatusCode, Version};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use tokio_tungstenite::tungstenite::Message;

use crate::harness::client::{Answer, Client, connect, full};
use crate::harness::echo::Echo;
use crate::harness::grpc::Call;
use crate::harness::manifest::{everything_to, grpc_route, route, service, service_with};
use crate::harness::raw;
use crate::harness::site::Site;
use crate::harness::within;

const HOST: &str = "a.example.com";
const GRPC: &str = "grpc.example.com";

/// Everything to one echo, over HTTP/1.1 and, on a host of its own, gRPC.
async fn site() -> (Echo, Site) {
    let echo = Echo::start("v1").await;
    let site = Site::serve(&[
        ("v1.yaml", service("v1", &[echo.address])),
        ("route.yaml", route("all", HOST, &everything_to("v1"))),
        ("grpc.yaml", grpc_route("calls", GRPC, &everything_to("v1"))),
    ])
    .await;
    (echo, site)
}

#[tokio::test]
async fn one_port_speaks_http1_and_http2_by_prior_knowledge() {
    let (_echo, site) = site().await;
    let mut clients = [Client::http1(site.address()).await, Client::http2(site.address()).await];
    for (client, version) in clients.iter_mut().zip([Version::HTTP_11, Version::HTTP_2]) {
        for path in ["/one", "/two"] {
            let answer = client.get(HOST, path).await;
            assert_eq!((answer.status, answer.version), (StatusCode::OK, version));
            assert_eq!((answer.json()["path"].as_str()), Some(path));
            assert_eq!(answer.json()["host"], HOST);
        }
    }
}

#[tokio::test]
async fn an_h2c_backend_is_spoken_to_in_http2() {
    let echo = Echo::start("v1").await;
    let h2c = service_with("v1", "appProtocol: kubernetes.io/h2c", &[(echo.address, "{}")]);
    let site =
        Site::serve(&[("v1.yaml", h2c), ("route.yaml", route("all", HOST, &everything_to("v1")))])
            .await;
    let answer = site.get(HOST, "/").await;
    assert_eq!(answer.json()["protocol"], "HTTP/2.0");
    assert_eq!(answer.version, Version::HTTP_11);
}

#[tokio::test]
async fn http_1_0_is_answered_and_closed() {
    let (_echo, site) = site().await;
    let request = format!("GET /bytes/5 HTTP/1.0\r\nHost: {HOST}\r\n\r\n");
    let answer = raw::talk(site.address(), request.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.0 200") || answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.ends_with("\r\n\r\n00000"), "{answer}");
    assert!(!answer.to_ascii_lowercase().contains("transfer-encoding"), "{answer}");
}

#[tokio::test]
async fn bodies_stream_both_ways() {
    let (_echo, site) = site().await;
    for mut client in [Client::http1(site.address()).await, Client::http2(site.address()).await] {
        assert_eq!(client.get(HOST, "/bytes/3000000").await.body.len(), 3_000_000);
        let upload = full(vec![7; 3_000_000]);
        let request = client.request(Method::PUT, HOST, "/sink").body(upload).unwrap();
        assert_eq!(client.call(request).await.text(), "3000000\n");
        let answer = client.get(HOST, "/stream/3").await;
        assert_eq!(answer.text(), "line 1\nline 2\nline 3\n");
    }
}

#[tokio::test]
async fn a_part_of_a_response_arrives_before_the_rest_exists() {
    let (_echo, site) = site().await;
    let mut client = Client::http1(site.address()).await;
    let request = client.request(Method::GET, HOST, "/stream/1000").body(full("")).unwrap();
    let mut response = client.send(request).await.unwrap();
    // A thousand lines take 100 s; the first ones must not wait for the last.
    for line in ["line 1\n", "line 2\n"] {
        let frame = within("a line", response.body_mut().frame()).await.unwrap().unwrap();
        assert_eq!(frame.into_data().unwrap(), line);
    }
}

#[tokio::test]
async fn a_request_body_may_trickle_in_after_100_continue() {
    let (_echo, site) = site().await;
    let mut stream = connect(site.address()).await;
    let head = format!(
        "POST /sink HTTP/1.1\r\nHost: {HOST}\r\nExpect: 100-continue\r\n\
         Content-Length: 6\r\nConnection: close\r\n\r\n"
    );
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    stream.write_all(head.as_bytes()).await.unwrap();
    let interim = raw::read_head(&mut stream).await;
    assert!(interim.starts_with("HTTP/1.1 100"), "{interim}");
    for part in ["abc", "def"] {
        stream.write_all(part.as_bytes()).await.unwrap();
    }
    let mut answer = String::new();
    within("the answer", stream.read_to_string(&mut answer)).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("6\n"), "{answer}");
}

#[tokio::test]
async fn a_response_may_come_while_the_request_is_still_sent() {
    let (_echo, site) = site().await;
    let mut client = Client::http2(site.address()).await;
    let (mut parts, body) = mpsc::channel::<std::io::Result<Frame<Bytes>>>(1);
    parts.send(Ok(Frame::data(Bytes::from("part")))).await.unwrap();
    let body = BodyExt::boxed_unsync(StreamBody::new(body));
    let request = client.request(Method::POST, HOST, "/bytes/3").body(body).unwrap();
    let response = client.send(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    drop(parts);
    assert_eq!(Answer::of(response).await.unwrap().body.len(), 3);
}

#[tokio::test]
async fn websocket_messages_pass_both_ways() {
    let (_echo, site) = site().await;
    let stream = connect(site.address()).await;
    let url = format!("ws://{HOST}/socket");
    let (mut socket, response) = tokio_tungstenite::client_async(url, stream).await.unwrap();
    assert_eq!(response.headers()["echo-name"], "v1");
    for message in [Message::text("hi"), Message::binary(vec![1; 200_000])] {
        socket.send(message.clone()).await.unwrap();
        assert_eq!(within("a message", socket.next()).await.unwrap().unwrap(), message);
    }
    socket.close(None).await.unwrap();
    let end = within("the close", socket.next()).await;
    assert!(end.is_none_or(|message| message.is_ok_and(|message| message.is_close())));
    drop(socket);
    let line = site.access("/socket").await;
    assert_eq!((&line["status"], line.get("flag")), (&101.into(), None), "{line}");
}

#[tokio::test]
async fn grpc_calls_of_all_four_types_pass_with_trailers() {
    let (_echo, site) = site().await;
    let mut client = Client::http2(site.address()).await;
    let call = Call::begin(&mut client, GRPC, "/a.B/Unary", &[], &["one"]).await;
    assert_eq!(call.finish().await, (vec!["one".to_owned()], "0".to_owned()));
    let call = Call::begin(&mut client, GRPC, "/a.B/ServerStream", &[], &["one"]).await;
    assert_eq!(call.finish().await, (vec!["one".to_owned(); 5], "0".to_owned()));
    let call = Call::begin(&mut client, GRPC, "/a.B/ClientStream", &[], &["a", "b"]).await;
    assert_eq!(call.finish().await, (vec!["ab".to_owned()], "0".to_owned()));
    let mut call = Call::begin(&mut client, GRPC, "/a.B/BidiStream", &[], &[]).await;
    for message in ["one", "two", "three"] {
        call.send(message).await;
        assert_eq!(call.next().await.as_deref(), Some(message));
    }
    assert_eq!(call.finish().await, (vec![], "0".to_owned()));
    let wish = [("echo-status", "5")];
    let call = Call::begin(&mut client, GRPC, "/a.B/Unary", &wish, &["one"]).await;
    assert_eq!(call.finish().await.1, "5");
}

#[tokio::test]
async fn head_and_bodiless_statuses_have_no_body() {
    let (_echo, site) = site().await;
    let mut client = Client::http1(site.address()).await;
    let head = client.request(Method::HEAD, HOST, "/bytes/5").body(full("")).unwrap();
    let answer = client.call(head).await;
    assert_eq!((answer.header("content-length"), answer.body.len()), ("5", 0));
    for status in [204, 304] {
        let answer = client.get(HOST, &format!("/status/{status}")).await;
        assert_eq!((answer.status.as_u16(), answer.body.len()), (status, 0));
    }
    // The connection is still in step.
    assert_eq!(client.get(HOST, "/").await.status, StatusCode::OK);
}

#[tokio::test]
async fn many_requests_share_one_http2_connection() {
    let (_echo, site) = site().await;
    let mut client = Client::http2(site.address()).await;
    let mut responses = Vec::new();
    for index in 0..50 {
        let path = format!("/delay/{}", index % 5);
        let request = client.request(Method::GET, HOST, &path).body(full("")).unwrap();
        responses.push(client.send(request).await.unwrap());
    }
    for response in responses {
        assert_eq!(Answer::of(response).await.unwrap().status, StatusCode::OK);
    }
}

#[tokio::test]
async fn a_client_that_leaves_ends_its_request_at_the_backend() {
    let (echo, site) = site().await;
    let mut client = Client::http1(site.address()).await;
    let request = client.request(Method::GET, HOST, "/stream/100000").body(full("")).unwrap();
    let mut response = client.send(request).await.unwrap();
    within("a line", response.body_mut().frame()).await.unwrap().unwrap();
    drop((client, response));
    let line = site.access("/stream/100000").await;
    assert!(line["flag"].is_string(), "{line}");
    assert!(line["duration_seconds"].as_f64().unwrap() < Duration::from_secs(20).as_secs_f64());
    drop(echo);
}
