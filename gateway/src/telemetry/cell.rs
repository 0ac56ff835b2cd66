//! The numbers behind metric handles: lock-free, shared by all threads, read when rendered.
//!
//! Relaxed ordering throughout: each number stands alone, and a scrape wants each one's latest
//! value, not one instant over all of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use metrics::{CounterFn, GaugeFn, HistogramFn};

use super::family::Bounds;

/// Room in each histogram: one more than the most bounds that there are.
const MOST_BUCKETS: usize = 17;

/// One number, or one histogram, that handles write.
#[derive(Clone, Debug)]
pub(super) enum Cell {
    Counter(Arc<Count>),
    Gauge(Arc<Level>),
    Histogram(Arc<Buckets>),
}

/// The same, wherever it stands.
#[derive(Clone, Copy, Debug)]
pub(super) enum Number<'n> {
    Counter(&'n Count),
    Gauge(&'n Level),
    Histogram(&'n Buckets),
}

/// Only goes up.
#[derive(Debug, Default)]
pub(super) struct Count(AtomicU64);

/// Goes up and down; the bits of an `f64`.
#[derive(Debug, Default)]
pub(super) struct Level(AtomicU64);

/// How often values fell between fixed bounds.
#[derive(Debug)]
pub(super) struct Buckets {
    /// A value equal to a bound counts below it.
    bounds: Bounds,
    sum: Level,
    /// One for each bound, and one for what is above the last; the rest is not used.
    counts: [AtomicU64; MOST_BUCKETS],
}

impl Cell {
    /// What it is now.
    pub(super) fn number(&self) -> Number<'_> {
        match self {
            Self::Counter(count) => Number::Counter(count),
            Self::Gauge(level) => Number::Gauge(level),
            Self::Histogram(buckets) => Number::Histogram(buckets),
        }
    }

    /// Adds `other`'s values to ours; both are of one kind and have the same bounds.
    pub(super) fn absorb(&self, other: Number<'_>) {
        match (self, other) {
            (Self::Counter(ours), Number::Counter(theirs)) => ours.increment(theirs.get()),
            (Self::Gauge(ours), Number::Gauge(theirs)) => ours.add(theirs.get()),
            (Self::Histogram(ours), Number::Histogram(theirs)) => ours.absorb(theirs),
            _ => unreachable!("the cells of one family are of its kind"),
        }
    }
}

impl Count {
    pub(super) fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

impl Level {
    pub(super) fn get(&self) -> f64 {
        f64::from_bits(self.0.load(Relaxed))
    }

    fn add(&self, value: f64) {
        let mut old = self.0.load(Relaxed);
        loop {
            let new = (f64::from_bits(old) + value).to_bits();
            match self.0.compare_exchange_weak(old, new, Relaxed, Relaxed) {
                Ok(_) => return,
                Err(seen) => old = seen,
            }
        }
    }
}

impl Buckets {
    pub(super) fn new(bounds: Bounds) -> Self {
        assert!(bounds.len() < MOST_BUCKETS, "a histogram has no room for {} bounds", bounds.len());
        Self { bounds, sum: Level::default(), counts: Default::default() }
    }

    pub(super) fn bounds(&self) -> &'static [f64] {
        self.bounds
    }

    /// Values in each bucket, not cumulated; one more than there are bounds.
    pub(super) fn counts(&self) -> impl Iterator<Item = u64> {
        self.counts[..=self.bounds.len()].iter().map(|count| count.load(Relaxed))
    }

    pub(super) fn sum(&self) -> f64 {
        self.sum.get()
    }

    fn absorb(&self, other: &Self) {
        for (ours, theirs) in self.counts.iter().zip(other.counts()) {
            ours.fetch_add(theirs, Relaxed);
        }
        self.sum.add(other.sum());
    }
}

impl CounterFn for Count {
    fn increment(&self, value: u64) {
        self.0.fetch_add(value, Relaxed);
    }

    fn absolute(&self, value: u64) {
        self.0.fetch_max(value, Relaxed);
    }
}

impl GaugeFn for Level {
    fn increment(&self, value: f64) {
        self.add(value);
    }

    fn decrement(&self, value: f64) {
        self.add(-value);
    }

    fn set(&self, value: f64) {
        self.0.store(value.to_bits(), Relaxed);
    }
}

impl HistogramFn for Buckets {
    fn record(&self, value: f64) {
        let bucket = self.bounds.partition_point(|bound| *bound < value);
        self.counts[bucket].fetch_add(1, Relaxed);
        self.sum.add(value);
    }
}

#[cfg(test)]
mod tests {
    use super::{Buckets, HistogramFn};

    static TWO: &[f64] = &[1.0, 2.0];

    #[test]
    fn a_value_on_a_bound_counts_below_it() {
        let buckets = Buckets::new(&TWO);
        for value in [0.5, 1.0, 1.5, 2.0, 2.5] {
            buckets.record(value);
        }
        assert_eq!(buckets.counts().collect::<Vec<_>>(), [2, 2, 1]);
        assert!((buckets.sum() - 7.5).abs() < 1e-9);
    }

    #[test]
    fn what_is_no_number_still_lands_in_one_bucket() {
        let buckets = Buckets::new(&TWO);
        buckets.record(f64::NAN);
        buckets.record(f64::INFINITY);
        assert_eq!(buckets.counts().sum::<u64>(), 2);
    }
}
