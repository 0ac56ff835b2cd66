//! Whether requests should be sent to this process.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

/// Where a process stands; only forward. Clones share the state.
#[derive(Clone, Debug, Default)]
pub struct Readiness(Arc<AtomicU8>);

/// See [`Readiness`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum State {
    /// No complete snapshot is live yet.
    Starting = 0,
    /// Serves.
    Ready = 1,
    /// Finishes what runs; load balancers should look elsewhere.
    Stopping = 2,
}

impl Readiness {
    /// The first complete snapshot is live. Changes nothing while stopping.
    pub fn ready(&self) {
        self.advance(State::Ready);
    }

    /// The end has begun.
    pub fn stopping(&self) {
        self.advance(State::Stopping);
    }

    /// Where it stands.
    #[must_use]
    pub fn state(&self) -> State {
        match self.0.load(Ordering::Acquire) {
            0 => State::Starting,
            1 => State::Ready,
            _ => State::Stopping,
        }
    }

    fn advance(&self, to: State) {
        self.0.fetch_max(to as u8, Ordering::AcqRel);
    }
}

impl State {
    /// A word for people and JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Ready => "ready",
            Self::Stopping => "stopping",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Readiness, State};

    #[test]
    fn a_process_that_stops_never_becomes_ready_again() {
        let readiness = Readiness::default();
        assert_eq!(readiness.state(), State::Starting);
        readiness.ready();
        assert_eq!(readiness.state(), State::Ready);
        readiness.stopping();
        readiness.ready();
        assert_eq!(readiness.state(), State::Stopping);
    }
}
