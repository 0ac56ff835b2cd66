//! What still runs at the deadline of a drain.

use std::future::pending;

use bytes::Bytes;
use futures::{SinkExt, StreamExt};
use http::Response;
use http_body_util::Full;
use tokio_tungstenite::tungstenite::Message;

use super::{asked, serve, standing};
use crate::harness::backend::Backend;
use crate::harness::client::{Client, connect};
use crate::harness::echo::Echo;
use crate::harness::grpc::Call;
use crate::harness::manifest::{everything_to, grpc_route, route, service};
use crate::harness::site::{Setup, Site};
use crate::harness::within;

const HOST: &str = "a.example.com";
const CALLS: &str = "grpc.example.com";

/// What drains have cut, of this kind.
async fn cut(site: &Site, kind: &str) -> u64 {
    let metrics = site.admin("/metrics").await.text();
    let name = format!("headgate_drain_cut_total{{kind=\"{kind}\"}} ");
    metrics.lines().find_map(|line| line.strip_prefix(&name)?.parse().ok()).unwrap_or(0)
}

#[tokio::test]
async fn tunnels_and_calls_end_at_the_deadline_each_in_its_own_words_and_none_before() {
    let echo = Echo::start("echo").await;
    let setup = Setup::new()
        .file("echo.yaml", &service("echo", &[echo.address]))
        .file("route.yaml", &route("all", HOST, &everything_to("echo")))
        .file("calls.yaml", &grpc_route("calls", CALLS, &everything_to("echo")));
    let (site, drain) = serve(setup).await;
    let stream = connect(site.address()).await;
    let url = format!("ws://{HOST}/socket");
    let (mut socket, _) = tokio_tungstenite::client_async(url, stream).await.unwrap();
    let mut client = Client::http2(site.address()).await;
    let mut call = Call::begin(&mut client, CALLS, "/a.B/BidiStream", &[], &["hello"]).await;
    assert_eq!(call.next().await.as_deref(), Some("hello"));

    let drained = asked(drain, &format!("address={}&timeout=2s", echo.address));
    let left = standing(site.admin).await;
    assert_eq!([&left["requests"], &left["streams"], &left["tunnels"]], [0, 1, 1]);
    // Both go on as if nothing had happened.
    socket.send(Message::text("still here")).await.unwrap();
    let echoed = within("a WebSocket message", socket.next()).await.unwrap().unwrap();
    assert_eq!(echoed, Message::text("still here"));
    call.send("still here").await;
    assert_eq!(call.next().await.as_deref(), Some("still here"));
    if !drained.is_finished() {
        assert_eq!((cut(&site, "stream").await, cut(&site, "tunnel").await), (0, 0));
    }

    let last = within("the end of the WebSocket", socket.next()).await.unwrap().unwrap();
    let Message::Close(Some(close)) = last else { panic!("no close frame: {last:?}") };
    assert_eq!(u16::from(close.code), 1001);
    assert_eq!(call.finish().await, (vec![], "14".to_owned()));
    let answer = within("the drain", drained).await.unwrap().json();
    assert_eq!(answer["answer"], "drained", "{answer}");
    assert_eq!([&answer["cut"]["streams"], &answer["cut"]["tunnels"]], [1, 1]);
    assert_eq!((cut(&site, "stream").await, cut(&site, "tunnel").await), (1, 1));
    assert_eq!(cut(&site, "request").await, 0);
    assert_eq!(site.access("/socket").await["flag"], "drained");
}

#[tokio::test]
async fn a_call_without_an_answer_yet_gets_one_that_its_client_may_repeat() {
    let silent = Backend::start(|_| pending::<Response<Full<Bytes>>>()).await;
    let fields = "appProtocol: kubernetes.io/h2c";
    let setup = Setup::new()
        .file(
            "silent.yaml",
            &crate::harness::manifest::service_with("silent", fields, &[(silent.address, "{}")]),
        )
        .file("calls.yaml", &grpc_route("calls", CALLS, &everything_to("silent")));
    let (site, drain) = serve(setup).await;
    let address = site.address();
    let call = tokio::spawn(async move {
        let mut client = Client::http2(address).await;
        let call = Call::begin(&mut client, CALLS, "/a.B/Unary", &[], &["hello"]).await;
        call.finish().await
    });
    silent.saw(1).await;
    let drained = asked(drain, &format!("address={}&timeout=1s", silent.address));
    assert_eq!(within("the call", call).await.unwrap(), (vec![], "14".to_owned()));
    let answer = within("the drain", drained).await.unwrap().json();
    assert_eq!((&answer["answer"], &answer["cut"]["streams"]), (&"drained".into(), &1.into()));
    assert_eq!(cut(&site, "stream").await, 1);
}

#[tokio::test]
async fn a_backend_may_have_deadlines_of_its_own() {
    const POLICY: &str = "apiVersion: headgate.dev/v1alpha1
kind: BackendLifecyclePolicy
metadata: {name: held, namespace: default}
spec:
  targetRefs: [{group: \"\", kind: Service, name: held}]
  drain: {requests: 1s}
";
    let (site, _, backend, _gate, request) = super::with_a_request().await;
    site.change(|folder| folder.write("policy.yaml", POLICY)).await;
    let address = site.address();
    // Begun under the policy; the one before it is none of its business.
    let second = tokio::spawn(async move { Client::http1(address).await.get(HOST, "/2").await });
    backend.saw(2).await;
    let drained = asked(site.admin, &format!("address={}&timeout=20s", backend.address));
    let answer = within("the request", second).await.unwrap();
    assert_eq!(answer.status, 503);
    assert_eq!(site.access("/2").await["flag"], "no_endpoint", "the law had it tried again");
    assert_eq!(cut(&site, "request").await, 1);
    assert!(!request.is_finished() && !drained.is_finished());
    drained.abort();
}
