//! How slowly a client may send a body.
//!
//! Only time that is spent waiting for the client counts: a backend that takes nothing pauses the
//! clock. A gRPC stream has no pace; it may be silent for as long as it likes.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

/// What is demanded of a client.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Demand {
    /// Longest wait for a single byte.
    pub idle: Duration,
    /// Bytes per second, on average over all the waiting.
    pub rate: u64,
    /// How long a client may be slower than that.
    pub grace: Duration,
}

/// The clock of one body.
pub(crate) struct Pace {
    demand: Demand,
    waiting_since: Option<Instant>,
    waited: Duration,
    // Made at the first wait: most bodies are there before anybody asks.
    timer: Option<Pin<Box<Sleep>>>,
}

impl Pace {
    /// A clock that has not begun.
    pub(crate) fn new(demand: Demand) -> Self {
        Self { demand, waiting_since: None, waited: Duration::ZERO, timer: None }
    }

    /// The client has nothing for us now. Ready when that has lasted too long.
    pub(crate) fn poll_late(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let since = *self.waiting_since.get_or_insert_with(Instant::now);
        let deadline = since + self.demand.idle;
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        if timer.deadline() != deadline {
            timer.as_mut().reset(deadline);
        }
        timer.as_mut().poll(cx)
    }

    /// Something came, `received` bytes in all. True when that is too little for the time waited.
    pub(crate) fn is_too_slow(&mut self, received: u64) -> bool {
        if let Some(since) = self.waiting_since.take() {
            self.waited += since.elapsed();
        }
        self.waited > self.demand.grace
            && received < self.demand.rate.saturating_mul(self.waited.as_secs())
    }
}
