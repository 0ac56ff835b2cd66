//! HTTP/2 connections: prior knowledge, limits, resets, the stop.

use bytes::Bytes;
use h2::client::{ResponseFuture, SendRequest};
use http::{Request, StatusCode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
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

/// A client frame by frame.
struct Frames(TcpStream);

const HEADERS: u8 = 1;
const PING: u8 = 6;
const GOAWAY: u8 = 7;

impl Frames {
    async fn connect(bench: &Bench) -> Self {
        let mut stream = bench.connect().await;
        let empty_settings = [0, 0, 0, 4, 0, 0, 0, 0, 0];
        stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.unwrap();
        stream.write_all(&empty_settings).await.unwrap();
        Self(stream)
    }

    async fn say(&mut self, kind: u8, flags: u8, stream: u8, payload: &[u8]) {
        let length = u8::try_from(payload.len()).unwrap();
        self.0.write_all(&[0, 0, length, kind, flags, 0, 0, 0, stream]).await.unwrap();
        self.0.write_all(payload).await.unwrap();
    }

    /// GET with END_STREAM and END_HEADERS.
    async fn get(&mut self, stream: u8, path: &str) {
        let (method_get, scheme_http, path_is, authority_is) = (0x82, 0x86, 0x04, 0x01);
        let length = u8::try_from(path.len()).unwrap();
        let mut head = vec![method_get, scheme_http, path_is, length];
        head.extend_from_slice(path.as_bytes());
        head.extend_from_slice(&[authority_is, 1, b'a']);
        self.say(HEADERS, 5, stream, &head).await;
    }

    /// The next frame of one of these kinds: kind, stream, payload. `None` at the end.
    async fn next(&mut self, kinds: &[u8]) -> Option<(u8, u8, Vec<u8>)> {
        loop {
            let mut head = [0; 9];
            soon(self.0.read_exact(&mut head)).await.ok()?;
            let mut payload = vec![0; usize::from(head[1]) << 8 | usize::from(head[2])];
            soon(self.0.read_exact(&mut payload)).await.ok()?;
            if kinds.contains(&head[3]) {
                return Some((head[3], head[8], payload));
            }
        }
    }
}

#[tokio::test]
async fn goaway_comes_twice_and_what_crosses_the_first_one_is_served() {
    Bench::run(Settings::default(), async |bench| {
        let mut client = Frames::connect(bench).await;
        client.get(1, "/held").await;
        settle().await;
        bench.stage(Stage::Draining);
        bench.server.wish(Wish::Leave);
        let (_, _, first) = client.next(&[GOAWAY]).await.unwrap();
        assert_eq!(first, [0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 0], "2^31-1 without an error");
        let (_, _, ping) = client.next(&[PING]).await.unwrap();
        // Sent before the client has read of the farewell.
        client.get(3, "/").await;
        client.say(PING, 1, 0, &ping).await;
        let (mut answered, mut last) = (Vec::new(), Vec::new());
        while let Some((kind, stream, payload)) = client.next(&[HEADERS, GOAWAY]).await {
            match kind {
                HEADERS => answered.push(stream),
                _ => last = payload,
            }
        }
        assert_eq!(last, [0, 0, 0, 3, 0, 0, 0, 0], "the last stream that was taken");
        answered.sort_unstable();
        assert_eq!(answered, [1, 3], "both, and then the connection ends");
        soon(bench.server.worker.tasks.ended()).await;
    })
    .await;
}

#[tokio::test]
async fn an_old_connection_is_told_to_go_at_an_age_that_differs() {
    Bench::run(Settings::default(), async |bench| {
        let mut clients = Vec::new();
        for _ in 0..20 {
            clients.push(connect(bench).await);
        }
        let mut ended = Vec::new();
        for _ in 0..100 {
            for (sender, _) in &mut clients {
                // Not idle, or that would end it.
                let _ = ask(sender, "/").await;
            }
            bench.pass(60).await;
            ended.push(clients.iter().filter(|(_, connection)| connection.is_finished()).count());
        }
        let age = |share: usize| ended.iter().position(|count| *count >= share).unwrap() + 1;
        assert!(age(1) >= 54, "an hour less a tenth: {ended:?}");
        assert!(age(20) <= 68, "an hour and a tenth: {ended:?}");
        assert!(age(1) < age(20), "not all at once: {ended:?}");
    })
    .await;
}

#[tokio::test]
async fn a_response_that_its_client_does_not_take_is_reset() {
    Bench::run(Settings::default(), async |bench| {
        let stream = bench.connect().await;
        let no_window =
            h2::client::Builder::new().initial_window_size(0).handshake::<_, Bytes>(stream);
        let (mut sender, connection) = soon(no_window).await.unwrap();
        let _connection = tokio::task::spawn_local(connection);
        let response = soon(send(&mut sender, "/")).await.unwrap();
        let mut body = response.into_body();
        bench.pass(33).await;
        let error = soon(body.data()).await.unwrap().unwrap_err();
        assert!(error.is_reset(), "{error}");
    })
    .await;
}

#[tokio::test]
async fn a_flood_of_pings_is_cut_off() {
    Bench::run(Settings::default(), async |bench| {
        let mut stream = bench.connect().await;
        stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.unwrap();
        stream.write_all(&[0, 0, 0, 4, 0, 0, 0, 0, 0]).await.unwrap();
        let ping = [&[0, 0, 8, 6, 0, 0, 0, 0, 0][..], &[7; 8]].concat();
        // Many in one write: answers to them don't pay for them.
        let flood = ping.repeat(1000);
        let (mut from, mut to) = stream.split();
        let write = async {
            while to.write_all(&flood).await.is_ok() {
                tokio::task::yield_now().await;
            }
        };
        let mut rest = Vec::new();
        let _ = soon(async { tokio::join!(write, from.read_to_end(&mut rest)) }).await;
    })
    .await;
}
