//! The numbers of all owners of one kind: routes, or backends.
//!
//! Promises: what is counted for one owner stands in one piece of memory, as a request to one of
//! thousands of routes waits for every piece it touches; a holder writes without any lock or
//! look-up; two holders of one owner share its numbers; they leave with the last holder, and what
//! they counted stays in the totals. Rendering holds the lock only for as long as it takes to copy
//! the roots of persistent maps, so a scrape of a large table delays nobody.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use imbl::OrdMap;

use super::cell::{Cell, Count, Number};
use super::family::{Family, Kind};
use super::registry::LabelText;

/// What is counted for one owner.
pub(super) trait Numbers: Default {
    /// The label that says whose they are.
    const OWNER: &'static str;
    /// The families that they are of.
    const FAMILIES: &'static [&'static Family];

    /// All that show by now.
    fn list(&self) -> Vec<Series<'_>>;
}

/// One number of an owner.
pub(super) struct Series<'n> {
    pub(super) family: &'static Family,
    /// Labels besides the owner's.
    pub(super) own: LabelText,
    pub(super) number: Number<'n>,
}

impl<'n> Series<'n> {
    pub(super) fn new(
        family: &'static Family,
        own: impl Into<LabelText>,
        number: Number<'n>,
    ) -> Self {
        Self { family, own: own.into(), number }
    }

    /// One for each of a family's counters.
    pub(super) fn counters<const LEN: usize>(
        family: &'static Family,
        labels: [&'static str; LEN],
        counts: &'n [Count; LEN],
    ) -> impl Iterator<Item = Self> {
        let of = move |(own, count)| Self::new(family, own, Number::Counter(count));
        labels.into_iter().zip(counts).map(of)
    }
}

/// See the module.
#[derive(Debug)]
pub(super) struct Owners<N>(Mutex<Shown<N>>);

/// All there is at one moment.
#[derive(Debug)]
pub(super) struct Shown<N> {
    /// `None` is for what nobody owns: it counts in the totals only.
    pub(super) live: OrdMap<Name, Held<N>>,
    /// What owners that left have counted, by the name of the family and the labels not theirs.
    pub(super) left: OrdMap<(&'static str, LabelText), Cell>,
}

/// Who owns numbers.
pub(super) type Name = Option<Arc<str>>;

#[derive(Debug)]
pub(super) struct Held<N> {
    pub(super) numbers: Arc<N>,
    holders: usize,
}

/// A holder of the numbers of one owner, who has none until the first is asked for.
#[derive(Debug)]
pub(super) struct Owner<N: Numbers> {
    owners: Arc<Owners<N>>,
    name: Name,
    numbers: OnceLock<Arc<N>>,
}

impl<N> Default for Owners<N> {
    fn default() -> Self {
        Self(Mutex::new(Shown { live: OrdMap::new(), left: OrdMap::new() }))
    }
}

impl<N> Clone for Held<N> {
    fn clone(&self) -> Self {
        Self { numbers: Arc::clone(&self.numbers), holders: self.holders }
    }
}

impl<N: Numbers> Owners<N> {
    /// All numbers at this moment.
    pub(super) fn shown(&self) -> Shown<N> {
        let state = self.state();
        Shown { live: state.live.clone(), left: state.left.clone() }
    }

    fn hold(&self, name: &Name) -> Arc<N> {
        let mut state = self.state();
        let new = || Held { numbers: Arc::default(), holders: 0 };
        let held = state.live.entry(name.clone()).or_insert_with(new);
        held.holders += 1;
        Arc::clone(&held.numbers)
    }

    /// Ends what [`Self::hold`] began; with the last holder, the owner's series leave.
    fn release(&self, name: &Name) {
        let mut state = self.state();
        let held = state.live.get_mut(name).expect("whoever releases has held");
        held.holders -= 1;
        if held.holders > 0 {
            return;
        }
        let Some(gone) = state.live.remove(name) else { return };
        for Series { family, own, number } in gone.numbers.list() {
            // A level that somebody left is not there any more; a count has happened for good.
            if family.total.is_some() && family.kind != Kind::Gauge {
                let of = (family.name, own);
                state.left.entry(of).or_insert_with(|| family.kind.cell()).absorb(number);
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, Shown<N>> {
        // Every change above leaves the maps whole at each step, so a panic poisons nothing.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<N: Numbers> Owner<N> {
    pub(super) fn new(owners: Arc<Owners<N>>, name: Name) -> Self {
        Self { owners, name, numbers: OnceLock::new() }
    }

    /// Its name; empty for nobody's.
    pub(super) fn name(&self) -> &str {
        self.name.as_deref().unwrap_or_default()
    }

    /// Made by the first call, so that idle owners cost neither memory nor lines in a scrape.
    pub(super) fn numbers(&self) -> &N {
        self.numbers.get_or_init(|| self.owners.hold(&self.name))
    }

    /// The same, if they were made.
    pub(super) fn made(&self) -> Option<&N> {
        self.numbers.get().map(|numbers| &**numbers)
    }
}

impl<N: Numbers> Drop for Owner<N> {
    fn drop(&mut self) {
        if self.numbers.get().is_some() {
            self.owners.release(&self.name);
        }
    }
}
