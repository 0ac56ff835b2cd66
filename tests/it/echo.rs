//! `headgate echo` by itself: what other tests and people lean on.

use futures::{SinkExt, StreamExt};
use http::{Method, StatusCode, Version};
use tokio_tungstenite::tungstenite::Message;

use crate::harness::client::{Answer, Client, connect, full};
use crate::harness::echo::Echo;
use crate::harness::grpc::Call;
use crate::harness::within;

#[tokio::test]
async fn it_describes_what_reached_it() {
    let echo = Echo::start("v1").await;
    for mut client in [Client::http1(echo.address).await, Client::http2(echo.address).await] {
        let request = client.request(Method::POST, "shop.example.com", "/cart?x=1");
        let answer = client.call(request.header("x-user", "a").body(full("12345")).unwrap()).await;
        let said = answer.json();
        assert_eq!(said["name"], "v1");
        assert_eq!(said["method"], "POST");
        assert_eq!((&said["path"], &said["query"]), (&"/cart".into(), &"x=1".into()));
        assert_eq!(said["host"], "shop.example.com");
        assert_eq!(said["headers"]["x-user"][0], "a");
        assert_eq!(said["received"], 5);
        let protocol = if answer.version == Version::HTTP_2 { "HTTP/2.0" } else { "HTTP/1.1" };
        assert_eq!(said["protocol"], protocol);
    }
}

#[tokio::test]
async fn words_in_the_path_ask_for_something_else() {
    let echo = Echo::start("v1").await;
    let mut client = Client::http2(echo.address).await;
    assert_eq!(client.get("h", "/a/status/503").await.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(client.get("h", "/bytes/100000").await.body.len(), 100_000);
    assert_eq!(client.get("h", "/stream/2").await.text(), "line 1\nline 2\n");
    let request = client.request(Method::PUT, "h", "/sink").body(full(vec![0; 70_000])).unwrap();
    assert_eq!(client.call(request).await.text(), "70000\n");
}

#[tokio::test]
async fn a_closed_body_is_seen_as_cut() {
    let echo = Echo::start("v1").await;
    for mut client in [Client::http1(echo.address).await, Client::http2(echo.address).await] {
        let request = client.request(Method::GET, "h", "/close").body(full("")).unwrap();
        let response = client.send(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        assert!(Answer::of(response).await.is_err());
    }
}

#[tokio::test]
async fn grpc_calls_of_all_four_types_are_answered() {
    let echo = Echo::start("v1").await;
    let mut client = Client::http2(echo.address).await;
    let call = Call::begin(&mut client, "h", "/a.B/Unary", &[], &["one"]).await;
    assert_eq!(call.headers()["echo-name"], "v1");
    assert_eq!(call.finish().await, (vec!["one".to_owned()], "0".to_owned()));
    let call = Call::begin(&mut client, "h", "/a.B/ServerStream", &[], &["one"]).await;
    assert_eq!(call.finish().await, (vec!["one".to_owned(); 5], "0".to_owned()));
    let call = Call::begin(&mut client, "h", "/a.B/ClientStream", &[], &["a", "b", "c"]).await;
    assert_eq!(call.finish().await, (vec!["abc".to_owned()], "0".to_owned()));
    let mut call = Call::begin(&mut client, "h", "/a.B/BidiStream", &[], &[]).await;
    for message in ["one", "two"] {
        call.send(message).await;
        assert_eq!(call.next().await.as_deref(), Some(message));
    }
    assert_eq!(call.finish().await, (vec![], "0".to_owned()));
    let wish = [("echo-status", "7")];
    let call = Call::begin(&mut client, "h", "/a.B/Unary", &wish, &["one"]).await;
    assert_eq!(call.finish().await.1, "7");
    let call = Call::begin(&mut client, "h", "/a.B/Other", &[], &["one"]).await;
    assert_eq!(call.finish().await.1, "12");
}

#[tokio::test]
async fn websocket_messages_come_back() {
    let echo = Echo::start("v1").await;
    let stream = connect(echo.address).await;
    let (mut socket, response) =
        tokio_tungstenite::client_async("ws://h/any", stream).await.unwrap();
    assert_eq!(response.headers()["echo-name"], "v1");
    for message in [Message::text("hi"), Message::binary(vec![1; 70_000])] {
        socket.send(message.clone()).await.unwrap();
        assert_eq!(within("a message", socket.next()).await.unwrap().unwrap(), message);
    }
    socket.close(None).await.unwrap();
    let end = within("the close", socket.next()).await;
    assert!(end.is_none_or(|message| message.is_ok_and(|message| message.is_close())));
}

#[tokio::test]
async fn it_ends_well_at_a_signal() {
    let mut echo = Echo::start("v1").await;
    let mut client = Client::http1(echo.address).await;
    client.get("h", "/").await;
    echo.process.signal("TERM");
    assert!(echo.process.ended().await.success());
}
