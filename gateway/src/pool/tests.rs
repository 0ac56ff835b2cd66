//! The pool in front of servers whose every byte is written out here.

mod http1;
mod http2;
mod limits;
mod server;
mod tls;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures::future::LocalBoxFuture;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Empty, Full};
use hyper::body::Frame;
use snapshot::{BackendKey, BackendTls, EndpointState, Endpoints, ObjectKey};
use tokio::task::LocalSet;

use super::*;
use crate::backend::{Backend, Picked};
use crate::telemetry::Telemetry;

type Sent = UnsyncBoxBody<Bytes, Infallible>;

/// A pool in front of one backend.
struct Bench {
    backends: Backends,
    backend: Arc<Backend>,
    pool: Pool<Sent>,
}

impl Bench {
    /// A backend with one endpoint that speaks plain HTTP.
    fn new(protocol: Protocol, address: SocketAddr) -> Self {
        Self::with(Settings::default(), protocol, None, address)
    }

    fn with(
        mut settings: Settings,
        protocol: Protocol,
        tls: Option<BackendTls>,
        address: SocketAddr,
    ) -> Self {
        settings.workers = std::num::NonZero::<usize>::MIN;
        let settings = Arc::new(settings);
        let backends = Backends::new(Arc::clone(&settings), Telemetry::new());
        let config =
            snapshot::Backend { protocol, tls, refused: None, lifecycle: Default::default() };
        backends.set(&key(), Some(Arc::new(config))).unwrap();
        let bench = Self {
            backend: backends.handle(&key()),
            pool: Pool::new(settings, &backends),
            backends,
        };
        bench.put(address, EndpointState::Ready);
        bench
    }

    /// Makes this the only endpoint.
    fn put(&self, address: SocketAddr, state: EndpointState) {
        let endpoint = snapshot::Endpoint { address, uid: None, state, zone: None, node: None };
        let endpoints = Endpoints { list: Arc::from([endpoint]), ..Endpoints::default() };
        self.backends.set_endpoints(&key(), Some(Arc::new(endpoints)));
    }

    async fn pick(&self) -> Picked {
        self.backend.pick(&[], None, None).await.unwrap()
    }

    async fn send(
        &self,
        request: Request<Sent>,
    ) -> Result<Response<ResponseBody<Sent>>, SendError<Sent>> {
        let picked = self.pick().await;
        self.pool.send(target(&picked), request).await
    }

    /// Sends a GET and reads the answer to its end; gives its text and whether the connection had
    /// been used before.
    async fn get(&self, path: &str) -> Result<(String, bool), SendError<Sent>> {
        let response = self.send(get(path)).await?;
        let reused = response.body().reused();
        let text = response.into_body().collect().await.unwrap().to_bytes();
        Ok((String::from_utf8(text.to_vec()).unwrap(), reused))
    }

    async fn connections(&self) -> usize {
        self.pick().await.endpoint().connections()
    }

    /// Waits until this many connections are open.
    async fn until_connections(&self, count: usize) {
        while self.connections().await != count {
            tokio::task::yield_now().await;
        }
    }
}

fn target(picked: &Picked) -> Target<'_> {
    let (config, endpoint) = (picked.config(), picked.endpoint());
    Target { config, endpoint, identity: None, want_h2: false, again: false }
}

fn key() -> BackendKey {
    BackendKey { service: ObjectKey::new("shop", "cart"), port: 80 }
}

fn get(path: &str) -> Request<Sent> {
    let request = Request::builder().uri(path).header("host", "shop.example");
    request.body(UnsyncBoxBody::new(Empty::new())).unwrap()
}

fn post(body: impl Body<Data = Bytes, Error = Infallible> + Send + 'static) -> Request<Sent> {
    let request = Request::builder().method("POST").uri("/").header("host", "shop.example");
    request.body(UnsyncBoxBody::new(body)).unwrap()
}

fn text(text: &'static str) -> Full<Bytes> {
    Full::new(Bytes::from_static(text.as_bytes()))
}

/// A body that says a word and then nothing, for ever.
struct Endless(Option<&'static str>);

impl Body for Endless {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match self.0.take() {
            Some(word) => Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(word.as_bytes()))))),
            None => Poll::Pending,
        }
    }
}

/// Runs a test where tasks of its thread can be started. What hangs fails.
fn local<'t, T: 't>(test: impl Future<Output = T> + 't) -> LocalBoxFuture<'t, T> {
    let limit = Duration::from_secs(20);
    Box::pin(async move {
        let tasks = LocalSet::new();
        timeout(limit, tasks.run_until(test)).await.expect("the test hangs")
    })
}
