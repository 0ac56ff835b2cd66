//! A new process takes the place of a running one on the same machine (lossless race 7).
//!
//! ```text
//! new process                               running process
//! Hello ─────────────────────────────────►  same user? ready? nobody else taking over?
//!        ◄──────────────────────────────── Offer, and every listening socket
//! tables from its own configuration         serves on
//! Ready ─────────────────────────────────►
//!        ◄──────────────────────────────── Go
//! accepts
//! Serving ───────────────────────────────►  accepts no more, finishes what runs, ends
//! ```
//! Promises: the sockets are shared, so at every moment somebody accepts from them and none is
//! closed with connections in its queue; whatever becomes of the new process before `Serving`, the
//! running one goes on as if nothing had happened; one takes over at a time; only processes of the
//! same user talk to each other; every step has a time limit. When the new process is ready, and
//! what becomes of the old one's connections, are left to the caller.

mod give;
mod seat;
mod take;
mod wire;

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::listen::Listeners;
use crate::settings::SessionKey;

pub use give::Given;
pub use seat::Handover;
pub use take::{Leaving, Predecessor};

/// Of the protocol above. Processes of another version refuse each other.
const PROTOCOL: u32 = 1;
/// One message and its answer: nothing is computed for them, so a process that takes longer hangs.
const STEP: Duration = Duration::from_secs(5);
/// From the sockets to `Ready`: what a first complete snapshot of a large cluster may take.
const FIRST_SNAPSHOT: Duration = Duration::from_secs(120);
/// Sockets in one hand-over: addresses of a pool times ports, with room to spare.
const MAX_SOCKETS: usize = 1024;
/// Processes that finish what runs at the same time. 32: an upgrade every two minutes, with
/// streams that use the whole hour that they have by default.
const MAX_OLDER: u32 = 32;

/// Drains that go from one process to the other: as many as a watcher keeps.
const MAX_DRAINS: usize = 16_384;
/// Drains in one message; each takes some hundred bytes of its 64 KiB.
const DRAINS_AT_ONCE: usize = 64;

/// What a socket is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// Requests.
    Traffic,
    /// The admin address.
    Admin,
    /// The drain listener.
    Drain,
    /// Something that this release does not know.
    #[serde(other)]
    Unknown,
}

/// A listening socket that goes from one process to another.
#[derive(Debug)]
pub struct Handed {
    /// What it is for.
    pub purpose: Purpose,
    /// What it was asked to listen on; port 0 stays 0.
    pub address: SocketAddr,
    /// Shared with the other process.
    pub socket: TcpListener,
}

/// What a running process gives to the one that takes over.
#[derive(Debug)]
pub struct Offer {
    /// Every socket that it accepts from.
    pub sockets: Vec<Handed>,
    /// So that sessions outlive the process.
    pub session_key: Option<SessionKey>,
    /// Processes before it that still finish what runs.
    pub older: u32,
}

/// Why one process did not take over from another.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The path is taken by something else.
    #[error("{0} exists and is no socket; give another path")]
    NotASocket(PathBuf),
    /// The socket beside the path cannot be made.
    #[error("{0} cannot be made: {1}")]
    Bind(PathBuf, io::Error),
    /// The other process runs as another user.
    #[error("the other process runs as user {0}, not as ours")]
    Stranger(u32),
    /// The other process says no.
    #[error("refused: {0}")]
    Refused(String),
    /// The other process does not answer.
    #[error("the other process did not answer within {0:?}")]
    Silent(Duration),
    /// The other process says what it should not.
    #[error("the other process does not keep to the protocol: {0}")]
    Protocol(&'static str),
    /// The connection to the other process broke: most likely it ended.
    #[error("the connection to the other process broke: {0}")]
    Broken(#[from] io::Error),
}

/// The listening sockets of a gateway; clones are the same ones.
#[derive(Clone)]
pub struct Sockets(Arc<Mutex<Listeners>>);

impl Sockets {
    pub(crate) fn new(listeners: Arc<Mutex<Listeners>>) -> Self {
        Self(listeners)
    }

    /// Copies for a process that takes over.
    #[must_use]
    pub fn copies(&self) -> Vec<Handed> {
        let copies = self.0.lock().unwrap_or_else(PoisonError::into_inner).copies();
        let handed = |(address, socket)| Handed { purpose: Purpose::Traffic, address, socket };
        copies.into_iter().map(handed).collect()
    }

    /// Accepts from now on, after [`crate::Gateway::inherit`]. Inherited sockets that no snapshot
    /// wants are let go of.
    pub fn open(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).open();
    }
}

/// The result of a step, within its time.
async fn within<T>(
    limit: Duration,
    step: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    tokio::time::timeout(limit, step).await.unwrap_or(Err(Error::Silent(limit)))
}

#[cfg(test)]
mod tests;
