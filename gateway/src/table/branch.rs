//! The paths of one host that share their first segment.
//!
//! Exact paths stand in a flat map. Prefixes stand in routers of `matchit`, one in another: a
//! router holds the prefixes that no other prefix of the router covers, and each of those has the
//! router of the prefixes below it. So a lookup walks down from the shortest prefix to the
//! longest, needs no way back and therefore no memory; from the longest on, each prefix knows the
//! next shorter one.

use std::collections::{BTreeMap, HashMap};

use matchit::Router;
use rustc_hash::FxBuildHasher;

use super::rule::Entry;

/// Exact paths and prefixes, each with its matches in the order of precedence.
#[derive(Default)]
pub(super) struct Branch {
    exact: HashMap<Box<str>, Box<[Entry]>, FxBuildHasher>,
    /// A prefix stands after every prefix that covers it.
    prefixes: Box<[Prefix]>,
    /// The prefixes that no other covers, as indices.
    top: Option<Router<usize>>,
}

/// A prefix that rules name.
struct Prefix {
    /// Bytes of it; no trailing slash.
    len: usize,
    entries: Box<[Entry]>,
    /// The longest prefix that covers this one.
    shorter: Option<usize>,
    /// Prefixes that this one covers and no longer one does, by what they add to it.
    below: Option<Router<usize>>,
}

/// The part of a canonical path between its first and its second slash.
pub(super) fn first_segment(path: &str) -> &str {
    let rest = path.strip_prefix('/').unwrap_or(path);
    rest.split_once('/').map_or(rest, |(first, _)| first)
}

impl Branch {
    /// Of matches by their path; each list is sorted by precedence.
    pub(super) fn new(
        exact: BTreeMap<&str, Vec<Entry>>,
        prefixes: BTreeMap<&str, Vec<Entry>>,
    ) -> Self {
        let exact = exact.into_iter().map(|(path, list)| (path.into(), list.into())).collect();
        let mut branch = Self { exact, ..Self::default() };
        branch.set_prefixes(prefixes);
        branch
    }

    fn set_prefixes(&mut self, prefixes: BTreeMap<&str, Vec<Entry>>) {
        let mut by_length: Vec<_> = prefixes.into_iter().collect();
        by_length.sort_by_key(|(path, _)| path.len());
        let mut places = BTreeMap::new();
        let mut list: Vec<Prefix> = Vec::with_capacity(by_length.len());
        for (path, entries) in by_length {
            let place = list.len();
            let shorter = parents(path).find_map(|parent| places.get(parent).copied());
            let (router, added) = match shorter {
                Some(shorter) => {
                    let above: &mut Prefix = &mut list[shorter];
                    (&mut above.below, &path[above.len..])
                }
                None => (&mut self.top, path),
            };
            insert(router.get_or_insert_default(), added, place);
            places.insert(path, place);
            list.push(Prefix { len: path.len(), entries: entries.into(), shorter, below: None });
        }
        self.prefixes = list.into();
    }

    /// The matches whose exact path this is.
    pub(super) fn exact(&self, path: &str) -> &[Entry] {
        self.exact.get(path).map_or(&[], |entries| entries)
    }

    /// The matches whose prefix the path has, longest first, with the prefix's bytes.
    pub(super) fn prefixes<'t>(
        &'t self,
        path: &str,
    ) -> impl Iterator<Item = (usize, &'t [Entry])> + use<'t> {
        let longest = self.longest(path);
        std::iter::successors(longest, |prefix| prefix.shorter.map(|place| &self.prefixes[place]))
            .map(|prefix| (prefix.len, &*prefix.entries))
    }

    /// Every match, whatever its path.
    pub(super) fn all(&self) -> impl Iterator<Item = &Entry> {
        let exact = self.exact.values();
        exact.chain(self.prefixes.iter().map(|prefix| &prefix.entries)).flatten()
    }

    fn longest(&self, path: &str) -> Option<&Prefix> {
        let mut found: Option<&Prefix> = None;
        let mut router = self.top.as_ref();
        while let Some(inner) = router {
            let rest = &path[found.map_or(0, |prefix| prefix.len)..];
            let Ok(hit) = inner.at(rest) else { break };
            let prefix = &self.prefixes[*hit.value];
            router = prefix.below.as_ref();
            found = Some(prefix);
        }
        found
    }
}

/// `/a/b` and `/a` of `/a/b/c`.
fn parents(path: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(path), |path| path.rfind('/').map(|at| &path[..at])).skip(1)
}

/// Adds a prefix that covers whole segments: itself, and everything behind a slash. The catch-all
/// of matchit is never empty, so that the slash alone is a third entry.
fn insert(router: &mut Router<usize>, prefix: &str, place: usize) {
    let literal = prefix.replace('{', "{{").replace('}', "}}");
    for route in [literal.clone(), format!("{literal}/"), format!("{literal}/{{*rest}}")] {
        router
            .insert(route, place)
            .expect("prefixes of a router differ, and none has an unescaped brace");
    }
}

#[cfg(test)]
mod tests {
    use super::{first_segment, parents};

    #[test]
    fn paths_fall_apart_at_their_slashes() {
        for (path, first) in [("/", ""), ("/a", "a"), ("/a/", "a"), ("/a/b/c", "a")] {
            assert_eq!(first_segment(path), first, "{path}");
        }
        assert_eq!(parents("/a/b/c").collect::<Vec<_>>(), ["/a/b", "/a", ""]);
    }
}
