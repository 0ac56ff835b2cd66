//! The conditions of a route: what its parents say, and what is wrong with the route itself.

use super::super::attach::Verdict;
use super::super::fault::Fault;
use super::super::rule::Draft;
use crate::status::{CONTROLLER_NAME, Condition, ParentStatus, Truth};

/// Most faults that one message names; the rest is counted. A condition's message holds 32 KiB.
const MAX_NAMED: usize = 8;

/// What holds for every parent of a route.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Judged {
    /// No part of the route can be done: reason and message of `Accepted: False`.
    pub(super) invalid: Option<(&'static str, String)>,
    /// Some rules cannot be done: reason and message of `PartiallyInvalid: True`.
    partly: Option<(&'static str, String)>,
    /// References that do not resolve: reason and message of `ResolvedRefs: False`.
    unresolved: Option<(&'static str, String)>,
}

/// Judges a route by the faults of its hostnames and of its rules.
pub(super) fn judge(hostnames: &[Fault], drafts: &[Draft]) -> Judged {
    let broken: Vec<_> = drafts.iter().filter(|draft| !draft.faults.rule.is_empty()).collect();
    let all = !broken.is_empty() && broken.len() == drafts.len();
    let rules = broken.iter().flat_map(|draft| &draft.faults.rule);
    let mut judged = Judged {
        invalid: None,
        partly: None,
        unresolved: name(drafts.iter().flat_map(|draft| &draft.faults.references)),
    };
    if !hostnames.is_empty() || all {
        judged.invalid = name(hostnames.iter().chain(rules));
    } else {
        judged.partly = name(rules).map(|(reason, message)| (reason, dropped(drafts, &message)));
    }
    judged
}

/// The message must begin so (`RouteConditionPartiallyInvalid`).
fn dropped(drafts: &[Draft], message: &str) -> String {
    let list = |held: bool| -> Vec<String> {
        let numbered = drafts.iter().enumerate();
        let of = numbered
            .filter(|(_, draft)| !draft.faults.rule.is_empty() && draft.route.is_some() == held);
        of.map(|(index, _)| index.to_string()).collect()
    };
    let (held, gone) = (list(true), list(false));
    let mut parts = Vec::new();
    if !gone.is_empty() {
        parts.push(format!("Dropped Rule {}", gone.join(", ")));
    }
    if !held.is_empty() {
        let held = held.join(", ");
        parts.push(format!("Dropped Rule {held} (answered with 500)"));
    }
    format!("{}: {message}", parts.join("; "))
}

/// The first reason, and the first messages.
fn name<'a>(faults: impl Iterator<Item = &'a Fault>) -> Option<(&'static str, String)> {
    let mut faults = faults.peekable();
    let reason = faults.peek()?.reason;
    let mut messages: Vec<&str> = Vec::new();
    let mut more = 0;
    for fault in faults {
        if messages.len() < MAX_NAMED {
            messages.push(&fault.message);
        } else {
            more += 1;
        }
    }
    let mut message = messages.join("; ");
    if more > 0 {
        message.push_str(&format!("; and {more} more"));
    }
    Some((reason, message))
}

impl Judged {
    /// The route's status at one parent.
    pub(super) fn parent(&self, verdict: Verdict, generation: i64) -> ParentStatus {
        let taken = verdict.accepted.status == Truth::True;
        let accepted = match &self.invalid {
            Some((reason, message)) if taken => {
                Condition::fails("Accepted", reason, message.clone(), generation)
            }
            _ => verdict.accepted,
        };
        let resolved = match &self.unresolved {
            Some((reason, message)) => {
                Condition::fails("ResolvedRefs", reason, message.clone(), generation)
            }
            None => Condition::holds("ResolvedRefs", "ResolvedRefs", generation),
        };
        let mut conditions = vec![accepted, resolved];
        // Set only while it holds, and only on routes that are accepted.
        if let (true, Some((reason, message))) = (taken, &self.partly) {
            let partly = Condition::holds("PartiallyInvalid", reason, generation);
            conditions.push(Condition { message: message.clone(), ..partly });
        }
        ParentStatus {
            parent_ref: verdict.parent_ref,
            controller_name: CONTROLLER_NAME,
            conditions,
        }
    }
}
