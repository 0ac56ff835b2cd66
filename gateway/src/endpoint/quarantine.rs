//! Pauses for an endpoint that cannot be contacted: growing ones, ended by the first contact.
//!
//! Leaves to others what a pause means: a backend skips paused endpoints, but never more than its
//! share of them.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Failed contacts of one endpoint. Its fields are hints read without order: the worst that a race
/// does is one more attempt, or one pause counted twice.
#[derive(Debug, Default)]
pub(super) struct Quarantine {
    failures: AtomicU32,
    /// End of the pause in nanoseconds of `clock`; 0 for none.
    until: AtomicU64,
}

impl Quarantine {
    /// Starts the next pause: `first`, doubled for every failure before, `longest` at most.
    /// Failures during a pause are of contacts that began before it, and lengthen nothing.
    pub(super) fn failed(&self, now: Instant, first: Duration, longest: Duration) {
        if self.left(now).is_some() {
            return;
        }
        let before = self.failures.fetch_add(1, Ordering::Relaxed).min(31);
        let pause = first.saturating_mul(1 << before).min(longest);
        self.until.store(clock(now + pause), Ordering::Relaxed);
    }

    /// Ends the pause and forgets the failures.
    pub(super) fn contacted(&self) {
        // Read first: this runs for every new connection, and seldom has anything to forget.
        if self.failures.load(Ordering::Relaxed) != 0 {
            self.failures.store(0, Ordering::Relaxed);
            self.until.store(0, Ordering::Relaxed);
        }
    }

    /// What is left of the pause.
    pub(super) fn left(&self, now: Instant) -> Option<Duration> {
        match self.until.load(Ordering::Relaxed) {
            0 => None,
            until => {
                let left = until.saturating_sub(clock(now));
                (left > 0).then(|| Duration::from_nanos(left))
            }
        }
    }

    /// Failed contacts in a row.
    pub(super) fn failures(&self) -> u32 {
        self.failures.load(Ordering::Relaxed)
    }

    /// Whether there may be a pause: spares a look at the clock where there is none.
    pub(super) fn is_marked(&self) -> bool {
        self.until.load(Ordering::Relaxed) != 0
    }
}

/// Nanoseconds on a clock of our own, for keeping an instant in one word. Begins at 2^62, so that
/// instants from before the first use have their place as well; 0 is none of them.
pub(super) fn clock(now: Instant) -> u64 {
    static START: OnceLock<Instant> = OnceLock::new();
    let start = *START.get_or_init(|| now);
    let nanos = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX >> 2);
    let later = nanos(now.saturating_duration_since(start));
    let earlier = nanos(start.saturating_duration_since(now));
    (1 << 62) + later - earlier
}
