//! A rule, compiled: when it is meant, and what happens then.

use std::sync::Arc;

use smallvec::SmallVec;
use snapshot::{Attachment, Retry, Route, RouteKey, RouteKind, Session, Timeouts};

use super::condition::Condition;
use super::entries::tight;
use super::host::Part;
use super::precedence::Precedence;
use crate::backend::{Backend, Backends};
use crate::filter::{Filter, Workshop};
use crate::telemetry::RouteMetrics;

/// One rule. Compiled once, and shared by every host, listener and table that it stands in.
///
/// What requests read stands together, for the fewest lines of cache: of one rule in thousands,
/// each costs a request a wait for memory.
#[repr(C)]
pub(crate) struct Rule {
    /// The series of this rule, and its key as text; the same through every change of the rule.
    pub(crate) metrics: Arc<RouteMetrics>,
    /// In the order they were written.
    pub(crate) filters: Box<[Filter]>,
    /// `rules[].retry`.
    pub(crate) retry: Option<Arc<Retry>>,
    /// `rules[].sessionPersistence`.
    pub(crate) session: Option<Arc<Session>>,
    /// The kind of the object that it stands in.
    pub(crate) kind: RouteKind,
    /// `rules[].timeouts`.
    pub(crate) timeouts: Timeouts,
    choices: SmallVec<[Choice; 1]>,
    /// As `source.matches`.
    conditions: SmallVec<[Condition; 1]>,
    /// Its name in the snapshot.
    pub(crate) key: RouteKey,
    /// What it was compiled from.
    pub(super) source: Arc<Route>,
}

/// A share of a rule's requests.
pub(crate) struct Choice {
    /// Who takes it; `Err` says why nobody can (500).
    pub(crate) target: Result<Arc<Backend>, Arc<str>>,
    /// For this share only, after the rule's.
    pub(crate) filters: Box<[Filter]>,
    /// The weights up to and with this one.
    until: u64,
}

impl Rule {
    /// Compiles a rule. Parts of filters that are left out, and filters that cannot be done, are
    /// told to `notes`.
    ///
    /// # Errors
    /// A text for people, when one of the matches is one that no request can have.
    pub(crate) fn new(
        key: &RouteKey,
        source: &Arc<Route>,
        backends: &Backends,
        metrics: Arc<RouteMetrics>,
        notes: &mut Vec<String>,
    ) -> Result<Self, String> {
        let conditions = source.matches.iter().map(Condition::new).collect::<Result<_, _>>()?;
        let mut workshop = Workshop::new(backends, &source.matches, notes);
        let filters = workshop.compile(&source.filters);
        let mut until = 0;
        let mut choices = Vec::with_capacity(source.backends.len());
        for backend in source.backends.iter().filter(|backend| backend.weight > 0) {
            until += u64::from(backend.weight);
            choices.push(Choice {
                target: workshop.target(&backend.target),
                filters: workshop.compile(&backend.filters),
                until,
            });
        }
        Ok(Self {
            key: key.clone(),
            kind: key.kind,
            filters,
            timeouts: source.timeouts.clone(),
            retry: source.retry.clone(),
            session: source.session.clone(),
            metrics,
            source: source.clone(),
            conditions,
            choices: tight(choices),
        })
    }

    /// Who takes a request that drew `random`; `None` when nobody has a weight (500). Uniform
    /// draws share the requests by weight.
    pub(crate) fn choose(&self, random: u32) -> Option<&Choice> {
        let all = self.choices.last()?.until;
        // The draw as a number below the sum of the weights, without division.
        let drawn = (u128::from(random) * u128::from(all)) >> u32::BITS;
        let place = self.choices.partition_point(|choice| u128::from(choice.until) <= drawn);
        self.choices.get(place)
    }

    /// `rules[].name`.
    pub(crate) fn name(&self) -> Option<&Arc<str>> {
        self.source.name.as_ref()
    }

    /// The listeners and hostnames that it is attached to.
    pub(crate) fn attachments(&self) -> &[Attachment] {
        &self.source.attachments
    }

    /// The part of a host that each of its matches stands in.
    pub(crate) fn parts(&self) -> impl ExactSizeIterator<Item = Part<'_>> {
        self.conditions.iter().map(|one| Part::of(&one.path))
    }

    /// The part of the match at `index`, which it has.
    pub(crate) fn part(&self, index: usize) -> Part<'_> {
        Part::of(&self.conditions[index].path)
    }

    /// Its matches that stand in this part.
    pub(crate) fn entries(self: &Arc<Self>, part: Part<'_>) -> impl Iterator<Item = Entry> {
        let found = self.parts().enumerate();
        found.filter(move |(_, own)| *own == part).map(|(index, _)| Entry {
            rule: self.clone(),
            index: u16::try_from(index).expect("a rule has at most 64 matches"),
        })
    }
}

/// One match of a rule, where a host has it.
#[derive(Clone)]
pub(crate) struct Entry {
    pub(super) rule: Arc<Rule>,
    /// Which of the rule's matches.
    index: u16,
}

impl Entry {
    /// The rule that it is of.
    pub(crate) fn rule(&self) -> &Arc<Rule> {
        &self.rule
    }

    pub(super) fn condition(&self) -> &Condition {
        &self.rule.conditions[usize::from(self.index)]
    }

    /// The match as it was written.
    pub(super) fn source(&self) -> &snapshot::Match {
        &self.rule.source.matches[usize::from(self.index)]
    }

    pub(super) fn precedence(&self) -> Precedence<'_> {
        let rule = &self.rule;
        Precedence::new(&rule.key, rule.source.created, self.source(), self.index)
    }
}
