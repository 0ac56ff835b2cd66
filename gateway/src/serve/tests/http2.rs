//! HTTP/2 connections: prior knowledge, limits, resets, the stop.

use bytes::Bytes;
use h2::client::{ResponseFuture, SendRequest};
use http::{Request, StatusCode};
use tokio::net::TcpStream;

use super::{Bench, settle, soon};
use crate::serve::Wish;
use crate::settings::{Client, Settings};
use crate::worker::Stage;

/// A client by prior knowledge; how its connection ended is told in the end.
async fn connect(
    bench: &Bench,
) -> (SendRequest<Bytes>, tokio::task::JoinHandle<Result<(), h2::Error>>) {
    let stream: TcpStream = bench.connect().await;
    let (sender, connection) = soon(h2::client::handshake(stream)).await.unwrap();
    (sender, tokio::task::spawn_local(connection))
}

fn send(sender: &mut SendRequest<Bytes>, path: &str) -> ResponseFuture {
    let uri = format!("http://a{path}");
    let request = Request::get(uri).body(()).unwrap();
    sender.send_request(request, true).unwrap().0
}

async fn ask(sender: &mut SendRequest<Bytes>, path: &str) -> Result<StatusCode, h2::Error> {
    let mut ready = soon(sender.clone().ready()).await?;
    Ok(soon(send(&mut ready, path)).await?.status())
}

#[tokio::test]
async fn http2_is_served_on_the_same_port_by_prior_knowledge() {
    Bench::run(Settings::default(), async |bench| {
        let (mut sender, _connection) = connect(bench).await;
        for _ in 0..3 {
            assert_eq!(ask(&mut sender, "/").await.unwrap(), StatusCode::NOT_FOUND);
        }
    })
    .await;
}

#[tokio::test]
async fn an_idle_connection_is_told_to_go_and_a_busy_one_is_not() {
    Bench::run(Settings::default(), async |bench| {
        let (mut idle, idle_connection) = connect(bench).await;
        assert!(ask(&mut idle, "/").await.is_ok());
        let (mut busy, busy_connection) = connect(bench).await;
        let held = send(&mut busy, "/held");
        settle().await;
        bench.pass(77).await;
        soon(idle_connection).await.unwrap().unwrap();
        assert!(!busy_connection.is_finished());
        assert_eq!(soon(held).await.unwrap().status(), StatusCode::SERVICE_UNAVAILABLE);
    })
    .await;
}

#[tokio::test]
async fn the_last_request_that_a_connection_may_have_sends_the_client_away() {
    let client = Client { max_requests: 2, ..Client::default() };
    Bench::run(Settings { client, ..Settings::default() }, async |bench| {
        let (mut sender, connection) = connect(bench).await;
        assert!(ask(&mut sender, "/").await.is_ok());
        assert!(ask(&mut sender, "/").await.is_ok());
        soon(connection).await.unwrap().unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_client_that_resets_what_it_asks_for_is_cut_off() {
    Bench::run(Settings::default(), async |bench| {
        let (sender, connection) = connect(bench).await;
        let mut sent = 0;
        // How many of them reach the server before it cuts the line is the kernel's business.
        soon(async {
            while !connection.is_finished() {
                let Ok(mut ready) = sender.clone().ready().await else { break };
                drop(send(&mut ready, "/held"));
                sent += 1;
                settle().await;
            }
        })
        .await;
        assert!(sent >= 20, "not at the first");
    })
    .await;
}

#[tokio::test]
async fn a_client_that_is_patient_may_have_many_requests() {
    Bench::run(Settings::default(), async |bench| {
        let (mut sender, _connection) = connect(bench).await;
        for _ in 0..500 {
            assert!(ask(&mut sender, "/").await.is_ok());
        }
    })
    .await;
}

#[tokio::test]
async fn a_stop_sends_clients_away_and_lets_requests_finish() {
    Bench::run(Settings::default(), async |bench| {
        let (mut sender, connection) = connect(bench).await;
        let held = send(&mut sender, "/held");
        settle().await;
        bench.stage(Stage::Draining);
        bench.server.wish(Wish::Leave);
        assert_eq!(soon(held).await.unwrap().status(), StatusCode::SERVICE_UNAVAILABLE);
        soon(connection).await.unwrap().unwrap();

        let (mut late, late_connection) = connect(bench).await;
        assert!(ask(&mut late, "/").await.is_ok());
        assert!(ask(&mut late, "/").await.is_ok(), "new ones are served until the end");
        bench.stage(Stage::Closing);
        bench.server.wish(Wish::Close);
        soon(late_connection).await.unwrap().unwrap();
        soon(bench.server.worker.tasks.ended()).await;
    })
    .await;
}
