//! When a thread has gone quiet, and what it does then: gives the kernel free memory back.
//!
//! The allocator does so on the way, while it is asked for memory. A thread whose connections all
//! came to rest asks for none, and would keep what they needed while they were busy.

use std::hint::black_box;
use std::time::Duration;

/// Work in a second below which a thread is quiet: 2 % of it, where nobody notices what giving
/// back takes.
const QUIET: Duration = Duration::from_millis(20);
/// Work that may have left memory behind that is worth giving back.
const WORTH: Duration = Duration::from_millis(1);
/// Bytes that no address space has free, and few enough for the allocator to ask the kernel.
const IMPOSSIBLE: usize = (1 << 48) - (1 << 20);

/// What a thread has worked.
#[derive(Debug, Default)]
pub(super) struct Quiet {
    /// Until the last look.
    until: Duration,
    /// Since memory was given back.
    since: Duration,
}

impl Quiet {
    /// Looked at once a second with the time that the thread has worked in its life: whether it has
    /// something to give back, and the time for it.
    pub(super) fn begins(&mut self, worked: Duration) -> bool {
        let second = worked.saturating_sub(self.until);
        self.until = worked;
        self.since += second;
        let due = second < QUIET && self.since >= WORTH;
        if due {
            self.since = Duration::ZERO;
        }
        due
    }
}

/// Has the allocator return what this thread has free, which takes some 20 µs. mimalloc does it
/// before it gives up on a request; its own call for that is not reached without `unsafe`.
pub(super) fn give_back() {
    let mut none = Vec::<u8>::new();
    let refused = black_box(&mut none).try_reserve_exact(IMPOSSIBLE);
    debug_assert!(refused.is_err(), "there is no such memory");
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Quiet, give_back};

    #[test]
    fn a_thread_gives_back_once_after_it_was_busy() {
        let mut quiet = Quiet::default();
        let mut worked = Duration::ZERO;
        let seconds = [900, 30, 0, 0, 5, 0].map(|millis| {
            worked += Duration::from_millis(millis);
            quiet.begins(worked)
        });
        assert_eq!(seconds, [false, false, true, false, true, false]);
    }

    #[test]
    fn work_too_little_for_a_second_adds_up() {
        let mut quiet = Quiet::default();
        let given = (1..=8_u64).filter(|second| quiet.begins(Duration::from_micros(300 * second)));
        assert_eq!(given.collect::<Vec<_>>(), [4, 8]);
    }

    #[test]
    fn what_is_asked_for_to_give_back_is_never_there() {
        give_back();
    }
}
