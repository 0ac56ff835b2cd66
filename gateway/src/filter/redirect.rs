//! Redirects.

use std::sync::Arc;

use http::{HeaderValue, StatusCode};

use super::path::PathModifier;

/// What a redirect needs of the request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct From<'r> {
    /// Whether it came over TLS.
    pub(crate) https: bool,
    /// Canonical host.
    pub(crate) host: &'r str,
    /// The listener's port.
    pub(crate) port: u16,
    /// Canonical path.
    pub(crate) path: &'r str,
    /// Query without `?`.
    pub(crate) query: Option<&'r str>,
    /// [`crate::table::Hit::prefix`].
    pub(crate) prefix: usize,
}

/// A redirect, ready to answer with.
pub(crate) struct Redirect {
    scheme: Option<Arc<str>>,
    host: Option<Arc<str>>,
    path: Option<PathModifier>,
    port: Option<u16>,
    /// The status of the answer.
    pub(crate) status: StatusCode,
}

impl Redirect {
    /// The `Location` of the answer.
    pub(crate) fn location(&self, _from: From<'_>) -> HeaderValue {
        unimplemented!("lands next")
    }
}
