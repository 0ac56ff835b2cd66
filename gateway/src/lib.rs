//! Snapshots in, traffic served: the data side of Headgate. Knows nothing of Kubernetes.
//!
//! Modules stand in the order in which data meets them: a snapshot is applied to tables, listeners
//! take connections, a connection yields requests, a request is matched, filtered, forwarded and
//! finished.

pub mod admin;
mod apply;
mod backend;
mod balance;
mod connect;
mod connection;
mod endpoint;
pub mod explain;
mod failure;
mod filter;
mod finish;
mod forward;
mod forwarding;
mod gate;
mod listen;
mod mirror;
mod normalise;
mod pace;
mod pool;
mod replay;
mod request;
#[cfg(test)]
mod sample;
mod serve;
mod session;
pub mod settings;
mod table;
mod tasks;
pub mod telemetry;
mod threads;
mod tls;
mod upgrade;
pub mod views;
mod worker;

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use snapshot::{Snapshot, Version};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use crate::apply::{Applier, Refusal};
use crate::backend::Backends;
use crate::listen::Listeners;
use crate::session::Sessions;
use crate::settings::{Settings, Stop};
use crate::telemetry::{AccessLog, Telemetry};
use crate::threads::{Shared, Threads};
use crate::views::Views;
use crate::worker::Stage;

/// The data side of one process: worker threads, listening sockets, tables.
///
/// Dropped without [`Gateway::stop`], it ends at once.
pub struct Gateway {
    backends: Backends,
    applier: Applier,
    listeners: Arc<Mutex<Listeners>>,
    stage: Arc<watch::Sender<Stage>>,
    stop: Stop,
    /// `None` once it is being stopped.
    threads: Option<Threads>,
}

/// What became of a snapshot.
#[derive(Clone, Debug)]
pub struct Applied {
    /// The version that every table has now.
    pub version: Version,
    /// Resources that are not live as the snapshot has them.
    pub refusals: Vec<Refusal>,
    /// Addresses that are listened on.
    pub bound: Vec<SocketAddr>,
    /// Addresses that should be and are not, with the cause. They are tried again every second.
    pub unbound: Vec<(SocketAddr, String)>,
}

/// How a stop went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stopped {
    /// Connections that were cut at the deadline.
    pub connections: usize,
    /// Requests in flight on them.
    pub requests: usize,
}

impl Gateway {
    /// Starts the worker threads. Nothing is listened on before the first [`Self::apply`].
    ///
    /// # Errors
    /// When a thread or its runtime cannot be made.
    pub fn start(
        settings: Settings,
        telemetry: Telemetry,
        access_log: AccessLog,
    ) -> io::Result<Self> {
        let settings = Arc::new(settings);
        let backends = Backends::new(settings.clone(), telemetry.clone());
        let (listeners, listening) = Listeners::new(settings.limits.backlog);
        let listeners = Arc::new(Mutex::new(listeners));
        let (stage, stage_now) = watch::channel(Stage::Serving);
        let threads = Threads::start(&Shared {
            telemetry: telemetry.clone(),
            access_log,
            backends: backends.clone(),
            sessions: Arc::new(Sessions::new(settings.session_key.as_ref())),
            listeners: listeners.clone(),
            listening,
            stage: stage_now,
            settings: settings.clone(),
        })?;
        Ok(Self {
            applier: Applier::new(backends.clone(), telemetry),
            backends,
            listeners,
            stage: Arc::new(stage),
            stop: settings.stop.clone(),
            threads: Some(threads),
        })
    }

    /// Makes `snapshot` live and returns when it is. Takes time in proportion to what changed.
    pub fn apply(&mut self, snapshot: Arc<Snapshot>) -> Applied {
        let outcome = self.applier.apply(snapshot);
        let mut listeners = lock(&self.listeners);
        listeners.sync(&outcome.slots);
        let addresses = listeners.bound();
        Applied {
            version: outcome.version,
            refusals: outcome.refusals,
            bound: addresses.bound,
            unbound: addresses.unbound,
        }
    }

    /// What is live right now, for people.
    #[must_use]
    pub fn views(&self) -> Views {
        Views::new(self.backends.clone(), self.listeners.clone())
    }

    /// Begins to end without losing a request that can be saved: serves on for `pre_drain` while
    /// telling clients to go elsewhere, then takes no new connection. The future returns when
    /// nothing is in flight or at the deadline; until then snapshots are still applied, because
    /// endpoints leave in those seconds too.
    pub fn stop(&mut self) -> impl Future<Output = Stopped> + Send + use<> {
        let begun = Instant::now();
        let (stop, stage, listeners) =
            (self.stop.clone(), self.stage.clone(), self.listeners.clone());
        let threads = self.threads.take();
        stage.send_replace(Stage::Draining);
        async move {
            let Some(threads) = threads else { return Stopped::default() };
            sleep(stop.pre_drain.min(stop.deadline)).await;
            lock(&listeners).close();
            stage.send_replace(Stage::Closing);
            let mut ended = std::pin::pin!(threads.ended());
            // `ended` goes on where it was.
            tokio::select! {
                cut = &mut ended => return cut.into(),
                () = sleep_until(begun + stop.deadline) => {}
            }
            stage.send_replace(Stage::Ending);
            // Farewells to clients, then to endpoints, and as much again for what is in between.
            let Ok(cut) = timeout(stop.farewell * 4, ended).await else {
                tracing::error!("a worker thread does not end");
                return Stopped::default();
            };
            cut.into()
        }
    }
}

impl From<serve::Cut> for Stopped {
    fn from(cut: serve::Cut) -> Self {
        Self { connections: cut.connections, requests: cut.requests }
    }
}

/// A panic while it was locked has left it whole: each change is one insertion or removal.
fn lock(listeners: &Mutex<Listeners>) -> MutexGuard<'_, Listeners> {
    listeners.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
