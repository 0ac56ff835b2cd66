//! URL rewrites (Gateway API `HTTPURLRewriteFilter`).

use std::sync::Arc;

use http::HeaderValue;
use http::uri::PathAndQuery;

use super::path::PathModifier;
use crate::normalise;

/// A rewrite of Host and path.
pub(crate) struct Rewrite {
    /// The new `Host`.
    pub(crate) host: Option<HeaderValue>,
    path: Option<PathModifier>,
}

impl Rewrite {
    /// # Errors
    /// A text for people, when a part of it is not what it should be.
    pub(super) fn new(from: &snapshot::UrlRewrite, prefixed: bool) -> Result<Self, Arc<str>> {
        let host = match from.hostname.as_deref() {
            None => None,
            Some(text) => Some(host(text)?),
        };
        let path = from.path.as_ref().map(|path| PathModifier::new(path, prefixed)).transpose()?;
        Ok(Self { host, path })
    }

    /// What the request's path becomes; `None` leaves it. The query stays.
    ///
    /// `path` is the canonical path that was matched and `prefix` its
    /// [`crate::table::Hit::prefix`], so that of two rewrites the later one counts and neither
    /// sees the other's work.
    pub(crate) fn path(
        &self,
        path: &str,
        query: Option<&str>,
        prefix: usize,
    ) -> Option<PathAndQuery> {
        let modifier = self.path.as_ref()?;
        let mut to = String::with_capacity(path.len() + query.map_or(0, str::len) + 32);
        modifier.push(path, prefix, &mut to);
        if let Some(query) = query {
            to.push('?');
            to.push_str(query);
        }
        PathAndQuery::try_from(to).ok()
    }
}

fn host(text: &str) -> Result<HeaderValue, Arc<str>> {
    let value = normalise::authority(text).ok().map(|_| HeaderValue::from_str(text));
    match value {
        Some(Ok(value)) => Ok(value),
        _ => Err(format!("{text:?} is no hostname").into()),
    }
}

#[cfg(test)]
mod tests {
    use snapshot::{PathModifier, UrlRewrite};

    use super::Rewrite;

    #[test]
    fn the_query_stays_with_a_new_path() {
        let from = UrlRewrite {
            hostname: Some("one.example.org".into()),
            path: Some(PathModifier::ReplacePrefix("/one".into())),
        };
        let rewrite = Rewrite::new(&from, true).unwrap();
        assert_eq!(rewrite.host.as_ref().unwrap(), "one.example.org");
        let becomes = |path, query, prefix| rewrite.path(path, query, prefix).unwrap().to_string();
        assert_eq!(becomes("/prefix/one/two", None, 11), "/one/two");
        assert_eq!(becomes("/prefix/one", Some("?a=%20"), 11), "/one??a=%20");
    }

    #[test]
    fn what_is_no_host_is_refused() {
        for text in ["user@h", "h/x", "h\r\nx: y", "", "h h"] {
            let from = UrlRewrite { hostname: Some(text.into()), path: None };
            assert!(Rewrite::new(&from, true).is_err(), "{text:?}");
        }
    }
}
