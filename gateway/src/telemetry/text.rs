//! Families in Prometheus' text format, version 0.0.4.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Write;

use super::cell::{Buckets, Cell};
use super::family::Kind;
use super::registry::{LabelText, Name, Series};

/// Writing into a `String` cannot fail.
const INFALLIBLE: &str = "a String takes every write";

/// All families, in their order; families without series are left out.
pub(super) fn render(families: Vec<(Cow<'static, str>, Series)>) -> String {
    let mut text = String::new();
    for (name, series) in families {
        let visible = |name: &Name| name.owner.is_some() || series.total.is_none();
        let lines = series.live.iter().filter(|(name, _)| visible(name));
        let mut lines = lines.peekable();
        if lines.peek().is_some() {
            head(&mut text, &name, &series.help, series.kind);
        }
        for (labels, cell) in lines {
            sample(&mut text, &name, &joined(labels), cell);
        }
        if let Some(total) = series.total {
            head(&mut text, total.name, total.help, series.kind);
            for (labels, cell) in summed(&series) {
                sample(&mut text, total.name, &labels, &cell);
            }
        }
    }
    text
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

/// Live owners and those that left, by the labels that are not the owner's.
fn summed(series: &Series) -> BTreeMap<LabelText, Cell> {
    let mut sums: BTreeMap<LabelText, Cell> = BTreeMap::new();
    let live = series.live.iter().map(|(name, cell)| (&name.own, cell));
    for (own, cell) in live.chain(&series.left) {
        sums.entry(own.clone()).or_insert_with(|| series.kind.cell()).absorb(cell);
    }
    sums
}

fn joined(name: &Name) -> Cow<'_, str> {
    match &name.owner {
        None => Cow::Borrowed(&name.own),
        Some(owner) if name.own.is_empty() => Cow::Borrowed(owner),
        Some(owner) => Cow::Owned(format!("{owner},{}", name.own)),
    }
}

fn sample(text: &mut String, name: &str, labels: &str, cell: &Cell) {
    let braced = if labels.is_empty() { String::new() } else { format!("{{{labels}}}") };
    match cell {
        Cell::Counter(count) => writeln!(text, "{name}{braced} {}", count.get()),
        Cell::Gauge(level) => writeln!(text, "{name}{braced} {}", number(level.get())),
        Cell::Histogram(buckets) => {
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
