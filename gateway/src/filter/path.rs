//! Path modifiers (Gateway API `HTTPPathModifier`), as redirects and rewrites share them.

use std::borrow::Cow;
use std::sync::Arc;

use crate::normalise;

/// How a path becomes another. The texts are canonical, so that what is made of them and of a
/// canonical path is canonical too: nothing behind a replaced prefix can climb out of it.
pub(super) enum PathModifier {
    /// The whole path becomes this.
    Full(Box<str>),
    /// The matched prefix becomes this, which has no trailing slash and is empty for `/`.
    Prefix(Box<str>),
}

impl PathModifier {
    /// # Errors
    /// A text for people, when the replacement is no path, or when there is no prefix to replace.
    pub(super) fn new(from: &snapshot::PathModifier, prefixed: bool) -> Result<Self, Arc<str>> {
        match from {
            snapshot::PathModifier::ReplaceFull(text) if text.is_empty() => {
                Ok(Self::Full("/".into()))
            }
            snapshot::PathModifier::ReplaceFull(text) => Ok(Self::Full(canonical(text)?.into())),
            snapshot::PathModifier::ReplacePrefix(_) if !prefixed => {
                Err("replacePrefixMatch needs a match of type PathPrefix".into())
            }
            snapshot::PathModifier::ReplacePrefix(text) if text.is_empty() => {
                Ok(Self::Prefix("".into()))
            }
            snapshot::PathModifier::ReplacePrefix(text) => {
                let text = canonical(text)?;
                Ok(Self::Prefix(text.strip_suffix('/').unwrap_or(&text).into()))
            }
        }
    }

    /// Appends what `path` becomes, whose first `prefix` bytes are the matched prefix.
    pub(super) fn push(&self, path: &str, prefix: usize, to: &mut String) {
        match self {
            Self::Full(text) => to.push_str(text),
            Self::Prefix(text) => {
                let rest = path.get(prefix..).unwrap_or_default();
                to.push_str(text);
                to.push_str(rest);
                if text.is_empty() && rest.is_empty() {
                    to.push('/');
                }
            }
        }
    }
}

fn canonical(text: &str) -> Result<Cow<'_, str>, Arc<str>> {
    normalise::path(text).map_err(|refused| format!("{text:?} is no path: {refused}").into())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::PathModifier;
    use crate::normalise;

    fn replaced(path: &str, prefix: &str, by: &str) -> String {
        let from = snapshot::PathModifier::ReplacePrefix(by.into());
        let mut to = String::new();
        // What the table hands out for a prefix: its bytes without a trailing slash.
        let prefix = prefix.trim_end_matches('/').len();
        PathModifier::new(&from, true).unwrap().push(path, prefix, &mut to);
        to
    }

    #[test]
    fn a_prefix_is_replaced_as_the_gateway_api_has_it() {
        for (path, prefix, by, becomes) in [
            ("/foo/bar", "/foo", "/xyz", "/xyz/bar"),
            ("/foo/bar", "/foo", "/xyz/", "/xyz/bar"),
            ("/foo/bar", "/foo/", "/xyz", "/xyz/bar"),
            ("/foo/bar", "/foo/", "/xyz/", "/xyz/bar"),
            ("/foo", "/foo", "/xyz", "/xyz"),
            ("/foo/", "/foo", "/xyz", "/xyz/"),
            ("/foo/bar", "/foo", "", "/bar"),
            ("/foo/", "/foo", "", "/"),
            ("/foo", "/foo", "", "/"),
            ("/foo/", "/foo", "/", "/"),
            ("/foo", "/foo", "/", "/"),
            ("/bar", "/", "/xyz", "/xyz/bar"),
            ("/", "/", "/xyz", "/xyz/"),
            ("/", "/", "/", "/"),
        ] {
            assert_eq!(replaced(path, prefix, by), becomes, "{path} {prefix} {by}");
        }
    }

    #[test]
    fn a_replacement_is_canonical_or_refused() {
        let full = |text: &str| {
            let from = snapshot::PathModifier::ReplaceFull(text.into());
            PathModifier::new(&from, false).map(|made| {
                let mut to = String::new();
                made.push("/any", 0, &mut to);
                to
            })
        };
        assert_eq!(full("/a/./b").as_deref(), Ok("/a/b"));
        assert_eq!(full("").as_deref(), Ok("/"));
        for text in ["a", "/../a", "/a?b", "/a b", "/a\r\nx: y", "//evil\\", "https://evil/"] {
            assert!(full(text).is_err(), "{text:?}");
        }
        let prefix = snapshot::PathModifier::ReplacePrefix("/a".into());
        assert!(PathModifier::new(&prefix, false).is_err());
    }

    proptest! {
        #[test]
        fn what_a_prefix_becomes_stays_below_it(
            rest in "(/(a|\\.|\\.\\.|%2e%2e|%2E\\.|b;)){0,5}/?",
            by in "(/x){0,2}/?",
        ) {
            let path = format!("/api{rest}");
            let Ok(path) = normalise::path(&path) else { return Ok(()) };
            prop_assume!(path == "/api" || path.starts_with("/api/"));
            let becomes = replaced(&path, "/api", &by);
            let canonical = normalise::path(&becomes);
            prop_assert_eq!(canonical.as_deref(), Ok(becomes.as_str()));
            prop_assert!(becomes.starts_with(by.trim_end_matches('/')));
        }
    }
}
