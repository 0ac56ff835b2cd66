//! One match of a rule, compiled: path, method, headers and query.

use std::borrow::Cow;
use std::sync::Arc;

use http::Method;
use http::header::{COOKIE, HeaderMap, HeaderName};
use percent_encoding::percent_decode_str;
use regex::Regex;
use serde::Serialize;
use smallvec::SmallVec;
use snapshot::{Match, PathMatch, Pattern, Text};

use super::Seek;
use crate::normalise;

/// Repeated headers and encoded parameters are put together here for a regular expression; longer
/// ones go to the heap.
type Scratch = SmallVec<[u8; 256]>;

/// What a request must be like.
pub(super) struct Condition {
    /// On the canonical path.
    pub(super) path: PathTest,
    method: Option<Method>,
    headers: Box<[(HeaderName, TextTest)]>,
    query: Box<[(Arc<str>, TextTest)]>,
}

/// What the path must be like. The texts are canonical.
pub(super) enum PathTest {
    Exact(Arc<str>),
    /// Without a trailing slash: empty for the prefix `/`.
    Prefix(Arc<str>),
    /// Boxed, as it is large and rare.
    Regex(Box<Regex>),
}

enum TextTest {
    Exact(Arc<str>),
    Regex(Regex),
}

/// What keeps a request from matching.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum Miss {
    /// Its path.
    Path,
    /// Its method.
    Method,
    /// The value of this header, or that it has none.
    Header(String),
    /// The value of this query parameter, or that it has none.
    Query(String),
}

impl Condition {
    /// # Errors
    /// A text for people, when no request can match.
    pub(super) fn new(from: &Match) -> Result<Self, String> {
        let headers = from.headers.iter().map(|one| (one.name.clone(), TextTest::new(&one.value)));
        let query = from.query.iter().map(|one| (one.name.clone(), TextTest::new(&one.value)));
        Ok(Self {
            path: PathTest::new(&from.path)?,
            method: from.method.clone(),
            headers: headers.collect(),
            query: query.collect(),
        })
    }

    /// Whether a request matches whose path is known to, unless that is a regular expression's to
    /// say: it is asked last, as it costs most.
    pub(super) fn holds(&self, seek: &Seek<'_>) -> bool {
        self.method.as_ref().is_none_or(|method| method == seek.method)
            && self.headers.iter().all(|(name, test)| test.header(name, seek.headers))
            && self.query.iter().all(|(name, test)| test.query(name, seek.query))
            && match &self.path {
                PathTest::Regex(regex) => regex.is_match(seek.path),
                PathTest::Exact(_) | PathTest::Prefix(_) => true,
            }
    }

    /// The headers of which it asks for an exact value.
    pub(super) fn exact_headers(&self) -> impl Iterator<Item = (&HeaderName, &str)> {
        self.headers.iter().filter_map(|(name, test)| match test {
            TextTest::Exact(text) => Some((name, &**text)),
            TextTest::Regex(_) => None,
        })
    }

    /// Everything that keeps a request from matching, its path included.
    pub(super) fn misses(&self, seek: &Seek<'_>) -> Vec<Miss> {
        let mut misses = Vec::new();
        if !self.path.holds(seek.path) {
            misses.push(Miss::Path);
        }
        if self.method.as_ref().is_some_and(|method| method != seek.method) {
            misses.push(Miss::Method);
        }
        let headers = self.headers.iter().filter(|(name, test)| !test.header(name, seek.headers));
        misses.extend(headers.map(|(name, _)| Miss::Header(name.to_string())));
        let query = self.query.iter().filter(|(name, test)| !test.query(name, seek.query));
        misses.extend(query.map(|(name, _)| Miss::Query(name.to_string())));
        misses
    }
}

impl PathTest {
    fn new(from: &PathMatch) -> Result<Self, String> {
        // Paths are compared in canonical form, so those of rules must have it too.
        let canonical = |text: &Arc<str>| match normalise::path(text) {
            Ok(Cow::Borrowed(_)) => Ok(text.clone()),
            Ok(Cow::Owned(canonical)) => Ok(canonical.into()),
            Err(refused) => Err(format!("no request has the path {text:?}: {refused}")),
        };
        Ok(match from {
            PathMatch::Exact(text) => Self::Exact(canonical(text)?),
            PathMatch::Prefix(text) => {
                let text = canonical(text)?;
                Self::Prefix(text.strip_suffix('/').map_or(text.clone(), Into::into))
            }
            PathMatch::Regex(pattern) => Self::Regex(Box::new(compile(pattern))),
        })
    }

    fn holds(&self, path: &str) -> bool {
        match self {
            Self::Exact(text) => **text == *path,
            Self::Prefix(text) => path
                .strip_prefix(&**text)
                .is_some_and(|rest| matches!(rest.as_bytes(), [] | [b'/', ..])),
            Self::Regex(regex) => regex.is_match(path),
        }
    }
}

fn compile(pattern: &Pattern) -> Regex {
    pattern.compile()
}

impl TextTest {
    fn new(from: &Text) -> Self {
        match from {
            Text::Exact(text) => Self::Exact(text.clone()),
            Text::Regex(pattern) => Self::Regex(compile(pattern)),
        }
    }

    /// On all values of the name, joined as RFC 9110 §5.3 and, for cookies, RFC 9113 §8.2.3 do.
    fn header(&self, name: &HeaderName, headers: &HeaderMap) -> bool {
        let mut values = headers.get_all(name).iter();
        let Some(first) = values.next() else { return false };
        let Some(second) = values.next() else { return self.bytes(first.as_bytes()) };
        let separator: &[u8] = if *name == COOKIE { b"; " } else { b"," };
        let rest = std::iter::once(second).chain(values);
        let rest = rest.flat_map(|value| separator.iter().chain(value.as_bytes()));
        self.stream(first.as_bytes().iter().chain(rest).copied())
    }

    /// On the decoded value of the first parameter of the name; a name without `=` has the empty
    /// value.
    fn query(&self, name: &str, query: Option<&str>) -> bool {
        let pairs = query.into_iter().flat_map(|query| query.split('&'));
        let mut pairs = pairs.map(|pair| pair.split_once('=').unwrap_or((pair, "")));
        let found = pairs.find(|(its_name, _)| percent_decode_str(its_name).eq(name.bytes()));
        found.is_some_and(|(_, value)| match value.contains('%') {
            true => self.stream(percent_decode_str(value)),
            false => self.bytes(value.as_bytes()),
        })
    }

    fn bytes(&self, value: &[u8]) -> bool {
        match self {
            Self::Exact(text) => text.as_bytes() == value,
            Self::Regex(regex) => std::str::from_utf8(value).is_ok_and(|text| regex.is_match(text)),
        }
    }

    fn stream(&self, value: impl Iterator<Item = u8>) -> bool {
        match self {
            Self::Exact(text) => value.eq(text.bytes()),
            Self::Regex(_) => self.bytes(&value.collect::<Scratch>()),
        }
    }
}

#[cfg(test)]
mod tests;
