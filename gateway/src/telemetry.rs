//! Metrics and the access log.

use std::sync::Arc;

use snapshot::RouteKey;

/// All metrics.
#[derive(Clone)]
pub struct Telemetry;

/// The series of one rule.
pub struct RouteMetrics;

impl Telemetry {
    /// The series of a rule.
    pub fn route(&self, _key: &RouteKey) -> Arc<RouteMetrics> {
        Arc::new(RouteMetrics)
    }
}
