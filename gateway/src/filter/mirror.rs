//! Mirrors: where copies of requests go.

use std::sync::Arc;

use snapshot::Fraction;

use crate::backend::Backend;

/// A mirror.
pub(crate) struct Mirror {
    /// Who gets the copies; an invalid target gets none.
    pub(crate) target: Result<Arc<Backend>, Arc<str>>,
    fraction: Fraction,
}

impl Mirror {
    /// Whether a request that drew `random` is copied.
    pub(crate) fn takes(&self, _random: u32) -> bool {
        unimplemented!("lands next")
    }
}
