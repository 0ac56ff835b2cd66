//! How a gateway ends: by a signal, or because another process has taken its place.
//!
//! Promises: nothing that can be saved is lost on the way; every wait has an end. What a stage of
//! the end means for a connection is left to `serve`.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, interval, sleep, sleep_until, timeout};

use crate::listen::Listeners;
use crate::serve::Cut;
use crate::settings::Stop;
use crate::threads::Threads;
use crate::worker::Stage;

/// Between two looks whether anything is left to do: too short for anybody to wait for, and 20
/// looks at two numbers a second cost nothing.
const LOOK: Duration = Duration::from_millis(50);

/// How a stop went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stopped {
    /// Connections that were cut at the deadline.
    pub connections: usize,
    /// Requests in flight on them.
    pub requests: usize,
}

/// A gateway on its way to its end.
pub(crate) struct Ending {
    pub(crate) begun: Instant,
    pub(crate) settings: Stop,
    pub(crate) stage: Arc<watch::Sender<Stage>>,
    pub(crate) listeners: Arc<Mutex<Listeners>>,
    pub(crate) threads: Threads,
}

impl Ending {
    /// Serves on for `pre_drain`, takes no new connection then, and ends with what runs, or at the
    /// deadline.
    pub(crate) async fn by_signal(self) -> Stopped {
        sleep(self.settings.pre_drain.min(self.settings.deadline)).await;
        self.close();
        let deadline = sleep_until(self.begun + self.settings.deadline);
        self.finish(deadline).await
    }

    /// Takes no new connection, leaves idle ones `pre_drain` to hear of it, and ends with what
    /// runs, or at the deadline for upgrades. That becomes the ordinary one, from then on, when
    /// `hurry` returns.
    pub(crate) async fn by_handover(self, hurry: impl Future<Output = ()>) -> Stopped {
        self.close();
        // Whichever comes first; what is left of the time is not waited for.
        tokio::select! {
            () = self.deserted() => {}
            () = sleep(self.settings.pre_drain) => {}
        }
        let latest = self.begun + self.settings.upgrade_deadline;
        let ordinary = self.settings.deadline;
        let deadline = async {
            // The one that is not over first has no use any more.
            tokio::select! {
                () = sleep_until(latest) => {}
                () = async { hurry.await; sleep(ordinary).await } => {}
            }
        };
        self.finish(deadline).await
    }

    async fn finish(self, deadline: impl Future<Output = ()>) -> Stopped {
        self.stage.send_replace(Stage::Closing);
        let mut ended = std::pin::pin!(self.threads.ended());
        // `ended` goes on where it was.
        tokio::select! {
            cut = &mut ended => return cut.into(),
            () = deadline => {}
        }
        self.stage.send_replace(Stage::Ending);
        // Farewells to clients, then to endpoints, and as much again for what is in between.
        let Ok(cut) = timeout(self.settings.farewell * 4, ended).await else {
            tracing::error!("a worker thread does not end");
            return Stopped::default();
        };
        cut.into()
    }

    fn close(&self) {
        self.listeners.lock().unwrap_or_else(PoisonError::into_inner).close();
    }

    /// Returns when no connection is left and none can come.
    async fn deserted(&self) {
        let gone = || self.listeners.lock().unwrap_or_else(PoisonError::into_inner).are_gone();
        let mut looks = interval(LOOK);
        // What is accepted is counted before its socket is let go of.
        while !(gone() && self.threads.connections() == 0) {
            looks.tick().await;
        }
    }
}

impl From<Cut> for Stopped {
    fn from(cut: Cut) -> Self {
        Self { connections: cut.connections, requests: cut.requests }
    }
}
