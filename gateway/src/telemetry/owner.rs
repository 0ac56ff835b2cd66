//! Whose series they are: a route, a backend, or the process.

use std::sync::Arc;

use metrics::{Counter, Gauge, Histogram};

use super::family::Family;
use super::registry::{LabelText, Registry, label_text};

/// Makes the handles of one owner. Its series leave with the last `Owner` of the same label; what
/// they counted stays in the totals.
#[derive(Debug)]
pub(super) struct Owner {
    registry: Arc<Registry>,
    /// `route="…"`; `None` is the process, which never leaves.
    label: Option<Arc<str>>,
}

impl Owner {
    pub(super) fn new(registry: Arc<Registry>, name: &str, value: &str) -> Self {
        let label: Arc<str> = label_text([(name, value)].into_iter()).into();
        registry.hold(&label);
        Self { registry, label: Some(label) }
    }

    pub(super) fn process(registry: Arc<Registry>) -> Self {
        Self { registry, label: None }
    }

    pub(super) fn counter(&self, family: &'static Family, own: impl Into<LabelText>) -> Counter {
        self.registry.counter(family, self.label.as_ref(), own.into())
    }

    pub(super) fn gauge(&self, family: &'static Family, own: impl Into<LabelText>) -> Gauge {
        self.registry.gauge(family, self.label.as_ref(), own.into())
    }

    pub(super) fn histogram(&self, family: &'static Family) -> Histogram {
        self.registry.histogram(family, self.label.as_ref(), "".into())
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        if let Some(label) = &self.label {
            self.registry.release(label);
        }
    }
}
