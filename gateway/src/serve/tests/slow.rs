//! Clients that take too long, in each phase.

use std::future::poll_fn;
use std::io::ErrorKind;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

use tokio::io::{AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{Bench, soon};
use crate::listen::ticket::Ticket;
use crate::pace::{Clock, Limits, Pace};
use crate::serve::stream::Paced;
use crate::settings::{Client, Settings};

struct Pair {
    client: TcpStream,
    server: Paced,
    clock: Clock,
    pace: Arc<Pace>,
}

async fn pair(bench: &Bench) -> Pair {
    let client = TcpStream::connect(bench.listener.local_addr().unwrap()).await.unwrap();
    let (stream, peer) = bench.listener.accept().await.unwrap();
    let clock = Clock::default();
    let pace = Arc::new(Pace::new(clock.clone(), Limits::new(&Client::default())));
    let ticket = Ticket::take(&bench.counts, &bench.connections, peer.ip(), 0).unwrap();
    Pair { client, server: Paced::new(stream, pace.clone(), ticket), clock, pace }
}

impl Pair {
    /// Writes until the client's side is full.
    async fn fill(&mut self) -> std::io::Result<()> {
        let data = vec![b'x'; 64 << 10];
        poll_fn(|cx| {
            loop {
                match Pin::new(&mut self.server).poll_write(cx, &data) {
                    Poll::Ready(Ok(_)) => {}
                    Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                    Poll::Pending => return Poll::Ready(Ok(())),
                }
            }
        })
        .await
    }
}

#[tokio::test]
async fn a_client_that_takes_nothing_is_given_up_and_one_that_takes_a_little_is_not() {
    Bench::run(Settings::default(), async |bench| {
        let mut pair = pair(bench).await;
        pair.fill().await.unwrap();
        pair.clock.set(30);
        pair.fill().await.unwrap();
        let mut some = vec![0; 4 << 20];
        soon(pair.client.read_exact(&mut some[..1 << 20])).await.unwrap();
        // The kernel lets us write again when much of what it held is gone.
        soon(pair.server.write_all(b"more")).await.unwrap();
        pair.fill().await.unwrap();
        pair.clock.set(60);
        pair.fill().await.unwrap();
        pair.clock.set(61);
        let error = pair.fill().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
    })
    .await;
}

#[tokio::test]
async fn a_handshake_that_takes_too_long_fails() {
    Bench::run(Settings::default(), async |bench| {
        let mut pair = pair(bench).await;
        pair.clock.set(10);
        let mut byte = [0];
        // The read is dropped when it has to wait.
        let waits = tokio::select! {
            biased;
            read = pair.server.read(&mut byte) => Some(read),
            () = tokio::task::yield_now() => None,
        };
        assert!(waits.is_none(), "10 s are allowed");
        pair.clock.set(11);
        let read = soon(pair.server.read(&mut byte)).await;
        assert_eq!(read.unwrap_err().kind(), ErrorKind::TimedOut);
        assert!(pair.pace.expired());
    })
    .await;
}
