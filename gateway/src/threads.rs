//! The threads that serve traffic: what each of them runs, from its start to its end.
//!
//! Each has a single-threaded runtime and accepts from every listening socket; a connection is
//! handed to the thread with clearly fewer connections, and stays there. Promises: a thread ends
//! when all that runs on it has ended, or at the deadline, and says what it cut off; everything
//! that it runs is its own.

mod quiet;

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::runtime::{Handle, Runtime};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::LocalSet;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

use crate::backend::Backends;
use crate::failure;
use crate::listen::accept::{Accepted, Acceptor, Moving};
use crate::listen::ticket::Counts;
use crate::listen::{AllListening, Listeners, Listening};
use crate::overload::{Gauge, Overload};
use crate::pool::Pool;
use crate::serve::{Cut, Server, Wish};
use crate::session::Sessions;
use crate::settings::Settings;
use crate::tasks::Tasks;
use crate::telemetry::{AccessLog, Telemetry};
use crate::worker::{Stage, Worker};

use quiet::Quiet;

/// What all threads share.
#[derive(Clone)]
pub(crate) struct Shared {
    pub(crate) settings: Arc<Settings>,
    pub(crate) telemetry: Telemetry,
    pub(crate) access_log: AccessLog,
    pub(crate) backends: Backends,
    pub(crate) overload: Overload,
    pub(crate) sessions: Arc<Sessions>,
    pub(crate) listeners: Arc<Mutex<Listeners>>,
    pub(crate) listening: watch::Receiver<AllListening>,
    pub(crate) stage: watch::Receiver<Stage>,
}

/// Running threads.
pub(crate) struct Threads {
    list: Vec<Thread>,
    counts: Arc<Counts>,
}

struct Thread {
    handle: JoinHandle<()>,
    ended: oneshot::Receiver<Cut>,
}

/// What one thread is made of.
struct Parts {
    index: usize,
    runtime: Runtime,
    shared: Shared,
    counts: Arc<Counts>,
    /// Connections that others accepted for this thread.
    inbox: mpsc::Receiver<Moving>,
    /// The way to every thread.
    outboxes: Vec<mpsc::Sender<Moving>>,
}

impl Threads {
    /// Starts as many as are set.
    ///
    /// # Errors
    /// When a thread or its runtime cannot be made.
    pub(crate) fn start(shared: &Shared) -> io::Result<Self> {
        let settings = &shared.settings;
        let number = settings.workers.get();
        let counts = Counts::new(&settings.limits, number, shared.telemetry.clone());
        let counts = Arc::new(counts);
        let (outboxes, inboxes): (Vec<_>, Vec<_>) =
            (0..number).map(|_| mpsc::channel(settings.limits.hand_over.max(1))).unzip();
        let threads = inboxes.into_iter().enumerate().map(|(index, inbox)| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            let (shared, counts, outboxes) = (shared.clone(), counts.clone(), outboxes.clone());
            let parts = Parts { index, runtime, shared, counts, inbox, outboxes };
            let (end, ended) = oneshot::channel();
            let handle =
                std::thread::Builder::new().name(format!("worker-{index}")).spawn(move || {
                    // Nobody waits for it when the gateway was dropped.
                    let _ = end.send(parts.run());
                })?;
            Ok(Thread { handle, ended })
        });
        let list = threads.collect::<io::Result<Vec<_>>>()?;
        Ok(Self { list, counts })
    }

    /// Connections from clients, tunnels among them.
    pub(crate) fn connections(&self) -> usize {
        self.counts.total()
    }

    /// Returns when all have ended: what they cut off, all together.
    pub(crate) async fn ended(self) -> Cut {
        let mut all = Cut::default();
        for thread in self.list {
            if let Ok(cut) = thread.ended.await {
                all.connections += cut.connections;
                all.requests += cut.requests;
            }
            // It has said its last word: this takes no time.
            if thread.handle.join().is_err() {
                tracing::error!("a worker thread ended by a bug");
            }
        }
        all
    }
}

impl Parts {
    fn run(self) -> Cut {
        let Self { index, runtime, shared, counts, inbox, outboxes } = self;
        let local = LocalSet::new();
        let body = async {
            let settings = &shared.settings;
            let worker = Rc::new(Worker {
                index,
                settings: settings.clone(),
                telemetry: shared.telemetry.clone(),
                log: shared.access_log.writer(),
                failures: failure::Counters::new(shared.telemetry.clone()),
                pool: Pool::new(settings.clone(), &shared.backends),
                overload: shared.overload.clone(),
                sessions: shared.sessions.clone(),
                tasks: Tasks::default(),
                cuts: shared.backends.cuts(index),
                stage: shared.stage.clone(),
            });
            let server = Rc::new(Server::new(worker.clone()));
            let thread = Rc::new(Running { worker, server, counts, outboxes, shared });
            thread.run(inbox).await
        };
        // What is left of the tasks ends with the set.
        local.block_on(&runtime, body)
    }
}

/// One thread at work.
struct Running {
    worker: Rc<Worker>,
    server: Rc<Server>,
    counts: Arc<Counts>,
    outboxes: Vec<mpsc::Sender<Moving>>,
    shared: Shared,
}

