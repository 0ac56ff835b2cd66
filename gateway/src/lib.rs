//! Snapshots in, traffic served: the data side of Headgate. Knows nothing of Kubernetes.
//!
//! Modules stand in the order in which data meets them: a snapshot is applied to tables, listeners
//! take connections, a connection yields requests, a request is matched, filtered, forwarded and
//! finished.

pub mod admin;
mod apply;
mod backend;
mod balance;
#[cfg(feature = "bench")]
#[doc(hidden)]
pub mod bench;
mod connect;
mod connection;
mod cork;
mod endpoint;
pub mod explain;
mod failure;
mod filter;
mod finish;
mod forward;
mod forwarding;
mod gate;
mod gather;
pub mod handover;
mod listen;
mod mirror;
mod normalise;
mod overload;
mod pace;
mod pool;
mod replay;
mod request;
#[cfg(test)]
mod sample;
mod serve;
mod session;
pub mod settings;
mod stop;
mod table;
mod tasks;
pub mod telemetry;
mod threads;
mod tls;
mod upgrade;
pub mod views;
mod worker;

use std::collections::BTreeMap;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::future::OptionFuture;
use snapshot::{Snapshot, Version};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::apply::{Applier, Refusal};
use crate::backend::Backends;
use crate::handover::Sockets;
use crate::listen::{AllListening, Listeners};
use crate::overload::Overload;
use crate::session::Sessions;
use crate::settings::{Settings, Stop};
use crate::stop::Ending;
pub use crate::stop::Stopped;
use crate::telemetry::{AccessLog, Telemetry};
use crate::threads::{Shared, Threads};
use crate::views::{Addresses, Views};
use crate::worker::Stage;

/// The data side of one process: worker threads, listening sockets, tables.
///
/// Dropped without [`Gateway::stop`], it ends at once.
pub struct Gateway {
    backends: Backends,
    applier: Applier,
    listeners: Arc<Mutex<Listeners>>,
    /// Changes with what is listened on.
    listening: watch::Receiver<AllListening>,
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
            overload: Overload::default(),
            sessions: Arc::new(Sessions::new(settings.session_key.as_ref())),
            listeners: listeners.clone(),
            listening: listening.clone(),
            stage: stage_now,
            settings: settings.clone(),
        })?;
        Ok(Self {
            applier: Applier::new(backends.clone(), telemetry),
            backends,
            listeners,
            listening,
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

    /// Which addresses are listened on.
    #[must_use]
    pub fn addresses(&self) -> Addresses {
        self.views().addresses()
    }

    /// Returns when other addresses are listened on than when it returned last. Loses nothing when
    /// it is dropped.
    pub async fn rebound(&mut self) {
        if self.listening.changed().await.is_err() {
            std::future::pending().await
        }
    }

    /// What is live right now, for people.
    #[must_use]
    pub fn views(&self) -> Views {
        Views::new(self.backends.clone(), self.listeners.clone())
    }

    /// The listening sockets, for a process that takes over.
    #[must_use]
    pub fn sockets(&self) -> Sockets {
        Sockets::new(self.listeners.clone())
    }

    /// Takes over sockets instead of binding their addresses, and accepts nothing, not even from
    /// other ones, before [`Sockets::open`]. Before the first [`Self::apply`].
    pub fn inherit(&mut self, sockets: BTreeMap<SocketAddr, TcpListener>) {
        lock(&self.listeners).inherit(sockets);
    }

    /// Begins to end without losing a request that can be saved: serves on for `pre_drain` while
    /// telling clients to go elsewhere, then takes no new connection. The future returns when
    /// nothing is in flight or at the deadline; until then snapshots are still applied, because
    /// endpoints leave in those seconds too.
    pub fn stop(&mut self) -> impl Future<Output = Stopped> + Send + use<> {
        let ending = self.ending();
        async { OptionFuture::from(ending.map(Ending::by_signal)).await.unwrap_or_default() }
    }

    /// The same after another process has taken the listening sockets over: no new connection is
    /// taken, and what runs may go on until `upgrade_deadline`. When `hurry` returns, the ordinary
    /// deadline begins.
    pub fn hand_over<F: Future<Output = ()> + Send>(
        &mut self,
        hurry: F,
    ) -> impl Future<Output = Stopped> + Send + use<F> {
        let ending = self.ending();
        let ending = ending.map(|ending| ending.by_handover(hurry));
        async { OptionFuture::from(ending).await.unwrap_or_default() }
    }

    /// `None` when it is ending already.
    fn ending(&mut self) -> Option<Ending> {
        self.stage.send_replace(Stage::Draining);
        Some(Ending {
            begun: Instant::now(),
            settings: self.stop.clone(),
            stage: self.stage.clone(),
            listeners: self.listeners.clone(),
            threads: self.threads.take()?,
        })
    }
}

/// A panic while it was locked has left it whole: each change is one insertion or removal.
fn lock(listeners: &Mutex<Listeners>) -> MutexGuard<'_, Listeners> {
    listeners.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
