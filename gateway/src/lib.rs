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
mod session;
pub mod settings;
mod table;
mod tasks;
pub mod telemetry;
mod tls;
mod upgrade;
mod worker;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use snapshot::{Snapshot, Version};

use crate::apply::{Applier, Refusal};
use crate::settings::Settings;
use crate::telemetry::{AccessLog, Telemetry};

/// The data side of one process: worker threads, listening sockets, tables.
pub struct Gateway {
    applier: Applier,
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
        _settings: Settings,
        _telemetry: Telemetry,
        _access_log: AccessLog,
    ) -> io::Result<Self> {
        unimplemented!("lands next")
    }

    /// Makes `snapshot` live and returns when it is. Takes time in proportion to what changed.
    pub fn apply(&mut self, snapshot: Arc<Snapshot>) -> Applied {
        let outcome = self.applier.apply(snapshot);
        let (version, refusals) = (outcome.version, outcome.refusals);
        Applied { version, refusals, bound: Vec::new(), unbound: Vec::new() }
    }

    /// Begins to end without losing a request that can be saved: serves on for `pre_drain` while
    /// telling clients to go elsewhere, then takes no new connection. The future returns when
    /// nothing is in flight or at the deadline; until then snapshots are still applied, because
    /// endpoints leave in those seconds too.
    pub fn stop(&mut self) -> impl Future<Output = Stopped> + Send + use<> {
        std::future::ready(Stopped::default())
    }
}
