//! A backend in the test's own process that records every request, and answers as it is told.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use super::within;

/// One request, as it came.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    /// Path and query.
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Seen {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

/// Serves HTTP/1.1 and h2c; ends when dropped.
pub(crate) struct Backend {
    pub(crate) address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
    count: watch::Receiver<usize>,
    task: JoinHandle<()>,
}

impl Backend {
    /// Answers each request, after it was recorded, with what `answer` makes of it.
    pub(crate) async fn start<F: Future<Output = Response<Full<Bytes>>> + Send + 'static>(
        answer: impl Fn(Seen) -> F + Clone + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (counted, count) = watch::channel(0);
        let counted = Arc::new(counted);
        let record = seen.clone();
        let service = move |request: Request<Incoming>| {
            let (record, counted, answer) = (record.clone(), counted.clone(), answer.clone());
            async move {
                // A body that is cut makes no request.
                let Ok(one) = read(request).await else { return Ok(Response::default()) };
                {
                    let mut all = record.lock().unwrap();
                    all.push(one.clone());
                    counted.send_replace(all.len());
                }
                Ok::<_, Infallible>(answer(one).await)
            }
        };
        let task = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let service = service_fn(service.clone());
                connections.spawn(async move {
                    let builder = auto::Builder::new(TokioExecutor::new());
                    let _ = builder.serve_connection(TokioIo::new(stream), service).await;
                });
            }
        });
        Self { address, seen, count, task }
    }

    /// Answers 200 with this text.
    pub(crate) async fn saying(text: &'static str) -> Self {
        Self::start(move |_| async move { Response::new(Full::new(Bytes::from(text))) }).await
    }

    /// All requests so far.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// Waits until so many requests have come.
    pub(crate) async fn saw(&self, count: usize) -> Vec<Seen> {
        let mut counted = self.count.clone();
        let enough = counted.wait_for(|seen| *seen >= count);
        let what = format!("request number {count} at the backend");
        within(&what, enough).await.expect("the backend runs");
        self.seen()
    }
}

impl Drop for Backend {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn read(request: Request<Incoming>) -> Result<Seen, hyper::Error> {
    let (parts, body) = request.into_parts();
    Ok(Seen {
        path: parts.uri.path_and_query().map_or(String::new(), ToString::to_string),
        headers: parts.headers,
        body: body.collect().await?.to_bytes(),
    })
}
