//! How many retries a backend may get: a share of its requests, and a floor.
//!
//! Counts requests and retries of the last ten seconds, one slot a second. Counts of a slot that
//! is being reused may lose a few of a race; a budget is a bound on storms, not an account.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Instant;

use crate::settings::Retry;

/// Seconds that are looked back on: long enough that one burst does not empty the budget, short
/// enough that traffic of long ago buys no storm.
const WINDOW: u64 = 10;

/// Requests and retries of the last seconds.
#[derive(Debug)]
pub(super) struct Budget {
    start: Instant,
    seconds: [Second; WINDOW as usize],
}

#[derive(Debug, Default)]
struct Second {
    /// Which one this is, counted from 1 at `start`; 0 for none yet.
    number: AtomicU64,
    requests: AtomicU32,
    retries: AtomicU32,
}

impl Budget {
    /// Nothing counted yet.
    pub(super) fn new(start: Instant) -> Self {
        Self { start, seconds: Default::default() }
    }

    /// Counts a request.
    pub(super) fn request(&self, now: Instant) {
        self.slot(self.number(now)).requests.fetch_add(1, Ordering::Relaxed);
    }

    /// Takes a retry, if the budget has one.
    pub(super) fn take(&self, now: Instant, rules: &Retry) -> bool {
        let number = self.number(now);
        let slot = self.slot(number);
        let (mut requests, mut retries) = (0, 0);
        for second in &self.seconds {
            if second.number.load(Ordering::Relaxed) + WINDOW > number {
                requests += u64::from(second.requests.load(Ordering::Relaxed));
                retries += u64::from(second.retries.load(Ordering::Relaxed));
            }
        }
        let share = requests * u64::from(rules.budget_percent) / 100;
        let allowed = share.max(u64::from(rules.budget_floor) * WINDOW);
        let good = retries < allowed;
        if good {
            slot.retries.fetch_add(1, Ordering::Relaxed);
        }
        good
    }

    fn number(&self, now: Instant) -> u64 {
        now.saturating_duration_since(self.start).as_secs() + 1
    }

    /// The slot of a second, emptied when it was that of an older one.
    fn slot(&self, number: u64) -> &Second {
        let slot = &self.seconds[usize::try_from(number % WINDOW).expect("below ten")];
        let was = slot.number.load(Ordering::Relaxed);
        if was < number {
            let swap =
                slot.number.compare_exchange(was, number, Ordering::Relaxed, Ordering::Relaxed);
            if swap.is_ok() {
                slot.requests.store(0, Ordering::Relaxed);
                slot.retries.store(0, Ordering::Relaxed);
            }
        }
        slot
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn taken(budget: &Budget, now: Instant) -> usize {
        (0..10_000).take_while(|_| budget.take(now, &Retry::default())).count()
    }

    #[test]
    fn little_traffic_has_the_floor() {
        let start = Instant::now();
        let budget = Budget::new(start);
        assert_eq!(taken(&budget, start), 30);
        let later = start + Duration::from_secs(9);
        assert_eq!(taken(&budget, later), 0);
        let over = start + Duration::from_secs(10);
        assert_eq!(taken(&budget, over), 30);
    }

    #[test]
    fn much_traffic_has_its_share() {
        let start = Instant::now();
        let budget = Budget::new(start);
        for ms in 0..10_000 {
            budget.request(start + Duration::from_millis(ms));
        }
        let now = start + Duration::from_millis(9_999);
        assert_eq!(taken(&budget, now), 2_000);
    }

    #[test]
    fn traffic_of_long_ago_buys_nothing() {
        let start = Instant::now();
        let budget = Budget::new(start);
        for _ in 0..10_000 {
            budget.request(start);
        }
        assert_eq!(taken(&budget, start + Duration::from_secs(60)), 30);
    }
}
