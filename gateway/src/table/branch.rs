//! The paths of one host that share their stem: their first segments.
//!
//! Exact paths stand in a flat map. Prefixes stand in routers of `matchit`, one in another: a
//! router holds the prefixes that no other prefix of the router covers, and each of those has the
//! router of the prefixes below it. So a lookup walks down from the shortest prefix to the
//! longest, needs no way back and therefore no memory; from the longest on, each prefix knows the
//! next shorter one.

use std::collections::{BTreeMap, HashMap};

use matchit::Router;
use memchr::{memchr_iter, memrchr};
use rustc_hash::FxBuildHasher;
use smallvec::SmallVec;

use super::entries::{Entries, tight};
use super::rule::Entry;

/// Most segments of a stem. A change compiles the paths of one stem again, and interfaces with
/// thousands of paths differ in their third segment at the latest (`/api/v1/orders`); each segment
/// more is a look into a map more for requests that nothing shorter takes.
const STEM: usize = 3;

/// Exact paths and prefixes, each with its matches in the order of precedence.
#[derive(Default)]
pub(super) struct Branch {
    exact: HashMap<Box<str>, Entries, FxBuildHasher>,
    /// A prefix stands after every prefix that covers it.
    prefixes: SmallVec<[Prefix; 1]>,
    /// The prefix that is the stem itself, which every path of the branch has.
    stem: Option<usize>,
    /// Prefixes that no other covers, by their whole text.
    top: Option<Box<Router<usize>>>,
}

/// A prefix that rules name.
struct Prefix {
    /// Bytes of it; no trailing slash.
    len: usize,
    entries: Entries,
    /// The longest prefix that covers this one.
    shorter: Option<usize>,
    /// Prefixes that this one covers and no longer one does, by what they add to it.
    below: Option<Box<Router<usize>>>,
}

/// The first segments of a canonical path, all of them if there are no more.
pub(super) fn stem(path: &str) -> &str {
    memchr_iter(b'/', path.as_bytes()).nth(STEM).map_or(path, |at| &path[..at])
}

/// The stems of the branches that may have a prefix of a path, longest first.
pub(super) fn stems(path: &str) -> impl Iterator<Item = &str> {
    let stem = stem(path);
    std::iter::once(stem).chain(parents(stem)).filter(|stem| !stem.is_empty())
}

impl Branch {
    /// Of matches by their path; each list is sorted by precedence.
    pub(super) fn new(
        stem: &str,
        exact: BTreeMap<&str, Vec<Entry>>,
        prefixes: BTreeMap<&str, Vec<Entry>>,
    ) -> Self {
        let exact = exact.into_iter().map(|(path, list)| (path.into(), Entries::new(list)));
        let mut branch = Self { exact: exact.collect(), ..Self::default() };
        branch.set_prefixes(stem, prefixes);
        branch
    }

    fn set_prefixes(&mut self, stem: &str, prefixes: BTreeMap<&str, Vec<Entry>>) {
        let mut by_length: Vec<_> = prefixes.into_iter().collect();
        by_length.sort_by_key(|(path, _)| path.len());
        let mut places = BTreeMap::new();
        let mut list: Vec<Prefix> = Vec::with_capacity(by_length.len());
        for (path, entries) in by_length {
            let place = list.len();
            let shorter = parents(path).find_map(|parent| places.get(parent).copied());
            match shorter {
                Some(shorter) => {
                    let above: &mut Prefix = &mut list[shorter];
                    insert(above.below.get_or_insert_default(), &path[above.len..], place);
                }
                None if path == stem => self.stem = Some(place),
                None => insert(self.top.get_or_insert_default(), path, place),
            }
            places.insert(path, place);
            let entries = Entries::new(entries);
            list.push(Prefix { len: path.len(), entries, shorter, below: None });
        }
        self.prefixes = tight(list);
    }

    /// The matches whose exact path this is.
    pub(super) fn exact(&self, path: &str) -> Option<&Entries> {
        self.exact.get(path)
    }

    /// The matches whose prefix the path has, longest first, with the prefix's bytes.
    pub(super) fn prefixes<'t>(
        &'t self,
        path: &str,
    ) -> impl Iterator<Item = (usize, &'t Entries)> + use<'t> {
        let longest = self.longest(path);
        std::iter::successors(longest, |prefix| prefix.shorter.map(|place| &self.prefixes[place]))
            .map(|prefix| (prefix.len, &prefix.entries))
    }

    /// Every match, whatever its path.
    pub(super) fn all(&self) -> impl Iterator<Item = &Entry> {
        let exact = self.exact.values();
        exact.chain(self.prefixes.iter().map(|prefix| &prefix.entries)).flat_map(Entries::all)
    }

    fn longest(&self, path: &str) -> Option<&Prefix> {
        let mut found = self.stem.map(|place| &self.prefixes[place]);
        let mut router = found.map_or(self.top.as_deref(), |prefix| prefix.below.as_deref());
        while let Some(inner) = router {
            let rest = &path[found.map_or(0, |prefix| prefix.len)..];
            let Ok(hit) = inner.at(rest) else { break };
            let prefix = &self.prefixes[*hit.value];
            router = prefix.below.as_deref();
            found = Some(prefix);
        }
        found
    }
}

/// `/a/b` and `/a` of `/a/b/c`.
fn parents(path: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(path), |path| memrchr(b'/', path.as_bytes()).map(|at| &path[..at]))
        .skip(1)
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
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::*;

    use super::{Branch, stem, stems};

    #[test]
    fn a_stem_is_the_first_segments() {
        for (path, expect, all) in [
            ("/", "/", &["/"][..]),
            ("/a", "/a", &["/a"]),
            ("/a/", "/a/", &["/a/", "/a"]),
            ("/a/b/c", "/a/b/c", &["/a/b/c", "/a/b", "/a"]),
            ("/a/b/c/", "/a/b/c", &["/a/b/c", "/a/b", "/a"]),
            ("/a/b/c/d/e", "/a/b/c", &["/a/b/c", "/a/b", "/a"]),
        ] {
            assert_eq!(stem(path), expect);
            assert_eq!(stems(path).collect::<Vec<_>>(), all);
        }
    }

    proptest! {
        #[test]
        fn the_prefixes_of_a_path_come_longest_first(
            ends in prop::collection::btree_set("(/(a|ab|\\{b\\}|\\{\\*c)){0,4}", 0..12),
            path in "(/(a|ab|\\{b\\}|\\{\\*c)){0,5}/?",
        ) {
            let (stem, path) = ("/x/y/z", format!("/x/y/z{path}"));
            let texts: BTreeSet<_> = ends.iter().map(|end| format!("{stem}{end}")).collect();
            let prefixes = texts.iter().map(|text| (text.as_str(), Vec::new())).collect();
            let branch = Branch::new(stem, BTreeMap::new(), prefixes);
            let covers = |text: &&String| {
                let rest = path.strip_prefix(text.as_str());
                rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            };
            let mut expect: Vec<_> = texts.iter().filter(covers).map(String::len).collect();
            expect.reverse();
            let found: Vec<_> = branch.prefixes(&path).map(|(len, _)| len).collect();
            prop_assert_eq!(found, expect, "{} in {:?}", path, texts);
        }
    }
}
