//! The matches that stand at one path, in the order of precedence.
//!
//! Where many of them ask for exact values of the same header (a version, a tenant), they are found
//! by the request's value: a lookup then looks at those that may hold, not at all of them.

use std::collections::HashMap;
use std::iter;

use http::header::{HeaderMap, HeaderName};
use rustc_hash::FxBuildHasher;
use smallvec::SmallVec;

use super::rule::Entry;

/// Fewer matches than that are looked at one by one: a hash costs as much as a few comparisons.
/// Tests with a handful of matches shall meet the index as well (`apply`'s hold it to a naive
/// search).
const FEW: usize = if cfg!(test) { 2 } else { 8 };

/// Matches with the same path.
#[derive(Default)]
pub(super) struct Entries {
    /// One, mostly, which then costs no step further.
    list: SmallVec<[Entry; 1]>,
    index: Option<Box<Index>>,
}

/// Places in the list, ascending.
struct Index {
    header: HeaderName,
    by_value: HashMap<Box<[u8]>, Vec<usize>, FxBuildHasher>,
    /// Of those that do not ask for an exact value of the header.
    others: Vec<usize>,
}

impl Entries {
    /// Of matches that are sorted by precedence.
    pub(super) fn new(list: Vec<Entry>) -> Self {
        let index = (list.len() >= FEW).then(|| Index::new(&list)).flatten().map(Box::new);
        Self { list: tight(list), index }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// All of them.
    pub(super) fn all(&self) -> impl Iterator<Item = &Entry> {
        self.list.iter()
    }

    /// Those that may hold for a request with these headers; without, all of them.
    pub(super) fn for_request<'t>(
        &'t self,
        headers: Option<&HeaderMap>,
    ) -> impl Iterator<Item = &'t Entry> + use<'t> {
        let found = self.index.as_ref().zip(headers).and_then(|(index, headers)| {
            let mut values = headers.get_all(&index.header).iter();
            let own = match (values.next(), values.next()) {
                (None, _) => &[][..],
                (Some(value), None) => {
                    index.by_value.get(value.as_bytes()).map_or(&[][..], |it| it)
                }
                // Several values count as one, joined; that is left to the matches.
                (Some(_), Some(_)) => return None,
            };
            Some((own, &*index.others))
        });
        let every = if found.is_some() { 0..0 } else { 0..self.list.len() };
        let (own, others) = found.unwrap_or_default();
        every.chain(merged(own, others)).map(|place| &self.list[place])
    }
}

impl Index {
    /// By the header that most matches ask for exactly; `None` if those are few.
    fn new(list: &[Entry]) -> Option<Self> {
        let mut counts = HashMap::<&HeaderName, usize>::new();
        for (name, _) in list.iter().flat_map(|entry| entry.condition().exact_headers()) {
            *counts.entry(name).or_default() += 1;
        }
        let most = counts.into_iter().max_by_key(|(name, count)| (*count, name.as_str()));
        let (header, _) = most.filter(|(_, count)| *count >= FEW)?;
        let mut index =
            Self { header: header.clone(), by_value: HashMap::default(), others: Vec::new() };
        for (place, entry) in list.iter().enumerate() {
            let mut asked = entry.condition().exact_headers();
            match asked.find(|(name, _)| *name == header) {
                Some((_, value)) => {
                    index.by_value.entry(value.as_bytes().into()).or_default().push(place);
                }
                None => index.others.push(place),
            }
        }
        Some(index)
    }
}

/// A list that stays as it is, without room for more.
pub(super) fn tight<T>(list: Vec<T>) -> SmallVec<[T; 1]> {
    let mut tight = SmallVec::from_vec(list);
    tight.shrink_to_fit();
    tight
}

/// Two ascending lists as one.
fn merged<'t>(
    mut one: &'t [usize],
    mut other: &'t [usize],
) -> impl Iterator<Item = usize> + use<'t> {
    iter::from_fn(move || {
        let first = match (one.first(), other.first()) {
            (Some(a), Some(b)) if b < a => &mut other,
            (Some(_), _) => &mut one,
            (None, _) => &mut other,
        };
        let (place, rest) = first.split_first()?;
        *first = rest;
        Some(*place)
    })
}
