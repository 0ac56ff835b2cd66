//! What the log says of a batch: only what is new.

use std::collections::BTreeSet;
use std::sync::Arc;

use config_watcher::manifests::{Problem, Severity};
use config_watcher::objects::Objects;
use config_watcher::status::Statuses;
use gateway::Applied;
use imbl::ordmap::DiffItem;

use crate::condition::{self, Verdict};
use crate::live::Live;

/// Logs what differs. Costs the difference, but for problems, which are looked at when one differs.
pub(super) fn changes(objects: &Objects, old: &Live, new: &Live) {
    if !Arc::ptr_eq(&old.problems, &new.problems) {
        problems(&old.problems, &new.problems);
    }
    conditions(objects, &old.statuses, &new.statuses);
    if let Some(applied) = &new.applied {
        refusals(old.applied.as_deref(), applied);
    }
}

fn problems(old: &[Problem], new: &[Problem]) {
    let (before, now): (BTreeSet<_>, BTreeSet<_>) = (old.iter().collect(), new.iter().collect());
    for problem in now.difference(&before) {
        let Problem { origin, object, field, message, remedy, severity } = problem;
        let origin = match (&*origin.file, origin.line) {
            ("", _) => None,
            (file, 0) => Some(file.to_owned()),
            (file, line) => Some(format!("{file}:{line}")),
        };
        let (object, field) = (object.as_deref(), field.as_deref());
        match severity {
            Severity::Error => tracing::error!(origin, object, field, remedy, "{message}"),
            Severity::Warning => tracing::warn!(origin, object, field, remedy, "{message}"),
        }
    }
    for problem in before.difference(&now) {
        tracing::info!("no longer so: {problem}");
    }
}

/// What is newly refused.
fn refusals(old: Option<&Applied>, new: &Applied) {
    for refusal in &new.refusals {
        if !old.is_some_and(|old| old.refusals.contains(refusal)) {
            let object = &refusal.resource;
            tracing::error!(object, "refused; its old form serves on: {}", refusal.reason);
        }
    }
}

/// Which conditions are newly not met.
fn conditions(objects: &Objects, old: &Statuses, new: &Statuses) {
    for item in old.diff(new) {
        let ((kind, key), before, status) = match item {
            DiffItem::Add(name, status) => (name, None, status),
            DiffItem::Update { old: (_, before), new: (name, status) } => {
                (name, Some(before), status)
            }
            DiffItem::Remove(..) => continue,
        };
        let known = before.map(|status| condition::of_object(*kind, key, status));
        for row in condition::of_object(*kind, key, status) {
            if known.as_ref().is_some_and(|rows| rows.contains(&row)) {
                continue;
            }
            let object = row.subject();
            let origin = condition::origin(objects, *kind, key);
            let condition::Row { condition, status, reason, message, .. } = &row;
            if row.verdict == Verdict::Good {
                tracing::debug!(object, condition, status, reason);
            } else {
                tracing::warn!(object, origin, condition, status, reason, "{message}");
            }
        }
    }
}
