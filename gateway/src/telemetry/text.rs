//! Families in Prometheus' text format, version 0.0.4.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Write;

use super::backend::BackendNumbers;
use super::cell::{Buckets, Cell, Number};
use super::family::{Family, Kind};
use super::owners::{Numbers, Owners, Shown};
use super::registry::{LabelText, Registry, Series, label_text};
use super::route::RouteNumbers;

/// Writing into a `String` cannot fail.
const INFALLIBLE: &str = "a String takes every write";

/// Writes one family, or nothing if it has no series.
type Part<'a> = Box<dyn FnOnce(&mut String) + 'a>;

/// All families, by name.
pub(super) fn render(
    registry: &Registry,
    routes: &Owners<RouteNumbers>,
    backends: &Owners<BackendNumbers>,
) -> String {
    let (routes, backends) = (routes.shown(), backends.shown());
    let mut parts = BTreeMap::<Cow<'static, str>, Part<'_>>::new();
    for (name, series) in registry.families() {
        let part = Box::new({
            let name = name.clone();
            move |text: &mut String| of_process(text, &name, &series)
        });
        parts.insert(name, part);
    }
    owned(&mut parts, &routes);
    owned(&mut parts, &backends);
    let mut text = String::new();
    parts.into_values().for_each(|part| part(&mut text));
    text
}

fn of_process(text: &mut String, name: &str, series: &Series) {
    if series.cells.is_empty() {
        return;
    }
    head(text, name, &series.help, series.kind);
    for (labels, cell) in &series.cells {
        sample(text, name, labels, cell.number());
    }
}

fn owned<'a, N: Numbers>(parts: &mut BTreeMap<Cow<'static, str>, Part<'a>>, all: &'a Shown<N>) {
    for family in N::FAMILIES {
        parts.insert(family.name.into(), Box::new(|text| of_owners(text, family, all)));
    }
}

/// A family of owners, and its total, which has live owners and those that left.
fn of_owners<N: Numbers>(text: &mut String, family: &Family, all: &Shown<N>) {
    let mut sums = BTreeMap::<LabelText, Cell>::new();
    let mut begun = false;
    for (name, held) in &all.live {
        let owner = name.as_ref().map(|name| label_text([(N::OWNER, &**name)].into_iter()));
        let mut series = held.numbers.list();
        series.retain(|series| std::ptr::eq(series.family, family));
        series.sort_unstable_by(|a, b| a.own.cmp(&b.own));
        for series in series {
            if let Some(owner) = &owner {
                if !begun {
                    head(text, family.name, family.help, family.kind);
                    begun = true;
                }
                sample(text, family.name, &joined(owner, &series.own), series.number);
            }
            let sum = sums.entry(series.own).or_insert_with(|| family.kind.cell());
            sum.absorb(series.number);
        }
    }
    let Some(total) = family.total else { return };
    for ((_, own), cell) in all.left.iter().filter(|((of, _), _)| *of == family.name) {
        sums.entry(own.clone()).or_insert_with(|| family.kind.cell()).absorb(cell.number());
    }
    if !sums.is_empty() {
        head(text, total.name, total.help, family.kind);
    }
    for (labels, cell) in sums {
        sample(text, total.name, &labels, cell.number());
    }
}

/// The two comment lines that begin a family.
pub(super) fn head(text: &mut String, name: &str, help: &str, kind: Kind) {
    let kind = match kind {
        Kind::Counter => "counter",
        Kind::Gauge => "gauge",
        Kind::Histogram(_) => "histogram",
    };
    let help = help.replace('\\', "\\\\").replace('\n', "\\n");
    write!(text, "# HELP {name} {help}\n# TYPE {name} {kind}\n").expect(INFALLIBLE);
}

fn joined<'a>(owner: &'a str, own: &str) -> Cow<'a, str> {
    if own.is_empty() { Cow::Borrowed(owner) } else { Cow::Owned(format!("{owner},{own}")) }
}

fn sample(text: &mut String, name: &str, labels: &str, of: Number<'_>) {
    let braced = if labels.is_empty() { String::new() } else { format!("{{{labels}}}") };
    match of {
        Number::Counter(count) => writeln!(text, "{name}{braced} {}", count.get()),
        Number::Gauge(level) => writeln!(text, "{name}{braced} {}", number(level.get())),
        Number::Histogram(buckets) => {
            histogram(text, name, labels, buckets);
            return;
        }
    }
    .expect(INFALLIBLE);
}

fn histogram(text: &mut String, name: &str, labels: &str, buckets: &Buckets) {
    let comma = if labels.is_empty() { "" } else { "," };
    let bounds = buckets.bounds().iter().copied().chain([f64::INFINITY]);
    let mut below = 0;
    for (bound, count) in bounds.zip(buckets.counts()) {
        below += count;
        let bound = number(bound);
        writeln!(text, "{name}_bucket{{{labels}{comma}le=\"{bound}\"}} {below}").expect(INFALLIBLE);
    }
    let braced = if labels.is_empty() { String::new() } else { format!("{{{labels}}}") };
    let sum = number(buckets.sum());
    write!(text, "{name}_sum{braced} {sum}\n{name}_count{braced} {below}\n").expect(INFALLIBLE);
}

fn number(value: f64) -> String {
    if value == f64::INFINITY { "+Inf".to_owned() } else { value.to_string() }
}
