//! Connections served on a bench: one thread, a clock that the test moves, nobody behind.

mod http1;
mod http2;
mod slow;

use std::cell::RefCell;
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::LocalSet;
use tokio::time::timeout;

use super::Server;
use crate::apply::{Applier, Slot};
use crate::backend::Backends;
use crate::failure::Counters;
use crate::listen::accept::Accepted;
use crate::listen::ticket::{Counts, Ticket};
use crate::overload::{Level, Overload};
use crate::pool::Pool;
use crate::sample::listening;
use crate::session::Sessions;
use crate::settings::Settings;
use crate::tasks::Tasks;
use crate::telemetry::{AccessLog, Telemetry};
use crate::worker::{Stage, Worker};

/// A server of one thread, with a clock that the test moves. Nothing answers but the gateway: 404,
/// and under `/held`, where a backend has no endpoints, nothing for a while.
struct Bench {
    server: Rc<Server>,
    slot: Arc<Slot>,
    counts: Arc<Counts>,
    listener: TcpListener,
    connections: Arc<AtomicUsize>,
    stage: watch::Sender<Stage>,
    clock: RefCell<u32>,
}

impl Bench {
    /// Runs a test on a bench with these settings.
    async fn run(settings: Settings, test: impl AsyncFnOnce(&Bench)) {
        let bench = Self::new(settings).await;
        LocalSet::new().run_until(test(&bench)).await;
    }

    async fn new(mut settings: Settings) -> Self {
        // How long a held request takes.
        settings.upstream.no_endpoint_wait = Duration::from_millis(300);
        let settings = Arc::new(settings);
        let telemetry = Telemetry::new();
        let backends = Backends::new(settings.clone(), telemetry.clone());
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let outcome =
            Applier::new(backends.clone(), telemetry.clone()).apply(listening(1, &[address]));
        let slot = outcome.slots.into_values().next().unwrap();
        let (stage, stage_now) = watch::channel(Stage::Serving);
        let worker = Worker {
            index: 0,
            telemetry: telemetry.clone(),
            log: AccessLog::off().writer(),
            failures: Counters::new(telemetry.clone()),
            pool: Pool::new(settings.clone(), &backends),
            overload: Overload::default(),
            sessions: Arc::new(Sessions::new(None)),
            tasks: Tasks::default(),
            cuts: backends.cuts(0),
            stage: stage_now,
            settings: settings.clone(),
        };
        Self {
            server: Rc::new(Server::new(Rc::new(worker))),
            slot,
            counts: Arc::new(Counts::new(&settings.limits, 1, telemetry)),
            listener,
            connections: Arc::default(),
            stage,
            clock: RefCell::new(0),
        }
    }

    /// A client whose connection is being served.
    async fn connect(&self) -> TcpStream {
        let address: SocketAddr = self.listener.local_addr().unwrap();
        let client = TcpStream::connect(address).await.unwrap();
        let (stream, peer) = self.listener.accept().await.unwrap();
        let ticket = Ticket::take(&self.counts, &self.connections, peer.ip(), 0).unwrap();
        let slot = self.slot.clone();
        let accepted = Accepted { stream, peer, port: address.port(), slot, ticket };
        self.server.worker.tasks.spawn(self.server.clone().serve(accepted));
        client
    }

    /// So many seconds go by, each with its sweep.
    async fn pass(&self, seconds: u32) {
        for _ in 0..seconds {
            let now = {
                let mut clock = self.clock.borrow_mut();
                *clock += 1;
                *clock
            };
            self.server.sweep(now);
            settle().await;
        }
    }

    fn memory(&self, level: Level) {
        self.server.worker.overload.pretend(level);
    }

    fn stage(&self, stage: Stage) {
        self.stage.send_replace(stage);
    }
}

/// Lets every task do what it can do now, those included that the kernel has news for.
async fn settle() {
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
}

/// Waits for what must come; a test that waits in vain fails.
async fn soon<T>(what: impl Future<Output = T>) -> T {
    timeout(Duration::from_secs(10), what).await.expect("this was to happen")
}

/// All that a server still sends before it closes.
async fn rest(client: &mut TcpStream) -> String {
    let mut all = Vec::new();
    // A reset is an end as well.
    let _ = soon(client.read_to_end(&mut all)).await;
    String::from_utf8_lossy(&all).into_owned()
}
