//! How the process ends: by a signal, or because another one has taken over.

use std::pin::pin;
use std::time::Duration;

use gateway::handover::Given;
use tokio::sync::Notify;
use tokio::time::timeout;

use super::control::Control;
use super::feed::Feed;
use crate::signals::Signals;

/// What calls of the drain listener get once nothing runs: some looks of theirs.
const LAST_ANSWERS: Duration = Duration::from_secs(1);

/// Why it ends.
pub(super) enum End {
    Signal,
    Handover(Given),
}

impl End {
    /// Finishes what runs; changes are still taken in meanwhile, because endpoints leave in that
    /// time too. A signal more makes it shorter.
    pub(super) async fn finish(
        self,
        feed: &mut Feed,
        signals: &mut Signals,
        [admin, drain]: [Control; 2],
    ) {
        match self {
            Self::Signal => {
                tracing::info!("ending; a second signal ends at once");
                let stop = feed.stop();
                tokio::select! {
                    stopped = stop => tracing::info!(?stopped, "ended"),
                    never = feed.run() => match never {},
                    () = signals.next() => tracing::warn!("ended at once: what ran is cut"),
                }
                admin.stop().await;
                // Nothing runs any more: whoever waits for that has his answer at once.
                let _ = timeout(LAST_ANSWERS, drain.stop()).await;
            }
            Self::Handover(given) => {
                let Given { pid, release, .. } = &given;
                tracing::info!(pid, release, "another process has taken over; finishing what runs");
                let hurry = Notify::new();
                // All addresses are the other process's now.
                let stop = feed.hand_over(hurry.notified());
                let mut stop = pin!(async { tokio::join!(stop, admin.stop(), drain.stop()).0 });
                let mut asked = false;
                loop {
                    tokio::select! {
                        stopped = &mut stop => break tracing::info!(?stopped, "ended"),
                        never = feed.run() => match never {},
                        () = signals.next() => {
                            if asked {
                                break tracing::warn!("ended at once: what ran is cut");
                            }
                            tracing::info!("ending by --deadline; a second signal ends at once");
                            asked = true;
                            hurry.notify_one();
                        }
                    }
                }
                // The other process sees our end when this is dropped.
                drop(given);
            }
        }
    }
}
