//! Who read what, and whom a change wakes.
//!
//! Promises: a unit waits in its phase's queue at most once; waking costs the number of readers;
//! recording costs what a unit read, and touches only what differs from what it read before.

mod numbered;

use std::collections::VecDeque;

use rustc_hash::FxHashSet;
use smallvec::SmallVec;

use super::reads::Dep;
use super::unit::Unit;
use numbered::{Id, Named, Numbered};

/// A unit and the facts it read, in ascending order.
#[derive(Debug)]
struct Node {
    unit: Unit,
    reads: Box<[Id]>,
    waits: bool,
}

/// Something that was read and its readers, in ascending order. Nearly all have one or two; an
/// insertion into the few long lists moves a few bytes per reader behind it.
#[derive(Debug)]
struct Fact {
    dep: Dep,
    readers: SmallVec<[Id; 4]>,
}

impl Named for Node {
    type Name = Unit;

    fn name(&self) -> &Unit {
        &self.unit
    }
}

impl Named for Fact {
    type Name = Dep;

    fn name(&self) -> &Dep {
        &self.dep
    }
}

/// The units, the facts, and the edges between them. Units and facts are numbered, so that an edge
/// costs eight bytes.
#[derive(Debug, Default)]
pub(crate) struct Graph {
    nodes: Numbered<Node>,
    facts: Numbered<Fact>,
    /// First in, first out: units that were entered in order then record in order, which adds to
    /// the end of the lists of readers.
    queues: [VecDeque<Id>; Unit::PHASES],
}

impl Graph {
    /// Makes a unit run in its phase.
    pub(crate) fn wake(&mut self, unit: Unit) {
        let id = self.nodes.find(&unit).unwrap_or_else(|| {
            self.nodes.insert(Node { unit, reads: Box::default(), waits: false })
        });
        self.wake_id(id);
    }

    /// Wakes everyone who read `dep`.
    pub(crate) fn fire(&mut self, dep: &Dep) {
        let Some(fact) = self.facts.find(dep) else { return };
        for id in self.facts.get(fact).readers.clone() {
            self.wake_id(id);
        }
    }

    /// The next unit that waits in a phase.
    pub(crate) fn next(&mut self, phase: usize) -> Option<Unit> {
        let node = self.nodes.get_mut(self.queues[phase].pop_front()?);
        node.waits = false;
        Some(node.unit.clone())
    }

    /// Whether no unit waits.
    pub(crate) fn is_idle(&self) -> bool {
        self.queues.iter().all(VecDeque::is_empty)
    }

    /// Notes what a unit read when it was last computed. Hands facts that nobody had read before,
    /// and facts that nobody reads any more, to `seen`.
    pub(crate) fn record(
        &mut self,
        unit: &Unit,
        reads: FxHashSet<Dep>,
        seen: &mut impl FnMut(&Dep, bool),
    ) {
        let Some(id) = self.nodes.find(unit) else { return };
        let mut new: Vec<Id> = reads.into_iter().map(|dep| self.number(dep, seen)).collect();
        new.sort_unstable();
        let node = self.nodes.get_mut(id);
        if *node.reads == *new {
            return;
        }
        let old = std::mem::replace(&mut node.reads, new.clone().into());
        for fact in new.iter().filter(|fact| old.binary_search(fact).is_err()) {
            let readers = &mut self.facts.get_mut(*fact).readers;
            if let Err(at) = readers.binary_search(&id) {
                readers.insert(at, id);
            }
        }
        for fact in old.iter().filter(|fact| new.binary_search(fact).is_err()) {
            self.unread(*fact, id, seen);
        }
    }

    /// Takes a unit out that no longer exists. It must not wait.
    pub(crate) fn forget(&mut self, unit: &Unit, seen: &mut impl FnMut(&Dep, bool)) {
        let Some(id) = self.nodes.find(unit) else { return };
        let node = self.nodes.remove(id);
        debug_assert!(!node.waits, "{unit:?} is forgotten while it waits");
        for fact in &node.reads {
            self.unread(*fact, id, seen);
        }
    }

    /// How many units there are, and how many edges to what they read.
    pub(crate) fn size(&self) -> (usize, usize) {
        (self.nodes.len(), self.nodes.iter().map(|node| node.reads.len()).sum())
    }

    fn wake_id(&mut self, id: Id) {
        let node = self.nodes.get_mut(id);
        if !node.waits {
            node.waits = true;
            self.queues[node.unit.phase()].push_back(id);
        }
    }

    fn number(&mut self, dep: Dep, seen: &mut impl FnMut(&Dep, bool)) -> Id {
        self.facts.find(&dep).unwrap_or_else(|| {
            seen(&dep, true);
            self.facts.insert(Fact { dep, readers: SmallVec::new() })
        })
    }

    fn unread(&mut self, fact: Id, reader: Id, seen: &mut impl FnMut(&Dep, bool)) {
        let readers = &mut self.facts.get_mut(fact).readers;
        if let Ok(at) = readers.binary_search(&reader) {
            readers.remove(at);
        }
        if readers.is_empty() {
            seen(&self.facts.remove(fact).dep, false);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use snapshot::ObjectKey;

    use super::{Dep, Graph, Unit};
    use crate::objects::Kind;

    fn class(name: &str) -> Unit {
        Unit::Class(ObjectKey::new("", name))
    }

    fn fact(name: &str) -> Dep {
        Dep::Object(Kind::Secret, ObjectKey::new("ns", Arc::from(name)))
    }

    fn waiting(graph: &mut Graph) -> Vec<Unit> {
        let mut units: Vec<_> = std::iter::from_fn(|| graph.next(0)).collect();
        units.sort();
        units
    }

    #[test]
    fn a_fact_wakes_its_readers_once_and_nobody_else() {
        let mut graph = Graph::default();
        let mut ignore = |_: &Dep, _| {};
        for (unit, reads) in [("a", vec!["x", "y"]), ("b", vec!["y"]), ("c", vec!["z"])] {
            graph.wake(class(unit));
            assert_eq!(waiting(&mut graph), [class(unit)]);
            let reads = reads.into_iter().map(fact).collect();
            graph.record(&class(unit), reads, &mut ignore);
        }
        graph.fire(&fact("x"));
        graph.fire(&fact("y"));
        assert_eq!(waiting(&mut graph), [class("a"), class("b")]);
        graph.fire(&fact("nobody"));
        assert!(waiting(&mut graph).is_empty());
    }

    #[test]
    fn what_is_no_longer_read_wakes_nobody_and_is_reported_gone() {
        let mut graph = Graph::default();
        graph.wake(class("a"));
        graph.wake(class("b"));
        assert_eq!(waiting(&mut graph).len(), 2);
        let mut known = std::collections::BTreeSet::new();
        let mut note = |dep: &Dep, read: bool| {
            assert!(if read { known.insert(dep.clone()) } else { known.remove(dep) });
        };
        graph.record(&class("a"), [fact("x"), fact("y")].into_iter().collect(), &mut note);
        graph.record(&class("b"), [fact("y")].into_iter().collect(), &mut note);
        graph.record(&class("a"), [fact("z")].into_iter().collect(), &mut note);
        graph.forget(&class("b"), &mut note);
        assert_eq!(known, [fact("z")].into_iter().collect());
        graph.fire(&fact("y"));
        assert!(waiting(&mut graph).is_empty());
        graph.fire(&fact("z"));
        assert_eq!(waiting(&mut graph), [class("a")]);
        assert_eq!(graph.size(), (1, 1));
    }
}