impl Running {
    async fn run(self: Rc<Self>, inbox: mpsc::Receiver<Moving>) -> Cut {
        self.worker.tasks.spawn(self.clone().take(inbox));
        let background =
            async { tokio::join!(self.worker.pool.tend(), self.tick(), self.clone().follow()) };
        tokio::select! {
            _ = background => unreachable!("the clock never stops"),
            cut = self.end() => cut,
        }
    }

    /// Once a second: the clock, whoever is late, and memory that a quiet thread need not keep. The
    /// first thread also looks after what is the process's: memory, endpoints that were held for
    /// long enough, and addresses that could not be bound.
    async fn tick(&self) {
        let settings = &self.worker.settings;
        let first = self.worker.index == 0;
        let gauge = first.then(|| Gauge::new(&settings.overload, self.shared.overload.clone()));
        let begun = Instant::now();
        let mut seconds = interval(Duration::from_secs(1));
        seconds.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let mut retried = begun;
        let (runtime, mut quiet) = (Handle::current().metrics(), Quiet::default());
        loop {
            seconds.tick().await;
            let now = begun.elapsed().as_secs();
            self.server.sweep(u32::try_from(now).unwrap_or(u32::MAX));
            // A runtime of one thread has one worker.
            if quiet.begins(runtime.worker_total_busy_duration(0)) {
                quiet::give_back();
            }
            let Some(gauge) = &gauge else { continue };
            gauge.look();
            self.shared.backends.settle(std::time::Instant::now());
            if retried.elapsed() >= settings.limits.bind_retry {
                retried = Instant::now();
                self.retry();
            }
        }
    }

    fn retry(&self) {
        self.shared.listeners.lock().unwrap_or_else(PoisonError::into_inner).retry();
    }

    /// Accepts from what is listened on, as it changes.
    async fn follow(self: Rc<Self>) {
        let mut listening = self.shared.listening.clone();
        // Dropping the sender lets go of a socket.
        let mut accepting: BTreeMap<SocketAddr, (Listening, watch::Sender<()>)> = BTreeMap::new();
        loop {
            let wanted = listening.borrow_and_update().clone();
            accepting.retain(|address, (now, _)| {
                wanted.get(address).is_some_and(|wanted| wanted.is(now))
            });
            for (address, one) in wanted.iter() {
                accepting
                    .entry(*address)
                    .or_insert_with(|| (one.clone(), self.clone().accept(one.clone())));
            }
            drop(wanted);
            if listening.changed().await.is_err() {
                accepting.clear();
                return std::future::pending().await;
            }
        }
    }

    /// Accepts from one socket, until what this returns is dropped.
    fn accept(self: Rc<Self>, listening: Listening) -> watch::Sender<()> {
        let (sender, hold) = watch::channel(());
        let worker = self.worker.clone();
        worker.tasks.spawn(async move {
            let limits = &self.worker.settings.limits;
            let overload = self.shared.overload.clone();
            let acceptor = Acceptor::new(self.counts.clone(), self.worker.index, limits, overload);
            acceptor.run(listening, hold, |accepted| self.deliver(accepted)).await;
            // Someone may wait for the address.
            self.retry();
        });
        sender
    }

    /// Serves a connection here, or gives it to the thread that should.
    fn deliver(&self, accepted: Accepted) {
        let own = self.worker.index;
        let place = self.counts.place(own);
        if place == own {
            return self.serve(accepted);
        }
        let sent = accepted.move_to(place).map(|moving| self.outboxes[place].try_send(moving));
        if let Ok(Err(refused)) = sent {
            self.arrive(refused.into_inner());
        }
    }

    fn arrive(&self, moving: Moving) {
        match moving.arrive(self.worker.index) {
            Ok(accepted) => self.serve(accepted),
            Err(error) => tracing::warn!(%error, "a connection was lost between threads"),
        }
    }

    fn serve(&self, accepted: Accepted) {
        self.worker.tasks.spawn(self.server.clone().serve(accepted));
    }

    /// Serves what others accepted; ends when nothing is accepted any more.
    async fn take(self: Rc<Self>, mut inbox: mpsc::Receiver<Moving>) {
        // Receiving loses nothing when it is dropped.
        tokio::select! {
            () = self.reached(Stage::Closing) => inbox.close(),
            () = async { while let Some(one) = inbox.recv().await { self.arrive(one) } } => {}
        }
        // What was sent before is still there; what comes now stays with its sender.
        while let Some(moving) = inbox.recv().await {
            self.arrive(moving);
        }
    }

    /// Goes through the stages of a stop; returns at its end.
    async fn end(&self) -> Cut {
        self.reached(Stage::Draining).await;
        self.server.wish(Wish::Leave);
        self.reached(Stage::Closing).await;
        self.server.wish(Wish::Close);
        let farewell = self.worker.settings.stop.farewell;
        let cut = tokio::select! {
            () = self.worker.tasks.ended() => Cut::default(),
            () = self.reached(Stage::Ending) => {
                let cut = self.server.would_cut();
                // Tunnels say goodbye; whatever else runs has been told before.
                let _ = timeout(farewell, self.worker.tasks.ended()).await;
                cut
            }
        };
        self.worker.pool.close(farewell).await;
        cut
    }

    async fn reached(&self, stage: Stage) {
        let mut now = self.worker.stage.clone();
        // Nobody can stop the gateway any more when the sender is gone: that is the end as well.
        let _ = now.wait_for(|now| *now >= stage).await;
    }
}
