//! Cross-origin resource sharing.

use http::{HeaderMap, HeaderValue, Method, StatusCode};

/// A CORS policy.
pub(crate) struct Cors {}

/// The answer to a preflight; it has no body.
pub(crate) struct Preflight {
    /// 204 or 403.
    pub(crate) status: StatusCode,
    /// What the browser is told.
    pub(crate) headers: HeaderMap,
}

impl Cors {
    /// The answer if the request is a preflight, which is not forwarded.
    pub(crate) fn preflight(&self, _method: &Method, _headers: &HeaderMap) -> Option<Preflight> {
        unimplemented!("lands next")
    }

    /// Marks the response to a request that had this `Origin`.
    pub(crate) fn mark(&self, _origin: Option<&HeaderValue>, _response: &mut HeaderMap) {
        unimplemented!("lands next")
    }
}
