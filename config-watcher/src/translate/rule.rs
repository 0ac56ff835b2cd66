//! One rule of an HTTPRoute or GRPCRoute, before anybody knows where its route attaches.
//!
//! A rule with matches that cannot be done is dropped: nobody could say which requests it meant.
//! A rule with anything else that cannot be done keeps its requests and answers them with 500:
//! if they fell through to the next rule, a broken filter would open what it was to guard.

use std::sync::Arc;

use snapshot::{BackendRef, Filter, Match, ObjectKey, Route, RouteKind, Timeouts};

use super::backend_ref;
use super::fault::{Fault, Faults};
use super::field::Field;
use super::reads::Reads;
use super::session::{self, Owner};
use super::{filter, timeouts};
use crate::api::meta::Reference;
use crate::api::route::{
    BackendRef as WrittenRef, Filter as WrittenFilter, GrpcRule, HttpRule, Retry as WrittenRetry,
    SessionPersistence, Timeouts as WrittenTimeouts,
};

/// Most that a weight may be (`BackendRef.weight`).
const MAX_WEIGHT: u32 = 1_000_000;

/// A rule as written, but for its matches: what both kinds of route share.
#[derive(Debug)]
pub(crate) struct Written<'a> {
    name: Option<&'a Arc<str>>,
    filters: &'a [WrittenFilter],
    backend_refs: &'a [WrittenRef],
    timeouts: Option<&'a WrittenTimeouts>,
    retry: Option<&'a WrittenRetry>,
    session: Option<&'a SessionPersistence>,
}

impl<'a> From<&'a HttpRule> for Written<'a> {
    fn from(rule: &'a HttpRule) -> Self {
        Self {
            name: rule.name.as_ref(),
            filters: &rule.filters,
            backend_refs: &rule.backend_refs,
            timeouts: rule.timeouts.as_deref(),
            retry: rule.retry.as_deref(),
            session: rule.session_persistence.as_deref(),
        }
    }
}

impl<'a> From<&'a GrpcRule> for Written<'a> {
    fn from(rule: &'a GrpcRule) -> Self {
        Self {
            name: rule.name.as_ref(),
            filters: &rule.filters,
            backend_refs: &rule.backend_refs,
            timeouts: None,
            retry: None,
            session: rule.session_persistence.as_deref(),
        }
    }
}

/// What a rule becomes.
#[derive(Debug)]
pub(crate) struct Draft {
    /// The rule, attached to nothing yet; `None` when its matches cannot be done.
    pub(crate) route: Option<Route>,
    /// What is wrong with it.
    pub(crate) faults: Faults,
}

/// Reads the rules of one route object.
pub(crate) struct Rules<'a> {
    /// The eyes of the route's unit.
    pub(crate) reads: &'a Reads<'a>,
    /// Kind of the route.
    pub(crate) kind: RouteKind,
    /// The route.
    pub(crate) key: &'a ObjectKey,
    /// When the route was created, in seconds since 1970.
    pub(crate) created: i64,
}

impl Rules<'_> {
    /// The rule at `index`, with its `matches`.
    pub(crate) fn draft(
        &self,
        index: usize,
        matches: Result<Vec<Match>, Vec<Fault>>,
        written: &Written<'_>,
    ) -> Draft {
        let at = Field::SPEC.nth("rules", index);
        let mut faults = Faults::default();
        let known = matches.unwrap_or_else(|bad| {
            faults.rule = bad;
            Vec::new()
        });
        let mut route = self.read(index, known, written, &at, &mut faults);
        if route.matches.is_empty() {
            return Draft { route: None, faults };
        }
        if let Some(fault) = faults.rule.first() {
            route = Route {
                filters: vec![Filter::Unsupported(fault.message.as_str().into())],
                backends: Vec::new(),
                timeouts: Timeouts::default(),
                retry: None,
                session: None,
                ..route
            };
        }
        Draft { route: Some(route), faults }
    }

    fn read(
        &self,
        index: usize,
        matches: Vec<Match>,
        written: &Written<'_>,
        at: &Field<'_>,
        faults: &mut Faults,
    ) -> Route {
        let owner = Owner {
            kind: self.kind,
            route: self.key,
            rule: (index, written.name.map(|name| &**name)),
        };
        let resolve = |reference: &Reference, at: &Field<'_>| {
            backend_ref::resolve(self.reads, (self.kind, &self.key.namespace), reference, at)
        };
        let filters = filter::Reader::new(self.kind, &matches, &resolve);
        Route {
            name: written.name.cloned(),
            created: self.created,
            attachments: Arc::default(),
            filters: filters.read(written.filters, at, faults),
            backends: self.backends(written.backend_refs, &filters, at, faults),
            timeouts: or_fault(timeouts::timeouts(written.timeouts, at), faults),
            retry: or_fault(timeouts::retry(written.retry, at), faults).map(Arc::new),
            session: or_fault(session::read(written.session, &owner, at), faults).map(Arc::new),
            matches,
        }
    }

    fn backends(
        &self,
        list: &[WrittenRef],
        filters: &filter::Reader<'_>,
        rule: &Field<'_>,
        faults: &mut Faults,
    ) -> Vec<BackendRef> {
        let mut out = Vec::with_capacity(list.len());
        for (index, from) in list.iter().enumerate() {
            let at = rule.nth("backendRefs", index);
            let of = (self.kind, &self.key.namespace);
            let (target, fault) = backend_ref::resolve(self.reads, of, &from.target, &at);
            faults.references.extend(fault);
            let weight = from.weight.unwrap_or(1);
            if weight > MAX_WEIGHT {
                let what = format_args!("{weight} is more than {MAX_WEIGHT}; use a smaller one");
                faults.rule.push(Fault::value(&at.at("weight"), what));
            }
            let filters = filters.read(&from.filters, &at, faults);
            out.push(BackendRef { target, weight, filters });
        }
        out
    }
}

fn or_fault<T: Default>(read: Result<T, Fault>, faults: &mut Faults) -> T {
    read.unwrap_or_else(|fault| {
        faults.rule.push(fault);
        T::default()
    })
}
