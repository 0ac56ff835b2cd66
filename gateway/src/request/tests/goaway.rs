//! Backends that say GOAWAY: what they did not process is done on another connection, once,
//! whatever its method.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;

use bytes::Bytes;
use h2::client::SendRequest;
use http::{Request, Response, Version};
use snapshot::Protocol;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::bed::{Bed, Plan, run};

/// Bodies that were processed.
type Done = Rc<RefCell<Vec<String>>>;

/// What a backend does with its connections.
#[derive(Clone, Copy)]
enum Does {
    /// Reads this many requests on its first connection and processes none.
    LeavesOut(usize),
    /// Says 2^31-1, and then the last one, after this many requests on each connection.
    Drains(usize),
}

async fn backend(does: Does) -> (SocketAddr, Done) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let done = Done::default();
    let all = done.clone();
    tokio::task::spawn_local(async move {
        if let Does::LeavesOut(streams) = does {
            let (first, _) = listener.accept().await.unwrap();
            tokio::task::spawn_local(leave_out(first, streams));
        }
        while let Ok((stream, _)) = listener.accept().await {
            tokio::task::spawn_local(serve(stream, does, all.clone()));
        }
    });
    (address, done)
}

/// Takes requests, frame by frame, and says that it looked at none of them.
async fn leave_out(mut stream: TcpStream, streams: usize) {
    let (settings, headers) = (4, 1);
    stream.write_all(&[0, 0, 0, settings, 0, 0, 0, 0, 0]).await.unwrap();
    stream.read_exact(&mut [0; 24]).await.unwrap();
    let mut seen = 0;
    while seen < streams {
        let mut head = [0; 9];
        stream.read_exact(&mut head).await.unwrap();
        let length = usize::from(head[1]) << 8 | usize::from(head[2]);
        stream.read_exact(&mut vec![0; length]).await.unwrap();
        seen += usize::from(head[3] == headers);
    }
    let goaway = [0, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    stream.write_all(&goaway).await.unwrap();
    // What still comes must not become a reset that eats the frame.
    let _ = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;
}

async fn serve(stream: TcpStream, does: Does, done: Done) {
    let mut connection = h2::server::handshake(stream).await.unwrap();
    let mut taken = 0;
    while let Some(Ok((request, mut answer))) = connection.accept().await {
        taken += 1;
        if matches!(does, Does::Drains(after) if after == taken) {
            connection.graceful_shutdown();
        }
        let done = done.clone();
        tokio::task::spawn_local(async move {
            let mut body = request.into_body();
            let mut text = Vec::new();
            while let Some(data) = body.data().await {
                text.extend_from_slice(&data.unwrap());
            }
            done.borrow_mut().push(String::from_utf8(text).unwrap());
            answer.send_response(Response::new(()), true).unwrap();
        });
    }
}

async fn post(client: SendRequest<Bytes>, body: String) -> u16 {
    let request = Request::post("http://a.com/").version(Version::HTTP_2).body(()).unwrap();
    let (answer, mut to) = client.ready().await.unwrap().send_request(request, false).unwrap();
    to.send_data(body.into(), true).unwrap();
    answer.await.unwrap().status().as_u16()
}

async fn bed(does: Does) -> (Bed, Done) {
    let (address, done) = backend(does).await;
    let plan = Plan::new().backend_with("main", Protocol::Http2, &[address]).route("/", |_| {});
    (plan.bed(), done)
}

fn numbers(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("{number:03}")).collect()
}

#[test]
fn a_connection_full_of_posts_that_were_left_out_is_sent_again_whole() {
    run(async {
        // More than the retry budget would allow.
        let all = numbers(60);
        let (bed, done) = bed(Does::LeavesOut(all.len())).await;
        let client = bed.client2().await;
        let posts = all.iter().map(|body| post(client.clone(), body.clone()));
        let statuses = futures::future::join_all(posts).await;
        assert!(statuses.iter().all(|status| *status == 200), "{statuses:?}");
        let mut done = done.take();
        done.sort();
        assert_eq!(done, all, "each of them once");
        drop(client);
        let metrics = bed.metrics();
        let count = "headgate_retries_total{by=\"law\",reason=\"goaway\"} 60\n";
        assert!(metrics.contains(count), "{metrics}");
        for line in &bed.log().await {
            assert_eq!((&line["retry"], &line["retry_reason"]), (&"law".into(), &"goaway".into()));
        }
    });
}

#[test]
fn connections_that_drain_one_after_the_other_lose_nothing_and_double_nothing() {
    run(async {
        let all = numbers(400);
        let (bed, done) = bed(Does::Drains(7)).await;
        let client = bed.client2().await;
        for some in all.chunks(20) {
            let posts = some.iter().map(|body| post(client.clone(), body.clone()));
            let statuses = futures::future::join_all(posts).await;
            assert!(statuses.iter().all(|status| *status == 200), "{statuses:?}");
        }
        let mut done = done.take();
        done.sort();
        assert_eq!(done, all, "each of them once");
    });
}
