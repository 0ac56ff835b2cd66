//! Our part of an object's status, put into what stands there.
//!
//! Promises: entries of other controllers and conditions of types that are not ours stay as they
//! are, byte for byte and in their place; a condition keeps its time while its status stays; what
//! is right already is not written again.

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::status::{
    AncestorStatus, CONTROLLER_NAME, Condition, ListenerStatus, ObjectStatus, ParentStatus,
};

/// Condition types that we set somewhere: those that we no longer say are taken away.
const OURS: [&str; 10] = [
    "Accepted",
    "Conflicted",
    "DefaultGateway",
    "InsecureFrontendValidationMode",
    "OverlappingTLSConfig",
    "PartiallyInvalid",
    "Programmed",
    "ResolvedRefs",
    "SupportedVersion",
    "AddressesAssigned",
];

/// The status that should stand instead of `current` (null where there is none), or `None` when
/// that says it all. `now` is RFC 3339.
pub(super) fn merge(current: &Value, ours: &ObjectStatus, now: &str) -> Option<Value> {
    let mut status = current.as_object().cloned().unwrap_or_default();
    match ours {
        ObjectStatus::GatewayClass(class) => {
            set_conditions(&mut status, &class.conditions, now);
            status.insert("supportedFeatures".to_owned(), value(&class.supported_features));
        }
        ObjectStatus::Gateway(gateway) => {
            set_conditions(&mut status, &gateway.conditions, now);
            status.insert("addresses".to_owned(), value(&gateway.addresses));
            set_listeners(&mut status, &gateway.listeners, now);
            match gateway.attached_listener_sets {
                Some(count) => status.insert("attachedListenerSets".to_owned(), json!(count)),
                None => status.remove("attachedListenerSets"),
            };
        }
        ObjectStatus::ListenerSet(set) => {
            set_conditions(&mut status, &set.conditions, now);
            set_listeners(&mut status, &set.listeners, now);
        }
        ObjectStatus::Route(route) => set_entries(&mut status, "parents", &route.parents, now),
        ObjectStatus::Policy(policy) => {
            set_entries(&mut status, "ancestors", &policy.ancestors, now);
        }
    }
    let merged = Value::Object(status);
    (merged != *current).then_some(merged)
}

fn value(of: impl Serialize) -> Value {
    serde_json::to_value(of).expect("our statuses have text keys only")
}

fn set_conditions(within: &mut Map<String, Value>, ours: &[Condition], now: &str) {
    let there = within.get("conditions").and_then(Value::as_array).cloned().unwrap_or_default();
    let mut merged: Vec<Value> = Vec::with_capacity(there.len().max(ours.len()));
    for old in there {
        let kind = old["type"].as_str().unwrap_or_default();
        match ours.iter().find(|condition| condition.kind == kind) {
            Some(condition) => merged.push(renewed(old, condition, now)),
            None if OURS.contains(&kind) => {}
            None => merged.push(old),
        }
    }
    for condition in ours {
        if !merged.iter().any(|there| there["type"] == condition.kind) {
            merged.push(renewed(Value::Null, condition, now));
        }
    }
    within.insert("conditions".to_owned(), Value::Array(merged));
}

fn renewed(old: Value, condition: &Condition, now: &str) -> Value {
    let mut new = value(condition);
    let same_status = old["status"] == new["status"];
    let time = old["lastTransitionTime"].as_str().filter(|_| same_status).unwrap_or(now);
    new["lastTransitionTime"] = json!(time);
    // Equal but for the order of fields: what stands there stays.
    if new == old { old } else { new }
}

fn set_listeners(within: &mut Map<String, Value>, ours: &[ListenerStatus], now: &str) {
    let there = within.get("listeners").and_then(Value::as_array).cloned().unwrap_or_default();
    let merged = ours.iter().map(|listener| {
        let old = there.iter().find(|old| old["name"] == *listener.name);
        let mut entry = old.and_then(Value::as_object).cloned().unwrap_or_default();
        entry.insert("name".to_owned(), json!(listener.name));
        entry.insert("supportedKinds".to_owned(), value(&listener.supported_kinds));
        entry.insert("attachedRoutes".to_owned(), json!(listener.attached_routes));
        set_conditions(&mut entry, &listener.conditions, now);
        Value::Object(entry)
    });
    let merged = merged.collect();
    within.insert("listeners".to_owned(), Value::Array(merged));
}

/// An entry of a list that several controllers share.
trait Entry {
    /// The field that tells our entries apart.
    const REFERENCE: &'static str;
    fn reference(&self) -> Value;
    fn conditions(&self) -> &[Condition];
}

impl Entry for ParentStatus {
    const REFERENCE: &'static str = "parentRef";
    fn reference(&self) -> Value {
        value(&self.parent_ref)
    }
    fn conditions(&self) -> &[Condition] {
        &self.conditions
    }
}

impl Entry for AncestorStatus {
    const REFERENCE: &'static str = "ancestorRef";
    fn reference(&self) -> Value {
        value(&self.ancestor_ref)
    }
    fn conditions(&self) -> &[Condition] {
        &self.conditions
    }
}

fn set_entries<E: Entry>(within: &mut Map<String, Value>, list: &str, ours: &[E], now: &str) {
    let there = within.get(list).and_then(Value::as_array).cloned().unwrap_or_default();
    let mut left: Vec<(Value, &E)> = ours.iter().map(|entry| (entry.reference(), entry)).collect();
    let mut merged = Vec::with_capacity(there.len().max(ours.len()));
    for old in there {
        if old["controllerName"] != CONTROLLER_NAME {
            merged.push(old);
            continue;
        }
        let found = left.iter().position(|(reference, _)| *reference == old[E::REFERENCE]);
        if let (Some(at), Value::Object(mut entry)) = (found, old) {
            let (_, ours) = left.remove(at);
            set_conditions(&mut entry, ours.conditions(), now);
            merged.push(Value::Object(entry));
        }
    }
    for (reference, ours) in left {
        let mut entry = Map::new();
        entry.insert(E::REFERENCE.to_owned(), reference);
        entry.insert("controllerName".to_owned(), json!(CONTROLLER_NAME));
        set_conditions(&mut entry, ours.conditions(), now);
        merged.push(Value::Object(entry));
    }
    within.insert(list.to_owned(), Value::Array(merged));
}

#[cfg(test)]
mod tests;
