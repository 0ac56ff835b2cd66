//! The embedded schemas as a whole.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use cel::common::types::CelString;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::kinds::KindSchema;
use super::rule::Rule;
use crate::decode;
use crate::objects::Kind;

#[test]
fn every_schema_and_every_rule_compiles() {
    for kind in Kind::ALL {
        let violations = KindSchema::of(*kind).check(&mut Map::new());
        assert!(!violations.is_empty(), "{kind}: an object without a name passes");
    }
}

/// Functions are found by name when a rule runs, so each that a rule calls must be one of these,
/// which run here.
#[test]
fn every_function_that_a_rule_calls_is_there() {
    let calls = BTreeMap::from([
        ("contains", "self.contains('ex')"),
        ("duration", "duration('1m') > duration('1s')"),
        ("endsWith", "self.endsWith('xt')"),
        ("dns1123Subdomain", "!format.dns1123Subdomain().validate(self).hasValue()"),
        ("hasValue", "format.dns1123Subdomain().validate('-').hasValue()"),
        ("isIP", "isIP('::1') && isIP('10.0.0.1') && !isIP('10.0.0')"),
        ("matches", "self.matches('^te.t$') && !self.matches('^e')"),
        ("size", "self.size() == 4 && size(self) == 4 && [1, 2].size() == 2"),
        ("split", "self.split('e')[1] == 'xt'"),
        ("startsWith", "self.startsWith('te')"),
        ("validate", "!format.dns1123Subdomain().validate('a.b').hasValue()"),
    ]);
    for rule in calls.values() {
        let rule = Rule::compile(rule, "").unwrap();
        assert_eq!(rule.holds(&CelString::from("text")), Ok(true), "{}", rule.message);
    }
    for kind in Kind::ALL {
        KindSchema::of(*kind).each_rule(&mut |rule| {
            for function in rule.functions() {
                let operator = function.contains(|c: char| !c.is_alphanumeric());
                assert!(operator || calls.contains_key(&*function), "{kind}: {function}");
            }
        });
    }
}

/// The valid upstream examples.
static EXAMPLES: LazyLock<Vec<(Kind, Map<String, Value>)>> = LazyLock::new(|| {
    let text = include_str!("../../testdata/manifests/upstream-valid.in.yaml");
    let examples = crate::manifests::values(text).into_iter().map(|value| {
        let Value::Object(object) = value else { panic!("{value} is no object") };
        let text = |field: &str| object[field].as_str().unwrap();
        (super::find(text("apiVersion"), text("kind")).unwrap().kind, object)
    });
    examples.collect()
});

/// What may stand in the place of anything.
fn anything() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(json!(null)),
        Just(json!({})),
        Just(json!([])),
        Just(json!([{}])),
        Just(json!(true)),
        Just(json!(-1)),
        Just(json!(0.5)),
        Just(json!(65536)),
        Just(json!(u64::MAX)),
        Just(json!("")),
        Just(json!("x")),
        Just(json!("2026-01-31T12:00:00Z")),
    ]
}

/// Puts `new` in the place of what the way leads to, or removes that.
fn change(value: &mut Value, way: &[usize], new: Option<Value>) {
    let below = |len: usize| way.first().filter(|_| len > 0).map(|step| step % len);
    match value {
        Value::Object(fields) => {
            let Some(position) = below(fields.len()) else { return };
            let key = fields.keys().nth(position).unwrap().clone();
            match (&mut fields[&key], new) {
                (below @ (Value::Object(_) | Value::Array(_)), new) if way.len() > 1 => {
                    change(below, &way[1..], new);
                }
                (below, Some(new)) => *below = new,
                (_, None) => drop(fields.remove(&key)),
            }
        }
        Value::Array(items) => {
            let Some(position) = below(items.len()) else { return };
            match (&mut items[position], new) {
                (below @ (Value::Object(_) | Value::Array(_)), new) if way.len() > 1 => {
                    change(below, &way[1..], new);
                }
                (below, Some(new)) => *below = new,
                (_, None) => drop(items.remove(position)),
            }
        }
        _ => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn what_passes_decodes(
        position in any::<prop::sample::Index>(),
        changes in prop::collection::vec(
            (prop::collection::vec(0..20_usize, 1..9), prop::option::of(anything())), 0..4),
    ) {
        let (kind, object) = position.get(&EXAMPLES).clone();
        let mut object = Value::Object(object);
        for (way, new) in changes {
            change(&mut object, &way, new);
        }
        let Value::Object(mut object) = object else { unreachable!("only what is below changes") };
        let before = object.clone();
        if KindSchema::of(kind).check(&mut object).is_empty() {
            let decoded = decode::object(kind, object, None);
            prop_assert!(decoded.is_ok(), "{:?}\n{before:?}", decoded);
        }
    }
}
