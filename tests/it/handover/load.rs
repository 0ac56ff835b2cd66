//! Clients that ask without a pause, each request accounted for.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use http::{Method, StatusCode, header};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::harness::client::{Answer, Client, full};
use crate::harness::within;

/// Answers that make the next step of a test worth taking: each client has had several.
const SOME: usize = 100;

/// Clients at work.
pub(super) struct Load {
    answered: Arc<AtomicUsize>,
    news: watch::Receiver<()>,
    stop: watch::Sender<bool>,
    clients: JoinSet<()>,
}

/// How a client uses connections.
#[derive(Clone, Copy, Debug)]
enum Kind {
    KeepAlive,
    NewConnections,
    Http2,
}

impl Load {
    /// Starts two clients of each kind. A request that fails ends the test.
    pub(super) fn start(address: SocketAddr, host: &'static str) -> Self {
        let answered = Arc::<AtomicUsize>::default();
        let (stop, stopped) = watch::channel(false);
        let (told, news) = watch::channel(());
        let mut clients = JoinSet::new();
        for kind in [Kind::KeepAlive, Kind::NewConnections, Kind::Http2] {
            for _ in 0..2 {
                let (answered, stopped, told) = (answered.clone(), stopped.clone(), told.clone());
                clients.spawn(async move {
                    let mut client = None;
                    while !*stopped.borrow() {
                        let open = client.take();
                        client = ask(kind, open, address, host).await;
                        answered.fetch_add(1, Ordering::Relaxed);
                        told.send_replace(());
                    }
                });
            }
        }
        Self { answered, news, stop, clients }
    }

    /// Waits for more answers.
    pub(super) async fn more(&self) {
        let enough = self.answered.load(Ordering::Relaxed) + SOME;
        let mut news = self.news.clone();
        within("more answers", async {
            while self.answered.load(Ordering::Relaxed) < enough {
                news.changed().await.expect("a client goes on until it is told to stop");
            }
        })
        .await;
    }

    /// Ends all clients, and fails when one of them had failed.
    pub(super) async fn end(mut self) {
        self.stop.send_replace(true);
        while let Some(client) = self.clients.join_next().await {
            client.unwrap();
        }
    }
}

/// One request that must succeed; the connection, when it may be used again.
async fn ask(kind: Kind, open: Option<Client>, address: SocketAddr, host: &str) -> Option<Client> {
    let mut open = open;
    loop {
        let mut client = match open.take() {
            Some(client) => client,
            None if matches!(kind, Kind::Http2) => Client::http2(address).await,
            None => Client::http1(address).await,
        };
        let request = client.request(Method::POST, host, "/load").body(full("x")).unwrap();
        let answer = match client.send(request).await {
            Ok(response) => Answer::of(response).await.unwrap(),
            // The client was told to go before it asked: nothing was sent.
            Err(error) if error.is_canceled() || error.is_closed() => continue,
            Err(error) => panic!("{kind:?}: {error:?}"),
        };
        assert_eq!(answer.status, StatusCode::OK, "{kind:?}");
        let closes = answer.headers.get(header::CONNECTION).is_some_and(|it| it == "close");
        let over = closes || matches!(kind, Kind::NewConnections);
        return (!over).then_some(client);
    }
}
