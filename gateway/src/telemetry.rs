//! Metrics and the access log.
//!
//! Promises: whoever counts holds a handle made once, so that a request pays an atomic addition
//! and no look-up; no label value comes from a client; the series of routes and backends leave
//! with them while the totals stay; a line of the access log never waits for its reader.

mod access_log;
mod backend;
mod cell;
mod config;
mod connection;
mod family;
mod line;
mod outside;
mod owners;
mod process;
mod record;
mod recorder;
mod registry;
mod retry;
mod route;
mod text;

use std::sync::Arc;

use metrics::Counter;
use snapshot::{BackendKey, RouteKey};

pub use access_log::{AccessLog, LogFlusher, LogFormat, LogWriter};
pub use backend::BackendMetrics;
pub(crate) use backend::{EndpointCounts, TryFailure};
pub use config::ConfigMetrics;
pub use connection::ConnectionMetrics;
pub use record::{Record, TlsRecord};
pub use recorder::MetricsRecorder;
pub(crate) use retry::{RetryBy, RetryReason};
pub(crate) use route::Finished;
pub use route::RouteMetrics;

use backend::BackendNumbers;
use family::Family;
use outside::Outside;
use owners::Owners;
use registry::Registry;
use route::RouteNumbers;

static FAILURES: Family = Family::counter(
    "headgate_failures_total",
    "Requests that the gateway answered or cut short itself, by whose fault it was and the access \
     log's flag.",
);

/// All metrics of a process; clones are the same. See the module.
#[derive(Clone, Debug)]
pub struct Telemetry(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    process: Arc<Registry>,
    routes: Arc<Owners<RouteNumbers>>,
    backends: Arc<Owners<BackendNumbers>>,
    connections: ConnectionMetrics,
    config: ConfigMetrics,
    unrouted: Arc<RouteMetrics>,
    outside: Outside,
}

impl Telemetry {
    /// Everything at zero.
    #[must_use]
    pub fn new() -> Self {
        process::started();
        let process = Arc::new(Registry::default());
        let routes = Arc::new(Owners::default());
        Self(Arc::new(Inner {
            connections: ConnectionMetrics::new(process.clone()),
            config: ConfigMetrics::new(&process),
            unrouted: Arc::new(RouteMetrics::new(routes.clone(), None)),
            outside: Outside::default(),
            backends: Arc::new(Owners::default()),
            process,
            routes,
        }))
    }

    /// The numbers of a route: call it when a route is compiled.
    #[must_use]
    pub fn route(&self, key: &RouteKey) -> Arc<RouteMetrics> {
        let name = key.to_string().into();
        Arc::new(RouteMetrics::new(self.0.routes.clone(), Some(name)))
    }

    /// The numbers of requests that no route took; they show in the totals only.
    #[must_use]
    pub fn unrouted(&self) -> &Arc<RouteMetrics> {
        &self.0.unrouted
    }

    /// The numbers of a backend: call it when one is made.
    #[must_use]
    pub fn backend(&self, key: &BackendKey) -> BackendMetrics {
        BackendMetrics::new(self.0.backends.clone(), key.to_string().into())
    }

    /// The numbers of all connections from clients.
    #[must_use]
    pub fn connections(&self) -> &ConnectionMetrics {
        &self.0.connections
    }

    /// The numbers of changes.
    #[must_use]
    pub fn config(&self) -> &ConfigMetrics {
        &self.0.config
    }

    /// The counter of failures with this flag and fault, words of the failure table. Looked up:
    /// make it once where it may be used often.
    pub(crate) fn failure(&self, flag: &'static str, fault: &'static str) -> Counter {
        self.0.process.counter(&FAILURES, format!("fault=\"{fault}\",flag=\"{flag}\""))
    }

    /// What crates write into that use the `metrics` macros.
    #[must_use]
    pub fn recorder(&self) -> MetricsRecorder {
        MetricsRecorder(self.0.process.clone())
    }

    /// Shows a counter that somebody else keeps; of the same name, the last one counts.
    pub fn show(
        &self,
        name: &'static str,
        help: &'static str,
        read: impl Fn() -> u64 + Send + Sync + 'static,
    ) {
        self.0.outside.add(name, help, Box::new(read));
    }

    /// All metrics in Prometheus' text format, version 0.0.4.
    #[must_use]
    pub fn render(&self) -> String {
        let mut text = text::render(&self.0.process, &self.0.routes, &self.0.backends);
        self.0.outside.render(&mut text);
        process::render(&mut text);
        text
    }
}

impl Default for Telemetry {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests;
