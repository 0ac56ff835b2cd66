//! How a backend is reached: protocol, TLS, and whether at all.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use snapshot::Protocol;

use crate::connect::Tls;
use crate::telemetry::BackendMetrics;

/// What a backend's policies say. Immutable: a change makes another one, and with it other pooled
/// connections.
pub(crate) struct BackendConfig {
    id: u64,
    source: Arc<snapshot::Backend>,
    tls: Option<Tls>,
    metrics: Arc<BackendMetrics>,
}

impl BackendConfig {
    /// The config of a backend; an error says what is wrong with its policy.
    pub(super) fn new(
        source: Arc<snapshot::Backend>,
        metrics: Arc<BackendMetrics>,
    ) -> Result<Self, String> {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let tls = source.tls.as_ref().map(Tls::new).transpose()?;
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        Ok(Self { id, source, tls, metrics })
    }

    /// Unique among all configs of this process: connections are pooled apart for each.
    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    /// What its endpoints speak.
    pub(crate) fn protocol(&self) -> Protocol {
        self.source.protocol
    }

    /// How its endpoints are reached over TLS, if they are.
    pub(crate) fn tls(&self) -> Option<&Tls> {
        self.tls.as_ref()
    }

    /// Why it must not be used.
    pub(super) fn refused(&self) -> Option<&Arc<str>> {
        self.source.refused.as_ref()
    }

    /// What it was made from.
    pub(super) fn source(&self) -> &Arc<snapshot::Backend> {
        &self.source
    }

    /// The numbers of the backend.
    pub(crate) fn metrics(&self) -> &BackendMetrics {
        &self.metrics
    }
}
