//! URL rewrites.

use http::HeaderValue;
use http::uri::PathAndQuery;

use super::path::PathModifier;

/// A rewrite of Host and path.
pub(crate) struct Rewrite {
    /// The new `Host`.
    pub(crate) host: Option<HeaderValue>,
    path: Option<PathModifier>,
}

impl Rewrite {
    /// What the path that was matched becomes; the query stays. `None`: as it is.
    pub(crate) fn path(
        &self,
        _path: &str,
        _query: Option<&str>,
        _prefix: usize,
    ) -> Option<PathAndQuery> {
        unimplemented!("lands next")
    }
}
