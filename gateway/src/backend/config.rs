//! How a backend is reached: protocol, TLS, and whether at all.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use snapshot::{Lifecycle, Protocol};

use crate::connect::Tls;
use crate::telemetry::BackendMetrics;

/// What a backend's policies say. Immutable: a change makes another one, and one that concerns
/// connections makes other connections with it.
pub(crate) struct BackendConfig {
    id: u64,
    source: Arc<snapshot::Backend>,
    tls: Option<Arc<Tls>>,
    metrics: Arc<BackendMetrics>,
}

impl BackendConfig {
    /// The config of a backend; an error says what is wrong with its policy.
    pub(super) fn new(
        source: Arc<snapshot::Backend>,
        metrics: Arc<BackendMetrics>,
    ) -> Result<Self, String> {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let tls = source.tls.as_ref().map(Tls::new).transpose()?.map(Arc::new);
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        Ok(Self { id, source, tls, metrics })
    }

    /// The same connections under policies that say nothing else of them; `None` where they do.
    pub(super) fn renewed(&self, source: &Arc<snapshot::Backend>) -> Option<Self> {
        let snapshot::Backend { protocol, tls, refused: _, lifecycle: _ } = &**source;
        let same = *protocol == self.source.protocol && *tls == self.source.tls;
        let (id, source) = (self.id, Arc::clone(source));
        let metrics = Arc::clone(&self.metrics);
        same.then(|| Self { id, source, tls: self.tls.clone(), metrics })
    }

    /// Connections are pooled apart for each; the same where nothing that concerns them differs.
    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    /// What its endpoints speak.
    pub(crate) fn protocol(&self) -> Protocol {
        self.source.protocol
    }

    /// How its endpoints are reached over TLS, if they are.
    pub(crate) fn tls(&self) -> Option<&Tls> {
        self.tls.as_deref()
    }

    /// Whether a drain of one of its endpoints may cut plain requests.
    pub(crate) fn cuts_requests(&self) -> bool {
        self.source.lifecycle.drain.requests.is_some()
    }

    /// Why it must not be used.
    pub(super) fn refused(&self) -> Option<&Arc<str>> {
        self.source.refused.as_ref()
    }

    /// How its endpoints come and go.
    pub(super) fn lifecycle(&self) -> &Lifecycle {
        &self.source.lifecycle
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
