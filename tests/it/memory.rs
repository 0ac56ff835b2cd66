//! What bodies and connections cost in memory.

use bytes::Bytes;
use futures::stream;
use http::Method;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;

use crate::harness::client::{Client, connect, full};
use crate::harness::echo::Echo;
use crate::harness::manifest::{everything_to, route, service};
use crate::harness::site::Site;
use crate::harness::within;

const HOST: &str = "a.example.com";
const MIB: u64 = 1024 * 1024;
/// Far more than what may be buffered, so that buffering would show.
const BODY: u64 = 256 * MIB;
/// What an allocator may keep, and what threads touch for the first time.
const NOISE: u64 = 24 * MIB;

async fn site(echo: &Echo) -> Site {
    Site::serve(&[
        ("v1.yaml", service("v1", &[echo.address])),
        ("route.yaml", route("all", HOST, &everything_to("v1"))),
    ])
    .await
}

async fn resident(site: &Site) -> u64 {
    let text = site.admin("/metrics").await.text();
    let line = text.lines().find_map(|line| line.strip_prefix("process_resident_memory_bytes "));
    line.unwrap().parse().unwrap()
}

#[tokio::test]
async fn large_bodies_pass_through_flat_memory() {
    let echo = Echo::start("v1").await;
    let site = site(&echo).await;
    for mut client in [Client::http1(site.address()).await, Client::http2(site.address()).await] {
        client.get(HOST, "/bytes/1000000").await;
        let before = resident(&site).await;
        let path = format!("/bytes/{BODY}");
        let request = client.request(Method::GET, HOST, &path).body(full("")).unwrap();
        let mut response = client.send(request).await.unwrap();
        let mut received = 0;
        while let Some(frame) = within("a part", response.body_mut().frame()).await {
            received += frame.unwrap().into_data().unwrap().len() as u64;
        }
        assert_eq!(received, BODY);
        let chunk = Bytes::from(vec![7; 64 * 1024]);
        let count = BODY / chunk.len() as u64;
        let parts = stream::iter((0..count).map(move |_| Ok(Frame::data(chunk.clone()))));
        let body = BodyExt::boxed_unsync(StreamBody::new(parts));
        let request = client.request(Method::PUT, HOST, "/sink").body(body).unwrap();
        assert_eq!(client.call(request).await.text(), format!("{BODY}\n"));
        let growth = resident(&site).await.saturating_sub(before);
        assert!(growth < NOISE, "{} MiB more", growth / MIB);
    }
}

#[tokio::test]
async fn a_slow_reader_holds_up_the_backend_and_not_our_memory() {
    let echo = Echo::start("v1").await;
    let site = site(&echo).await;
    let before = resident(&site).await;
    let mut readers = Vec::new();
    for _ in 0..20 {
        let mut client = Client::http2(site.address()).await;
        let path = format!("/bytes/{BODY}");
        let request = client.request(Method::GET, HOST, &path).body(full("")).unwrap();
        // The head comes, the body is not read.
        readers.push((client.send(request).await.unwrap(), client));
    }
    // As long as a whole body takes, so that the others could have come as well.
    let mut quick = Client::http1(site.address()).await;
    assert_eq!(quick.get(HOST, &format!("/bytes/{BODY}")).await.body.len() as u64, BODY);
    let growth = resident(&site).await.saturating_sub(before);
    assert!(growth < NOISE, "{} MiB more", growth / MIB);
}

#[tokio::test]
async fn idle_connections_cost_in_proportion_and_nothing_else() {
    let echo = Echo::start("v1").await;
    let site = site(&echo).await;
    site.get(HOST, "/").await;
    let before = resident(&site).await;
    let mut idle = Vec::new();
    // Half as many as descriptors that a process has by default, for other tests run beside.
    for _ in 0..400 {
        idle.push(connect(site.address()).await);
    }
    assert_eq!(site.get(HOST, "/").await.name(), "v1");
    let each = resident(&site).await.saturating_sub(before) / idle.len() as u64;
    assert!(each < 64 * 1024, "{each} bytes for each connection");
}
