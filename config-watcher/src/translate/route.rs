//! A route object becomes rules and a status.
//!
//! HTTPRoutes and GRPCRoutes of one hostname and listener are all accepted (the API lets a gateway
//! reject the younger, `GRPCRouteSpec.hostnames`, but asks nobody to): of two rules that a request
//! matches, the more specific one wins, whatever its kind.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use snapshot::{Attachment, BackendKey, Filter, Hostname, ObjectKey, Route, RouteKind, Target};

use super::attach::{Candidate, Verdict, attach};
use super::fault::Fault;
use super::field::Field;
use super::matching;
use super::output::{Few, RouteOutput, Ties};
use super::rank::Rank;
use super::reads::Reads;
use super::rule::{Draft, Rules};
use crate::api::meta::Meta;
use crate::api::route::{GrpcRoute, HttpRoute, HttpRule, ParentReference};
use crate::status::{ObjectStatus, RouteStatus};

mod verdict;

/// Computes the unit of a route.
pub(crate) fn compute(reads: &Reads<'_>, kind: RouteKind, key: &ObjectKey) -> RouteOutput {
    match kind {
        RouteKind::Http => match reads.own_http_route(key) {
            Some(route) => http(reads, key, &route.meta, &route.spec),
            None => RouteOutput::default(),
        },
        RouteKind::Grpc => match reads.own_grpc_route(key) {
            Some(route) => grpc(reads, key, &route.meta, &route.spec),
            None => RouteOutput::default(),
        },
    }
}

fn http(reads: &Reads<'_>, key: &ObjectKey, meta: &Meta, spec: &HttpRoute) -> RouteOutput {
    let head = Head {
        reads,
        kind: RouteKind::Http,
        key,
        meta,
        parents: &spec.parent_refs,
        use_defaults: spec.use_default_gateways.as_deref() == Some("All"),
        hostnames: &spec.hostnames,
    };
    head.output(|rules| {
        // No rule at all is one that takes every request (the default of `HTTPRouteSpec.rules`).
        let one = [HttpRule::default()];
        let list = if spec.rules.is_empty() { &one[..] } else { &spec.rules[..] };
        let read = |(index, rule): (usize, &HttpRule)| {
            let matches = matching::http(&rule.matches, &Field::SPEC.nth("rules", index));
            rules.draft(index, matches, &rule.into())
        };
        list.iter().enumerate().map(read).collect()
    })
}

fn grpc(reads: &Reads<'_>, key: &ObjectKey, meta: &Meta, spec: &GrpcRoute) -> RouteOutput {
    let head = Head {
        reads,
        kind: RouteKind::Grpc,
        key,
        meta,
        parents: &spec.parent_refs,
        use_defaults: spec.use_default_gateways.as_deref() == Some("All"),
        hostnames: &spec.hostnames,
    };
    head.output(|rules| {
        let rules_of = spec.rules.iter().enumerate();
        rules_of
            .map(|(index, rule)| {
                let matches = matching::grpc(&rule.matches, &Field::SPEC.nth("rules", index));
                rules.draft(index, matches, &rule.into())
            })
            .collect()
    })
}

/// What both kinds of route have.
struct Head<'a> {
    reads: &'a Reads<'a>,
    kind: RouteKind,
    key: &'a ObjectKey,
    meta: &'a Meta,
    parents: &'a [ParentReference],
    use_defaults: bool,
    hostnames: &'a [Arc<str>],
}

impl Head<'_> {
    /// Asks the parents first: a route that none of them is ours for costs nothing more.
    fn output(&self, read: impl FnOnce(&Rules<'_>) -> Vec<Draft>) -> RouteOutput {
        let (hostnames, bad) = self.hostnames();
        let candidate = Candidate {
            kind: self.kind,
            key: self.key,
            generation: self.meta.generation,
            parent_refs: self.parents,
            use_defaults: self.use_defaults,
            hostnames: &hostnames,
        };
        let verdicts = attach(self.reads, &candidate);
        if verdicts.is_empty() {
            return RouteOutput::default();
        }
        let drafts = read(&Rules {
            reads: self.reads,
            kind: self.kind,
            key: self.key,
            created: Rank::of(self.meta).created,
        });
        let judged = verdict::judge(&bad, &drafts);
        let mut rules = Box::default();
        let mut ties = Ties::default();
        if bad.is_empty() {
            rules = served(drafts, &self.reads.share_attachments(attachments(&verdicts)));
            ties.backends = backends(&rules);
        }
        if judged.invalid.is_none() {
            let counted = || verdicts.iter().filter(|verdict| !verdict.counted.is_empty());
            ties.gateways = counted().map(|verdict| verdict.gateway.clone()).collect();
            ties.listeners = counted().flat_map(|verdict| verdict.counted.clone()).collect();
        }
        let say = |verdict| judged.parent(verdict, self.meta.generation);
        let status = RouteStatus { parents: verdicts.into_iter().map(say).collect() };
        ties.status = Some(Arc::new(ObjectStatus::Route(status)));
        RouteOutput { rules, ties: self.reads.share_ties(ties) }
    }

    /// The route's hostnames, and those that are none: without them it would take every name, so
    /// one of them makes the route invalid.
    fn hostnames(&self) -> (Vec<Hostname>, Vec<Fault>) {
        let mut good = Vec::with_capacity(self.hostnames.len());
        let mut bad = Vec::new();
        for (index, text) in self.hostnames.iter().enumerate() {
            match text.parse() {
                Ok(name) => good.push(name),
                Err(error) => {
                    let at = Field::SPEC.nth("hostnames", index);
                    bad.push(Fault::value(&at, format_args!("`{text}`: {error}")));
                }
            }
        }
        (good, bad)
    }
}

/// Each listener once: two parentRefs may lead to the same.
fn attachments(verdicts: &[Verdict]) -> Vec<Attachment> {
    let mut by_listener: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    for attachment in verdicts.iter().flat_map(|verdict| &verdict.attachments) {
        let names = by_listener.entry(attachment.listener.clone()).or_default();
        names.extend(attachment.hostnames.iter().cloned());
    }
    let whole = |(listener, hostnames): (_, BTreeSet<_>)| Attachment {
        listener,
        hostnames: hostnames.into_iter().collect(),
    };
    by_listener.into_iter().map(whole).collect()
}

fn served(drafts: Vec<Draft>, attachments: &Arc<[Attachment]>) -> Box<[(u16, Arc<Route>)]> {
    if attachments.is_empty() {
        return Box::default();
    }
    let attach = |(index, draft): (usize, Draft)| {
        let route = Route { attachments: attachments.clone(), ..draft.route? };
        Some((u16::try_from(index).ok()?, Arc::new(route)))
    };
    drafts.into_iter().enumerate().filter_map(attach).collect()
}

/// The service ports that rules and their mirrors send to.
fn backends(rules: &[(u16, Arc<Route>)]) -> Few<BackendKey> {
    let mirrored = |filters: &[Filter]| -> Vec<Target> {
        let target = |filter: &Filter| match filter {
            Filter::Mirror(mirror) => Some(mirror.target.clone()),
            _ => None,
        };
        filters.iter().filter_map(target).collect()
    };
    let mut targets = Vec::new();
    for (_, route) in rules {
        targets.extend(mirrored(&route.filters));
        for backend in &route.backends {
            targets.push(backend.target.clone());
            targets.extend(mirrored(&backend.filters));
        }
    }
    let key = |target| match target {
        Target::Backend(key) => Some(key),
        Target::Invalid(_) => None,
    };
    targets.into_iter().filter_map(key).collect()
}

#[cfg(test)]
mod tests;
