//! What lets crates that use the `metrics` macros write into our registry.
//!
//! Their families have no owners, and their histograms are taken for times in seconds. A name that
//! another kind took first gets a handle that does nothing.

use std::sync::Arc;

use metrics::{Counter, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit};

use super::cell::Cell;
use super::family::{Kind, SECONDS};
use super::registry::{Registry, label_text};

/// A `metrics::Recorder`; set it as the global one at most once per process.
#[derive(Clone, Debug)]
pub struct MetricsRecorder(pub(super) Arc<Registry>);

impl MetricsRecorder {
    fn register(&self, key: &Key, kind: Kind) -> Cell {
        let own = label_text(key.labels().map(|label| (label.key(), label.value())));
        self.0.register(key.name(), kind, own.into())
    }
}

impl Recorder for MetricsRecorder {
    fn describe_counter(&self, key: KeyName, _: Option<Unit>, help: SharedString) {
        self.0.describe(key.as_str(), Kind::Counter, help.into_owned());
    }

    fn describe_gauge(&self, key: KeyName, _: Option<Unit>, help: SharedString) {
        self.0.describe(key.as_str(), Kind::Gauge, help.into_owned());
    }

    fn describe_histogram(&self, key: KeyName, _: Option<Unit>, help: SharedString) {
        self.0.describe(key.as_str(), Kind::Histogram(&SECONDS), help.into_owned());
    }

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        match self.register(key, Kind::Counter) {
            Cell::Counter(count) => Counter::from_arc(count),
            _ => Counter::noop(),
        }
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        match self.register(key, Kind::Gauge) {
            Cell::Gauge(level) => Gauge::from_arc(level),
            _ => Gauge::noop(),
        }
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        match self.register(key, Kind::Histogram(&SECONDS)) {
            Cell::Histogram(buckets) => Histogram::from_arc(buckets),
            _ => Histogram::noop(),
        }
    }
}
