//! A service port becomes a backend, with the policies that target it.

use std::sync::Arc;

use snapshot::{Backend, BackendKey};

use super::reads::Reads;

/// Computes the unit of a service port; `None` where there is no such port.
pub(crate) fn compute(reads: &Reads<'_>, key: &BackendKey) -> Option<Arc<Backend>> {
    let _ = (reads, key);
    unimplemented!("written with the backends")
}
