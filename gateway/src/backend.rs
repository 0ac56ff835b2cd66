//! Backends as routes hold them: shared, swapped in place, alive across tables.

use std::sync::Arc;

use snapshot::{BackendKey, Endpoints};

/// Every backend that a table holds.
#[derive(Clone)]
pub(crate) struct Backends;

/// One backend.
pub(crate) struct Backend;

impl Backends {
    /// The backend of a key; made when it is first asked for.
    pub(crate) fn handle(&self, _key: &BackendKey) -> Arc<Backend> {
        Arc::new(Backend)
    }

    /// Sets or removes a backend's policies.
    pub(crate) fn set(&self, _key: &BackendKey, _to: Option<Arc<snapshot::Backend>>) {}

    /// Sets or removes a backend's endpoints.
    pub(crate) fn set_endpoints(&self, _key: &BackendKey, _to: Option<Arc<Endpoints>>) {}
}
