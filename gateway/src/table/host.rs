//! What one hostname of a listener serves.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use http::HeaderMap;

use super::branch::{Branch, stem, stems};
use super::condition::PathTest;
use super::entries::Entries;
use super::precedence::PathRank;
use super::rule::Entry;
use super::shards::Shards;

/// The matches of all rules attached with one hostname.
///
/// They stand in parts that are compiled apart ([`Part`]), so that a change in a host of thousands
/// of paths costs what shares its stem.
#[derive(Clone, Default)]
pub(super) struct Host {
    branches: Shards<Arc<Branch>>,
    /// `None` for none: most have none.
    regexes: Option<Arc<Regexes>>,
    /// Those with the prefix `/`.
    root: Arc<Entries>,
}

/// Matches whose path is a regular expression, in the order of precedence.
struct Regexes {
    list: Box<[Entry]>,
    /// Those that come after prefixes.
    late: Box<[Entry]>,
}

/// A part of a host that is compiled as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Part<'a> {
    /// Exact paths and prefixes with this stem.
    Branch(&'a str),
    Regexes,
    /// The prefix `/`.
    Root,
}

impl<'a> Part<'a> {
    /// Where a match stands.
    pub(super) fn of(path: &'a PathTest) -> Self {
        match path {
            PathTest::Regex(_) => Self::Regexes,
            PathTest::Prefix(text) if text.is_empty() => Self::Root,
            PathTest::Exact(text) | PathTest::Prefix(text) => Self::Branch(stem(text)),
        }
    }
}

impl Host {
    /// Replaces a part by these matches, in any order. None: the part goes.
    pub(super) fn set(&mut self, part: Part<'_>, mut entries: Vec<Entry>) {
        entries.sort_by(|a, b| a.precedence().cmp(&b.precedence()));
        match part {
            Part::Root => self.root = Arc::new(Entries::new(entries)),
            Part::Regexes if entries.is_empty() => self.regexes = None,
            Part::Regexes => {
                let late =
                    |entry: &Entry| matches!(entry.precedence().path, PathRank::LateRegex(_));
                let (late, list) = entries.into_iter().partition::<Vec<_>, _>(late);
                self.regexes = Some(Arc::new(Regexes { list: list.into(), late: late.into() }));
            }
            Part::Branch(stem) if entries.is_empty() => self.branches.remove(stem),
            Part::Branch(stem) => {
                let branch = Arc::new(branch(stem, &entries));
                self.branches.insert(name(stem, &entries), branch);
            }
        }
    }

    /// The matches of a part, in no order.
    pub(super) fn part(&self, part: Part<'_>) -> Vec<Entry> {
        match part {
            Part::Root => self.root.all().cloned().collect(),
            Part::Regexes => self.regexes().chain(self.late_regexes()).cloned().collect(),
            Part::Branch(stem) => self
                .branches
                .get(stem)
                .into_iter()
                .flat_map(|branch| branch.all())
                .cloned()
                .collect(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.branches.len() == 0 && self.regexes.is_none() && self.root.is_empty()
    }

    /// Shows every match whose path is this one in the order of precedence, with the bytes of its
    /// prefix, until the visitor breaks. Regular expressions are shown without being asked. With
    /// `headers`, matches that ask for other headers may be left out.
    pub(super) fn walk<'t, B>(
        &'t self,
        path: &str,
        headers: Option<&HeaderMap>,
        mut visit: impl FnMut(&'t Entry, usize) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        let own = self.branches.get(stem(path));
        let exact = own.and_then(|branch| branch.exact(path)).into_iter();
        let exact = exact.flat_map(|entries| entries.for_request(headers));
        exact.chain(self.regexes()).try_for_each(|entry| visit(entry, 0))?;
        let shorter = stems(path).skip(1).filter_map(|stem| self.branches.get(stem));
        for branch in own.into_iter().chain(shorter) {
            for (prefix, entries) in branch.prefixes(path) {
                entries.for_request(headers).try_for_each(|entry| visit(entry, prefix))?;
            }
        }
        let mut last = self.late_regexes().chain(self.root.for_request(headers));
        last.try_for_each(|entry| visit(entry, 0))
    }

    /// Every match, whatever its path, in no order.
    pub(super) fn all(&self) -> impl Iterator<Item = &Entry> {
        let branches = self.branches.values().flat_map(|branch| branch.all());
        branches.chain(self.regexes()).chain(self.late_regexes()).chain(self.root.all())
    }

    fn regexes(&self) -> impl Iterator<Item = &Entry> {
        self.regexes.iter().flat_map(|regexes| &*regexes.list)
    }

    fn late_regexes(&self) -> impl Iterator<Item = &Entry> {
        self.regexes.iter().flat_map(|regexes| &*regexes.late)
    }
}

/// A stem to keep: it is often the whole path of a match, which is kept already.
fn name(stem: &str, entries: &[Entry]) -> Arc<str> {
    let mut paths = entries.iter().map(|entry| &entry.condition().path);
    let same = paths.find_map(|path| match path {
        PathTest::Exact(text) | PathTest::Prefix(text) if **text == *stem => Some(text.clone()),
        _ => None,
    });
    same.unwrap_or_else(|| stem.into())
}

fn branch(stem: &str, sorted: &[Entry]) -> Branch {
    let mut exact = BTreeMap::<_, Vec<_>>::new();
    let mut prefixes = BTreeMap::<_, Vec<_>>::new();
    for entry in sorted {
        match &entry.condition().path {
            PathTest::Exact(path) => exact.entry(&**path).or_default().push(entry.clone()),
            PathTest::Prefix(path) => prefixes.entry(&**path).or_default().push(entry.clone()),
            PathTest::Regex(_) => unreachable!("a regular expression is no part of a branch"),
        }
    }
    Branch::new(stem, exact, prefixes)
}
