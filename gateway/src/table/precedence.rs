//! Which of two matches wins (Gateway API `HTTPRouteRule.matches`, `GRPCRouteRule.matches`).

use std::cmp::{Ordering, Reverse};

use snapshot::{ObjectKey, PathMatch, RouteKey, RouteKind};

/// The place of a path match among others on one host; the smaller wins.
///
/// The Gateway API leaves regular expressions to us: they come after exact paths and before
/// prefixes, as whoever writes one means something more special than a prefix; the longer pattern
/// comes first. Not so in a GRPCRoute: there an expression stands for "this method of any
/// service", and the service that is named (a prefix) comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum PathRank {
    Exact,
    Regex(Reverse<usize>),
    /// Any prefix but `/`.
    Prefix(Reverse<usize>),
    /// A regular expression of a GRPCRoute.
    LateRegex(Reverse<usize>),
    /// The prefix `/`.
    Root,
}

impl PathRank {
    pub(super) fn new(kind: RouteKind, path: &PathMatch) -> Self {
        match (kind, path) {
            (_, PathMatch::Exact(_)) => Self::Exact,
            (_, PathMatch::Prefix(prefix)) if &**prefix == "/" => Self::Root,
            (_, PathMatch::Prefix(prefix)) => Self::Prefix(Reverse(prefix.len())),
            (RouteKind::Http, PathMatch::Regex(pattern)) => {
                Self::Regex(Reverse(pattern.as_str().len()))
            }
            (RouteKind::Grpc, PathMatch::Regex(pattern)) => {
                Self::LateRegex(Reverse(pattern.as_str().len()))
            }
        }
    }
}

/// All that decides between matches of equal hostnames, in the order in which it decides. The
/// smaller wins; no two matches of a host are equal.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Precedence<'a> {
    pub(super) path: PathRank,
    /// A match that names a method comes first.
    pub(super) method: Reverse<bool>,
    /// Then the one with most headers.
    pub(super) headers: Reverse<usize>,
    /// Then the one with most query parameters.
    pub(super) query: Reverse<usize>,
    /// Then the oldest object, in seconds since 1970.
    pub(super) created: i64,
    /// Then the first by name.
    pub(super) object: Name<'a>,
    pub(super) kind: RouteKind,
    /// Then the first rule of the object, and its first match.
    pub(super) rule: u16,
    pub(super) index: u16,
}

impl<'a> Precedence<'a> {
    pub(super) fn new(key: &'a RouteKey, created: i64, one: &snapshot::Match, index: u16) -> Self {
        Self {
            path: PathRank::new(key.kind, &one.path),
            method: Reverse(one.method.is_some()),
            headers: Reverse(one.headers.len()),
            query: Reverse(one.query.len()),
            created,
            object: Name(&key.object),
            kind: key.kind,
            rule: key.rule,
            index,
        }
    }
}

/// An object's name in the order of the text `namespace/name`, which is not the order of the pair:
/// `a-b/x` comes before `a/x`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Name<'a>(&'a ObjectKey);

impl Name<'_> {
    fn bytes(&self) -> impl Iterator<Item = u8> {
        self.0.namespace.bytes().chain([b'/']).chain(self.0.name.bytes())
    }
}

impl Ord for Name<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.bytes().cmp(other.bytes())
    }
}

impl PartialOrd for Name<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, Method};
    use snapshot::{
        HeaderMatch, Match, ObjectKey, PathMatch, Pattern, QueryMatch, RouteKey, RouteKind, Text,
    };

    use super::Precedence;

    fn regex(text: &str) -> PathMatch {
        PathMatch::Regex(Pattern::parse(text).unwrap())
    }

    fn prefix(text: &str) -> PathMatch {
        PathMatch::Prefix(text.into())
    }

    fn bare(path: PathMatch) -> Match {
        Match { path, method: None, headers: Vec::new(), query: Vec::new() }
    }

    fn full(path: PathMatch, method: bool, headers: usize, query: usize) -> Match {
        let text = || Text::Exact("v".into());
        let name = |i| HeaderName::try_from(format!("h{i}")).unwrap();
        Match {
            path,
            method: method.then_some(Method::GET),
            headers: (0..headers).map(|i| HeaderMatch { name: name(i), value: text() }).collect(),
            query: (0..query)
                .map(|i| QueryMatch { name: format!("q{i}").into(), value: text() })
                .collect(),
        }
    }

    fn key(kind: RouteKind, namespace: &str, name: &str, rule: u16) -> RouteKey {
        RouteKey { kind, object: ObjectKey::new(namespace, name), rule }
    }

    #[test]
    fn a_match_is_judged_by_path_then_method_then_headers_then_query() {
        let order = [
            full(PathMatch::Exact("/a".into()), true, 0, 0),
            bare(PathMatch::Exact("/a/long".into())),
            bare(regex("/a.*")),
            full(regex("/.*"), true, 9, 9),
            bare(prefix("/aaa")),
            full(prefix("/aa"), true, 0, 0),
            full(prefix("/aa"), false, 2, 0),
            full(prefix("/aa"), false, 1, 2),
            full(prefix("/aa"), false, 1, 1),
            bare(prefix("/aa")),
            full(prefix("/"), true, 9, 9),
        ];
        let key = key(RouteKind::Http, "n", "r", 0);
        let ranks: Vec<_> = order.iter().map(|one| Precedence::new(&key, 0, one, 0)).collect();
        assert!(ranks.is_sorted_by(|a, b| a < b), "{ranks:#?}");
    }

    #[test]
    fn equal_matches_are_judged_by_age_then_name_then_place() {
        let one = bare(prefix("/"));
        let http = |namespace, name, rule| key(RouteKind::Http, namespace, name, rule);
        let order = [
            (http("z", "z", 9), 1, 9),
            (http("a-b", "x", 9), 2, 9),
            (http("a", "x", 0), 2, 0),
            (http("a", "x", 0), 2, 1),
            (http("a", "x", 1), 2, 0),
            (http("a", "xx", 0), 2, 0),
        ];
        let ranks: Vec<_> = order
            .iter()
            .map(|(key, created, index)| Precedence::new(key, *created, &one, *index))
            .collect();
        assert!(ranks.is_sorted_by(|a, b| a < b), "{ranks:#?}");
    }

    #[test]
    fn in_a_grpc_route_a_service_comes_before_a_method_of_any() {
        let key = key(RouteKind::Grpc, "n", "r", 0);
        let order = [
            bare(PathMatch::Exact("/s/m".into())),
            bare(prefix("/s")),
            bare(regex("/[^/]+/method")),
            bare(prefix("/")),
        ];
        let ranks: Vec<_> = order.iter().map(|one| Precedence::new(&key, 0, one, 0)).collect();
        assert!(ranks.is_sorted_by(|a, b| a < b), "{ranks:#?}");
    }
}
