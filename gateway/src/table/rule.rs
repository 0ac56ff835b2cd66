//! A rule, compiled: what happens to a request that matches.

use std::sync::Arc;

use snapshot::{Retry, RouteKey, RouteKind, Session, Timeouts};

use crate::backend::Backend;
use crate::filter::Filter;
use crate::telemetry::RouteMetrics;

/// One rule.
pub(crate) struct Rule {
    /// Its name in the snapshot.
    pub(crate) key: RouteKey,
    /// `rules[].name`.
    pub(crate) name: Option<Arc<str>>,
    /// The kind of the object that it stands in.
    pub(crate) kind: RouteKind,
    /// In the order they were written.
    pub(crate) filters: Box<[Filter]>,
    /// `rules[].timeouts`.
    pub(crate) timeouts: Timeouts,
    /// `rules[].retry`.
    pub(crate) retry: Option<Retry>,
    /// `rules[].sessionPersistence`.
    pub(crate) session: Option<Session>,
    /// The series of this rule; the same through every change of the rule.
    pub(crate) metrics: Arc<RouteMetrics>,
    choices: Box<[Choice]>,
}

/// A share of a rule's requests.
pub(crate) struct Choice {
    /// Who takes it; `Err` says why nobody can (500).
    pub(crate) target: Result<Arc<Backend>, Arc<str>>,
    /// For this share only, after the rule's.
    pub(crate) filters: Box<[Filter]>,
}

impl Rule {
    /// Who takes a request that drew `random`; `None` when nobody has a weight (500).
    pub(crate) fn choose(&self, _random: u32) -> Option<&Choice> {
        self.choices.first()
    }
}
