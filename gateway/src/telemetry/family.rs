//! What a metric is called, what it means, and how it adds up.

/// One metric with all its series. Names carry the base unit: `_seconds`, `_bytes`, and `_total`
/// for what only goes up.
#[derive(Debug)]
pub(crate) struct Family {
    pub(crate) name: &'static str,
    /// A sentence for people.
    pub(crate) help: &'static str,
    pub(crate) kind: Kind,
    /// The same over all owners, those that left included.
    pub(crate) total: Option<Total>,
}

/// The sum of a family over its owners, as a family of its own.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Total {
    pub(crate) name: &'static str,
    pub(crate) help: &'static str,
}

/// How values add up.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Kind {
    Counter,
    Gauge,
    /// With the upper bounds of its buckets.
    Histogram(Bounds),
}

/// Upper bounds of buckets, ascending; by reference, so that each histogram keeps one word of them.
pub(crate) type Bounds = &'static &'static [f64];

/// Bounds for times in seconds: from half a millisecond, below which a proxied request hardly
/// gets, to the 60 s that a response head may take.
pub(crate) static SECONDS: &[f64] = &[
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0,
    60.0,
];

/// Bounds for times of our own work, which takes microseconds when little changed.
pub(crate) static WORK_SECONDS: &[f64] = &[
    0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 1.0,
    5.0,
];

impl Family {
    pub(crate) const fn counter(name: &'static str, help: &'static str) -> Self {
        Self { name, help, kind: Kind::Counter, total: None }
    }

    pub(crate) const fn gauge(name: &'static str, help: &'static str) -> Self {
        Self { name, help, kind: Kind::Gauge, total: None }
    }

    pub(crate) const fn histogram(name: &'static str, help: &'static str, bounds: Bounds) -> Self {
        Self { name, help, kind: Kind::Histogram(bounds), total: None }
    }

    /// Adds up over all owners under a name of its own.
    pub(crate) const fn with_total(mut self, name: &'static str, help: &'static str) -> Self {
        self.total = Some(Total { name, help });
        self
    }
}
