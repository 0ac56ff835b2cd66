//! How many requests an endpoint has, and whether it drains: the two words that must agree.
//!
//! Promises: once a drain has read zero, no request is let in. A pick counts itself in first and
//! then reads the state; a drain stores the state first and then reads the count (Dekker's
//! pattern). Each side stores before it loads, so both are sequentially consistent: with anything
//! weaker each may miss the other's store. The drain's look at the count is a read-modify-write as
//! well: it stands either before the pick's in the order of that word, and then the pick sees the
//! mark, or after it, and then it sees the pick. The atomics come from the parent module, so that a
//! test can put modelled ones in their place and try every interleaving.

use super::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Requests in flight and the drain mark of one endpoint.
#[derive(Debug)]
pub(super) struct Gauge {
    in_flight: AtomicUsize,
    draining: AtomicBool,
}

impl Gauge {
    /// Nothing in flight, not draining.
    pub(super) fn new() -> Self {
        Self { in_flight: AtomicUsize::new(0), draining: AtomicBool::new(false) }
    }

    /// Counts a request in; false, and not counted, when a drain was there first.
    pub(super) fn enter(&self) -> bool {
        self.in_flight.fetch_add(1, Ordering::SeqCst);
        if self.draining.load(Ordering::SeqCst) {
            self.leave();
            return false;
        }
        true
    }

    /// Counts a request out that `enter` counted in.
    pub(super) fn leave(&self) {
        self.in_flight.fetch_sub(1, Ordering::SeqCst);
    }

    /// Lets nothing in from now on; gives what is in flight. Once that is zero, it stays so.
    pub(super) fn drain(&self) -> usize {
        self.draining.store(true, Ordering::SeqCst);
        self.settled()
    }

    /// What is in flight, for whoever knows that a drain came before.
    pub(super) fn settled(&self) -> usize {
        self.in_flight.fetch_add(0, Ordering::SeqCst)
    }

    /// Lets requests in again.
    pub(super) fn resume(&self) {
        self.draining.store(false, Ordering::SeqCst);
    }

    /// Whether requests are kept out.
    pub(super) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    /// About how many requests are in flight: for comparing loads and for people, not for drains.
    pub(super) fn in_flight(&self) -> usize {
        self.in_flight.load(Ordering::Relaxed)
    }
}
