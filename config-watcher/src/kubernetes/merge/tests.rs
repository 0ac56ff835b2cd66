//! What is ours changes, what is not stays.

use serde_json::{Value, json};

use super::merge;
use crate::api::route::ParentReference;
use crate::status::{
    CONTROLLER_NAME, Condition, GatewayStatus, ListenerStatus, ObjectStatus, ParentStatus,
    RouteStatus, Truth,
};

const THEN: &str = "2026-01-01T00:00:00Z";
const NOW: &str = "2026-02-02T00:00:00Z";

fn condition(kind: &'static str, status: Truth) -> Condition {
    let message = String::new();
    Condition { kind, status, reason: kind, message, observed_generation: 2 }
}

fn as_written(kind: &str, status: &str, time: &str) -> Value {
    json!({"type": kind, "status": status, "reason": kind, "message": "",
        "observedGeneration": 2, "lastTransitionTime": time})
}

fn route(conditions: Vec<Condition>) -> ObjectStatus {
    let parent_ref = ParentReference {
        group: None,
        kind: None,
        namespace: None,
        name: "web".into(),
        section_name: None,
        port: None,
    };
    let parents = vec![ParentStatus { parent_ref, controller_name: CONTROLLER_NAME, conditions }];
    ObjectStatus::Route(RouteStatus { parents: parents.into() })
}

#[test]
fn entries_of_others_stay_in_place_byte_for_byte() {
    let foreign = json!({"controllerName": "example.com/other", "parentRef": {"name": "web"},
        "conditions": [{"type": "Odd", "status": "True", "extra": [1, 2]}]});
    let current = json!({"parents": [foreign, {"controllerName": CONTROLLER_NAME,
        "parentRef": {"name": "gone"}, "conditions": []}]});
    let merged = merge(&current, &route(vec![condition("Accepted", Truth::True)]), NOW).unwrap();
    assert_eq!(merged["parents"][0].to_string(), foreign.to_string());
    assert_eq!(merged["parents"][1]["parentRef"]["name"], "web");
    assert_eq!(merged["parents"].as_array().unwrap().len(), 2);
}

#[test]
fn what_is_right_is_not_written_again() {
    let ours = route(vec![condition("Accepted", Truth::True)]);
    let first = merge(&Value::Null, &ours, THEN).unwrap();
    assert_eq!(merge(&first, &ours, NOW), None);
}

#[test]
fn a_condition_keeps_its_time_while_its_status_stays() {
    let current = json!({"parents": [{"controllerName": CONTROLLER_NAME,
        "parentRef": {"name": "web"}, "conditions": [
            as_written("Accepted", "True", THEN), as_written("ResolvedRefs", "True", THEN)]}]});
    let ours = vec![condition("Accepted", Truth::False), condition("ResolvedRefs", Truth::True)];
    let merged = merge(&current, &route(ours), NOW).unwrap();
    let conditions = &merged["parents"][0]["conditions"];
    assert_eq!(conditions[0], as_written("Accepted", "False", NOW));
    assert_eq!(conditions[1], as_written("ResolvedRefs", "True", THEN));
}

#[test]
fn foreign_conditions_of_gateways_and_listeners_survive() {
    let foreign = json!({"type": "example.com/Odd", "status": "True", "reason": "X",
        "message": "kept", "lastTransitionTime": THEN});
    let current = json!({
        "conditions": [foreign, as_written("PartiallyInvalid", "True", THEN)],
        "listeners": [{"name": "http", "attachedRoutes": 0, "supportedKinds": [],
            "conditions": [foreign]}, {"name": "gone", "conditions": []}],
    });
    let listener = ListenerStatus {
        name: "http".into(),
        supported_kinds: vec![],
        attached_routes: 3,
        conditions: vec![condition("Accepted", Truth::True)],
    };
    let ours = ObjectStatus::Gateway(GatewayStatus {
        addresses: vec![],
        conditions: vec![condition("Accepted", Truth::True)],
        listeners: vec![listener],
        attached_listener_sets: None,
    });
    let merged = merge(&current, &ours, NOW).unwrap();
    assert_eq!(merged["conditions"].as_array().unwrap().len(), 2);
    assert_eq!(merged["conditions"][0].to_string(), foreign.to_string());
    assert_eq!(merged["listeners"].as_array().unwrap().len(), 1);
    assert_eq!(merged["listeners"][0]["attachedRoutes"], 3);
    assert_eq!(merged["listeners"][0]["conditions"][0].to_string(), foreign.to_string());
}

#[test]
fn a_route_that_left_us_loses_only_our_entries() {
    let foreign = json!({"controllerName": "example.com/other", "parentRef": {"name": "x"}});
    let current = json!({"parents": [{"controllerName": CONTROLLER_NAME,
        "parentRef": {"name": "web"}, "conditions": []}, foreign]});
    let none = ObjectStatus::Route(RouteStatus { parents: Vec::new().into() });
    assert_eq!(merge(&current, &none, NOW).unwrap(), json!({"parents": [foreign]}));
}
