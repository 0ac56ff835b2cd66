//! A try under way: its place at an endpoint, and in the backend's numbers.

use std::sync::Arc;

use crate::backend::{Backend, Picked};
use crate::connect::ClientIdentity;
use crate::endpoint::Endpoint;
use crate::pool::Target;
use crate::telemetry::TryFailure;

/// Counted in until dropped: keep it to the end of the response's body, or of the tunnel.
pub(crate) struct Trying {
    picked: Picked,
    backend: Arc<Backend>,
}

impl Trying {
    /// A try at `picked` begins.
    pub(crate) fn begin(backend: &Arc<Backend>, picked: Picked) -> Self {
        backend.metrics().begin();
        Self { picked, backend: backend.clone() }
    }

    /// Where.
    pub(crate) fn endpoint(&self) -> &Arc<Endpoint> {
        self.picked.endpoint()
    }

    /// How a request gets there.
    pub(crate) fn target<'t>(
        &'t self,
        identity: Option<&'t Arc<ClientIdentity>>,
        want_h2: bool,
        again: bool,
    ) -> Target<'t> {
        let (config, endpoint) = (self.picked.config(), self.picked.endpoint());
        Target { config, endpoint, identity, want_h2, again }
    }

    /// The response broke off in its body.
    pub(crate) fn truncated(&self) {
        self.backend.metrics().failed(TryFailure::Truncated);
    }
}

impl Drop for Trying {
    fn drop(&mut self) {
        self.backend.metrics().end();
    }
}
