//! The numbers of the process: every series that no route and no backend owns.
//!
//! Promises: a handle writes without any lock or look-up; two handles of one series share their
//! number. Rendering holds the lock only for as long as it takes to copy the roots of persistent
//! maps, so a scrape delays nobody.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use imbl::OrdMap;
use metrics::{Counter, Gauge, Histogram};

use super::cell::{Buckets, Cell, Count, Level};
use super::family::{Family, Kind};

/// Rendered labels, as they stand between the braces: `code="2xx"`.
pub(crate) type LabelText = Cow<'static, str>;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Registry(Mutex<Families>);

/// By name.
pub(super) type Families = BTreeMap<Cow<'static, str>, Series>;

/// One family with its numbers.
#[derive(Clone, Debug)]
pub(super) struct Series {
    pub(super) help: Cow<'static, str>,
    pub(super) kind: Kind,
    pub(super) cells: OrdMap<LabelText, Cell>,
}

impl Registry {
    /// The counter of this family and labels, made when it is new.
    pub(super) fn counter(&self, family: &'static Family, own: impl Into<LabelText>) -> Counter {
        match self.cell(family, own.into()) {
            Cell::Counter(count) => Counter::from_arc(count),
            _ => unreachable!("{} is no counter", family.name),
        }
    }

    /// The gauge of this family and labels, made when it is new.
    pub(super) fn gauge(&self, family: &'static Family, own: impl Into<LabelText>) -> Gauge {
        match self.cell(family, own.into()) {
            Cell::Gauge(level) => Gauge::from_arc(level),
            _ => unreachable!("{} is no gauge", family.name),
        }
    }

    /// The histogram of this family, made when it is new.
    pub(super) fn histogram(&self, family: &'static Family) -> Histogram {
        match self.cell(family, "".into()) {
            Cell::Histogram(buckets) => Histogram::from_arc(buckets),
            _ => unreachable!("{} is no histogram", family.name),
        }
    }

    /// All families with their series at this moment.
    pub(super) fn families(&self) -> Families {
        self.state().clone()
    }

    fn cell(&self, family: &'static Family, own: LabelText) -> Cell {
        let mut state = self.state();
        let series = state.entry(family.name.into()).or_insert_with(|| Series {
            help: family.help.into(),
            kind: family.kind,
            cells: OrdMap::new(),
        });
        series.cell(own)
    }

    fn state(&self) -> MutexGuard<'_, Families> {
        // Every change below leaves the maps whole at each step, so a panic poisons nothing.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets the help of a family that has no [`Family`] of ours.
    pub(super) fn describe(&self, name: &str, kind: Kind, help: String) {
        named(&mut self.state(), name, kind).help = help.into();
    }

    /// A number of a family that has no [`Family`] of ours.
    pub(super) fn register(&self, name: &str, kind: Kind, own: LabelText) -> Cell {
        named(&mut self.state(), name, kind).cell(own)
    }
}

fn named<'f>(families: &'f mut Families, name: &str, kind: Kind) -> &'f mut Series {
    let new = || Series { help: "".into(), kind, cells: OrdMap::new() };
    families.entry(Cow::Owned(name.to_owned())).or_insert_with(new)
}

impl Series {
    fn cell(&mut self, own: LabelText) -> Cell {
        let kind = self.kind;
        self.cells.entry(own).or_insert_with(|| kind.cell()).clone()
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
