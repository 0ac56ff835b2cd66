//! Every series there is, and whose it is.
//!
//! Promises: a handle writes without any lock or look-up; two handles of one series share their
//! number; the series of an owner (a route, a backend) leave when its last holder does, and what
//! they counted stays in the family's total. Rendering holds the lock only for as long as it takes
//! to copy the roots of persistent maps, so a scrape of a large table delays nobody.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use imbl::OrdMap;
use metrics::{Counter, Gauge, Histogram};
use rustc_hash::FxHashMap;

use super::cell::{Buckets, Cell, Count, Level};
use super::family::{Family, Kind, Total};

/// Rendered labels, as they stand between the braces: `code="2xx"`.
pub(crate) type LabelText = Cow<'static, str>;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Registry(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    families: BTreeMap<Cow<'static, str>, Series>,
    /// How many hold each owner.
    owners: FxHashMap<Arc<str>, usize>,
}

/// One family with its numbers.
#[derive(Clone, Debug)]
pub(super) struct Series {
    pub(super) help: Cow<'static, str>,
    pub(super) kind: Kind,
    pub(super) total: Option<Total>,
    pub(super) live: OrdMap<Name, Cell>,
    /// What owners that left have counted, by the labels that are not theirs.
    pub(super) left: OrdMap<LabelText, Cell>,
}

/// The labels of one series.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Name {
    /// The owner's label. Series of families with a total that have none (requests that no route
    /// took) count in the total only.
    pub(super) owner: Option<Arc<str>>,
    pub(super) own: LabelText,
}

impl Registry {
    /// Notes one more holder of `owner`.
    pub(super) fn hold(&self, owner: &Arc<str>) {
        *self.state().owners.entry(owner.clone()).or_default() += 1;
    }

    /// Ends what [`Self::hold`] began; with the last holder, the owner's series leave.
    pub(super) fn release(&self, owner: &Arc<str>) {
        let mut state = self.state();
        let holders = state.owners.get_mut(owner).expect("whoever releases has held");
        *holders -= 1;
        if *holders > 0 {
            return;
        }
        state.owners.remove(owner);
        for series in state.families.values_mut() {
            series.drop_owner(owner);
        }
    }

    /// The counter of this family and labels, made when it is new.
    pub(super) fn counter(
        &self,
        family: &'static Family,
        owner: Option<&Arc<str>>,
        own: LabelText,
    ) -> Counter {
        match self.cell(family, owner, own) {
            Cell::Counter(count) => Counter::from_arc(count),
            _ => unreachable!("{} is no counter", family.name),
        }
    }

    /// The gauge of this family and labels, made when it is new.
    pub(super) fn gauge(
        &self,
        family: &'static Family,
        owner: Option<&Arc<str>>,
        own: LabelText,
    ) -> Gauge {
        match self.cell(family, owner, own) {
            Cell::Gauge(level) => Gauge::from_arc(level),
            _ => unreachable!("{} is no gauge", family.name),
        }
    }

    /// The histogram of this family and labels, made when it is new.
    pub(super) fn histogram(
        &self,
        family: &'static Family,
        owner: Option<&Arc<str>>,
        own: LabelText,
    ) -> Histogram {
        match self.cell(family, owner, own) {
            Cell::Histogram(buckets) => Histogram::from_arc(buckets),
            _ => unreachable!("{} is no histogram", family.name),
        }
    }

    /// All families with their series at this moment, by name.
    pub(super) fn families(&self) -> Vec<(Cow<'static, str>, Series)> {
        self.state().families.iter().map(|(name, all)| (name.clone(), all.clone())).collect()
    }

    fn cell(&self, family: &'static Family, owner: Option<&Arc<str>>, own: LabelText) -> Cell {
        let mut state = self.state();
        let series = state.families.entry(family.name.into()).or_insert_with(|| Series {
            help: family.help.into(),
            kind: family.kind,
            total: family.total,
            live: OrdMap::new(),
            left: OrdMap::new(),
        });
        series.cell(Name { owner: owner.cloned(), own })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Every change below leaves the maps whole at each step, so a panic poisons nothing.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets the help of a family that has no [`Family`] of ours.
    pub(super) fn describe(&self, name: &str, kind: Kind, help: String) {
        self.state().named(name, kind).help = help.into();
    }

    /// A number of a family that has no [`Family`] of ours.
    pub(super) fn register(&self, name: &str, kind: Kind, own: LabelText) -> Cell {
        self.state().named(name, kind).cell(Name { owner: None, own })
    }
}

impl State {
    fn named(&mut self, name: &str, kind: Kind) -> &mut Series {
        self.families.entry(Cow::Owned(name.to_owned())).or_insert_with(|| Series {
            help: "".into(),
            kind,
            total: None,
            live: OrdMap::new(),
            left: OrdMap::new(),
        })
    }
}

impl Series {
    fn cell(&mut self, name: Name) -> Cell {
        let kind = self.kind;
        self.live.entry(name).or_insert_with(|| kind.cell()).clone()
    }

    fn drop_owner(&mut self, owner: &Arc<str>) {
        let first = Name { owner: Some(owner.clone()), own: "".into() };
        let gone: Vec<Name> = self
            .live
            .range(first..)
            .map(|(name, _)| name)
            .take_while(|name| name.owner.as_ref() == Some(owner))
            .cloned()
            .collect();
        for name in gone {
            let Some(cell) = self.live.remove(&name) else { continue };
            // A level that somebody left is not there any more; a count has happened for good.
            if self.total.is_some() && self.kind != Kind::Gauge {
                let kind = self.kind;
                self.left.entry(name.own).or_insert_with(|| kind.cell()).absorb(&cell);
            }
        }
    }
}

impl Kind {
    pub(super) fn cell(self) -> Cell {
        match self {
            Self::Counter => Cell::Counter(Arc::new(Count::default())),
            Self::Gauge => Cell::Gauge(Arc::new(Level::default())),
            Self::Histogram(bounds) => Cell::Histogram(Arc::new(Buckets::new(bounds))),
        }
    }
}

/// Labels as they stand between the braces.
pub(super) fn label_text<'a>(labels: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let mut text = String::new();
    for (name, value) in labels {
        if !text.is_empty() {
            text.push(',');
        }
        text.push_str(name);
        text.push_str("=\"");
        for c in value.chars() {
            match c {
                '\\' => text.push_str("\\\\"),
                '"' => text.push_str("\\\""),
                '\n' => text.push_str("\\n"),
                _ => text.push(c),
            }
        }
        text.push('"');
    }
    text
}
