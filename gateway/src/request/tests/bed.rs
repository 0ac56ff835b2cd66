//! A gateway of one thread: clients on one side, scripted backends on the other.

use std::cell::Cell;
use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::io::{self, Write};
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

use http::Response;
use hyper::rt::Executor;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use snapshot::{
    Attachment, BackendKey, BackendRef, Endpoint, EndpointState, Endpoints, Hostname, Listener,
    ListenerKey, Match, ObjectKey, ParentKind, PathMatch, Protocol, Route, RouteKey, RouteKind,
    Snapshot, Target, Timeouts, Version,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::sync::watch;

use crate::apply::{Applier, Slot};
use crate::backend::Backends;
use crate::connection::Connection;
use crate::failure;
use crate::finish::Body;
use crate::forwarding::origin::Origin;
use crate::overload::Overload;
use crate::pool::Pool;
use crate::request::handle;
use crate::session::Sessions;
use crate::settings::Settings;
use crate::tasks::Tasks;
use crate::telemetry::{AccessLog, LogFlusher, LogFormat, Telemetry};
use crate::worker::{Stage, Worker};

/// How many bytes a test's connection holds: less than what tests send, so that back pressure is
/// at work.
const PIPE: usize = 16 * 1_024;

/// What every response of a test must be shorter than, in time.
const PATIENCE: Duration = Duration::from_secs(10);

pub(super) struct Bed {
    worker: Rc<Worker>,
    slot: Arc<Slot>,
    stage: watch::Sender<Stage>,
    lines: Lines,
    flusher: LogFlusher,
    /// The largest future of a request.
    pub(super) largest: Rc<Cell<usize>>,
    /// Requests are dropped once they have been polled so many times.
    pub(super) cut: Rc<Cell<usize>>,
}

/// Builds a [`Bed`].
pub(super) struct Plan {
    pub(super) settings: Settings,
    snapshot: Snapshot,
}

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Runs a test on a thread that owns local tasks, and not for ever.
pub(super) fn run(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let local = tokio::task::LocalSet::new();
    local.block_on(&runtime, async {
        tokio::time::timeout(PATIENCE, test).await.expect("the test hangs");
    });
}

pub(super) fn backend(name: &str) -> BackendKey {
    BackendKey { service: ObjectKey::new("shop", name), port: 80 }
}

pub(super) fn to(name: &str) -> BackendRef {
    BackendRef { target: Target::Backend(backend(name)), weight: 1, filters: Vec::new() }
}

impl Plan {
    pub(super) fn new() -> Self {
        let mut plan = Self { settings: Settings::default(), snapshot: Snapshot::default() };
        plan.snapshot.version = Version(1);
        plan.snapshot.listeners.insert(listener_key(), Arc::new(listener()));
        // A test that waits for an endpoint waits for nothing else.
        plan.settings.upstream.no_endpoint_wait = Duration::from_millis(20);
        plan
    }

    /// A backend of these addresses.
    pub(super) fn backend(self, name: &str, addresses: &[SocketAddr]) -> Self {
        self.backend_with(name, Protocol::Auto, addresses)
    }

    pub(super) fn backend_with(
        mut self,
        name: &str,
        protocol: Protocol,
        addresses: &[SocketAddr],
    ) -> Self {
        let mut list: Vec<_> = addresses
            .iter()
            .map(|address| Endpoint {
                address: *address,
                uid: None,
                state: EndpointState::Ready,
                zone: None,
                node: None,
            })
            .collect();
        list.sort();
        let made =
            snapshot::Backend { protocol, tls: None, refused: None, lifecycle: Default::default() };
        self.snapshot.backends.insert(backend(name), Arc::new(made));
        let endpoints = Endpoints { list: list.into(), ..Endpoints::default() };
        self.snapshot.endpoints.insert(backend(name), Arc::new(endpoints));
        self
    }

    /// A rule for paths that begin with this, forwarded to the backend `main`.
    pub(super) fn route(mut self, prefix: &str, change: impl FnOnce(&mut Route)) -> Self {
        let attachment = Attachment { listener: listener_key(), hostnames: vec![Hostname::Any] };
        let path = PathMatch::Prefix(prefix.into());
        let any = Match { path, method: None, headers: Vec::new(), query: Vec::new() };
        let mut route = Route {
            name: None,
            created: 0,
            attachments: [attachment].into(),
            matches: vec![any],
            filters: Vec::new(),
            backends: vec![to("main")],
            timeouts: Timeouts::default(),
            retry: None,
            session: None,
        };
        change(&mut route);
        let rule = u16::try_from(self.snapshot.routes.len()).unwrap();
        let object = ObjectKey::new("shop", "route");
        let key = RouteKey { kind: RouteKind::Http, object, rule };
        self.snapshot.routes.insert(key, Arc::new(route));
        self
    }

    pub(super) fn bed(self) -> Bed {
        let settings = Arc::new(self.settings);
        let telemetry = Telemetry::new();
        let backends = Backends::new(settings.clone(), telemetry.clone());
        let mut applier = Applier::new(backends.clone(), telemetry.clone());
        let outcome = applier.apply(Arc::new(self.snapshot));
        let slot = outcome.slots.values().next().expect("there is a listener").clone();
        let lines = Lines::default();
        let (log, flusher) = AccessLog::start(LogFormat::Json, lines.clone(), &telemetry).unwrap();
        let (stage, stage_seen) = watch::channel(Stage::Serving);
        let worker = Worker {
            index: 0,
            log: log.writer(),
            failures: failure::Counters::new(telemetry.clone()),
            pool: Pool::new(settings.clone(), &backends),
            overload: Overload::default(),
            sessions: Arc::new(Sessions::new(None)),
            tasks: Tasks::default(),
            cuts: backends.cuts(0),
            stage: stage_seen,
            settings,
            telemetry,
        };
        let worker = Rc::new(worker);
        let (largest, cut) = (Rc::default(), Rc::new(Cell::new(usize::MAX)));
        Bed { worker, slot, stage, lines, flusher, largest, cut }
    }
}

impl Default for Plan {
    fn default() -> Self {
        Self::new()
    }
}

fn listener_key() -> ListenerKey {
    ListenerKey {
        kind: ParentKind::Gateway,
        parent: ObjectKey::new("infra", "public"),
        section: "http".into(),
    }
}

fn listener() -> Listener {
    Listener {
        addresses: vec!["127.0.0.1".parse().unwrap()],
        port: 80,
        hostname: Hostname::Any,
        tls: None,
        backend_client_certificate: None,
    }
}

impl Bed {
    fn connection(&self, h2: bool) -> Rc<Connection> {
        let peer: SocketAddr = "192.0.2.7:999".parse().unwrap();
        let trusted = &self.worker.settings.client.trusted_proxies;
        Rc::new(Connection {
            worker: self.worker.clone(),
            peer,
            port: 80,
            origin: Origin::new(peer, 80, false, trusted),
            slot: self.slot.clone(),
            tls: None,
            h2,
            gate: None,
        })
    }

    /// A client's HTTP/1 connection, as bytes.
    pub(super) fn client(&self) -> DuplexStream {
        let (ours, theirs) = duplex(PIPE);
        let connection = self.connection(false);
        let (largest, cut) = (self.largest.clone(), self.cut.clone());
        let service = service_fn(move |request| {
            let (connection, largest, mut left) = (connection.clone(), largest.clone(), cut.get());
            async move {
                let answer = handle(&connection, request);
                largest.set(largest.get().max(size_of_val(&answer)));
                let mut answer = Box::pin(answer);
                let some = poll_fn(|cx| {
                    if left == 0 {
                        return Poll::Ready(None);
                    }
                    left -= 1;
                    answer.as_mut().poll(cx).map(Some)
                });
                Ok::<_, Infallible>(some.await.unwrap_or_else(|| Response::new(Body::none())))
            }
        });
        let serving = http1::Builder::new().serve_connection(TokioIo::new(theirs), service);
        self.worker.tasks.spawn(async move {
            // Broken connections are what some tests are about.
            let _ = serving.with_upgrades().await;
        });
        ours
    }

    /// A client's HTTP/2 connection.
    pub(super) async fn client2(&self) -> h2::client::SendRequest<bytes::Bytes> {
        let (ours, theirs) = duplex(PIPE);
        let connection = self.connection(true);
        let service = service_fn(move |request| {
            let connection = connection.clone();
            async move { Ok::<_, Infallible>(handle(&connection, request).await) }
        });
        let serving = http2::Builder::new(Here).serve_connection(TokioIo::new(theirs), service);
        self.worker.tasks.spawn(async move {
            let _ = serving.await;
        });
        let (client, driver) = h2::client::handshake(ours).await.unwrap();
        tokio::task::spawn_local(async move {
            let _ = driver.await;
        });
        client
    }

    /// Sends `text` on a connection of its own and reads until that is closed.
    pub(super) async fn ask(&self, text: &str) -> String {
        let mut client = self.client();
        client.write_all(text.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        // A response that is cut ends with an error or without; what came before is what counts.
        let _ = client.read_to_end(&mut answer).await;
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// A GET that closes its connection.
    pub(super) async fn get(&self, path: &str) -> String {
        self.ask(&format!("GET {path} HTTP/1.1\r\nhost: a.com\r\nconnection: close\r\n\r\n")).await
    }

    /// The deadline of a stop is over.
    pub(super) fn stop(&self) {
        self.stage.send_replace(Stage::Ending);
    }

    /// Waits for what runs, and gives the access log. By then nothing is in flight any more.
    pub(super) async fn log(self) -> Vec<serde_json::Value> {
        self.worker.tasks.ended().await;
        for line in self.metrics().lines().filter(|line| line.contains("in_flight")) {
            assert!(line.starts_with('#') || line.ends_with(" 0"), "{line}");
        }
        self.flusher.stop(Duration::from_secs(1));
        let text = String::from_utf8(self.lines.0.lock().unwrap().clone()).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Metrics, as a scrape shows them.
    pub(super) fn metrics(&self) -> String {
        self.worker.telemetry.render()
    }
}

/// Runs a connection's streams on this thread.
#[derive(Clone)]
struct Here;

impl<F: Future<Output = ()> + 'static> Executor<F> for Here {
    fn execute(&self, task: F) {
        tokio::task::spawn_local(task);
    }
}
