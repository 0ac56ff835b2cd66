//! Worker threads: one single-threaded runtime each; a connection lives and dies on one.

use std::rc::Rc;
use std::sync::Arc;

use tokio::sync::{Notify, watch};

use crate::failure;
use crate::overload::Overload;
use crate::pool::Pool;
use crate::replay;
use crate::session::Sessions;
use crate::settings::Settings;
use crate::tasks::Tasks;
use crate::telemetry::{LogWriter, Telemetry};

/// What a thread has of its own, and what it shares with the others.
pub(crate) struct Worker {
    /// Counts from 0.
    pub(crate) index: usize,
    /// The same for all.
    pub(crate) settings: Arc<Settings>,
    /// The same for all.
    pub(crate) telemetry: Telemetry,
    /// The thread's own way into the access log.
    pub(crate) log: LogWriter,
    /// Failures, counted.
    pub(crate) failures: failure::Counters,
    /// The thread's own connections to endpoints.
    pub(crate) pool: Pool<replay::Body>,
    /// The same for all: makes and opens session tokens.
    pub(crate) sessions: Arc<Sessions>,
    /// How near the end of memory is.
    pub(crate) overload: Overload,
    /// Everything that runs on this thread.
    pub(crate) tasks: Tasks,
    /// Something that runs here is to be cut; see [`crate::backend::Backends::cuts`].
    pub(crate) cuts: Arc<Notify>,
    /// How far the gateway is on its way to its end.
    pub(crate) stage: watch::Receiver<Stage>,
}

/// From serving to the end; only forward.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stage {
    /// As ever.
    Serving,
    /// New connections are still taken, but none is kept: each HTTP/1 response closes its
    /// connection, HTTP/2 connections have been told to go away.
    Draining,
    /// No connection is taken any more; what runs may end.
    Closing,
    /// The deadline is over: what still runs says goodbye and ends (WebSocket: 1001).
    Ending,
}

impl Worker {
    /// How far the gateway is on its way to its end.
    pub(crate) fn stage(&self) -> Stage {
        *self.stage.borrow()
    }

    /// Returns when the deadline of a stop is over: whoever holds a connection that has no end of
    /// its own ends it now.
    pub(crate) async fn ending(self: Rc<Self>) {
        let mut stage = self.stage.clone();
        // The sender lives as long as the gateway; were it gone, that would be the end as well.
        let _ = stage.wait_for(|stage| *stage >= Stage::Ending).await;
    }
}
