//! Judges a value by the structure that its schema asks for.
//!
//! Each message says what must be and what is; each remedy is what a person would write instead.

use std::collections::HashSet;

use serde_json::{Map, Value};

use super::node::{Items, Node, Pattern, Shape};
use super::path::At;
use super::suggest::{list, nearest};
use super::violation::Violations;

/// Adds to `out` all that is wrong with `value`.
pub(crate) fn check(node: &Node, value: &Value, at: &At<'_>, out: &mut Violations) {
    if out.full() {
        return;
    }
    if !fits(node.shape, value) {
        let message = format!("must be {}, is {}", shape_words(node.shape), value_words(value));
        return out.add(at, message, type_remedy(node.shape, value));
    }
    if let Some(broken) = node.bounds.broken_by(value) {
        return out.add(at, broken, "");
    }
    if !node.one_value_of.is_empty() && !node.one_value_of.contains(value) {
        let allowed: Vec<String> = node.one_value_of.iter().map(shown).collect();
        let meant = nearest(&shown(value), allowed.iter().map(String::as_str));
        let remedy = meant.map(|meant| format!("did you mean {meant}?")).unwrap_or_default();
        let message = format!("must be one of {}, is {}", allowed.join(", "), quoted(value));
        return out.add(at, message, remedy);
    }
    if let Some(format) = node.format.filter(|format| !format.holds(value)) {
        out.add(at, format!("must be {}, is {}", format.words(), quoted(value)), "");
    }
    if let (Some(pattern), Value::String(text)) = (&node.pattern, value)
        && !pattern.regex.is_match(text)
    {
        let (message, remedy) = mismatch(pattern, text);
        out.add(at, message, remedy);
    }
    match value {
        Value::Object(fields) => object(node, fields, at, out),
        Value::Array(items) => items_of(node, items, at, out),
        _ => {}
    }
    logic(node, value, at, out);
}

fn object(node: &Node, fields: &Map<String, Value>, at: &At<'_>, out: &mut Violations) {
    for name in node.required.iter().filter(|name| !fields.contains_key(*name)) {
        out.add(&at.key(name), "must be set", "");
    }
    for (name, value) in fields {
        match (node.properties.get(name), &node.values) {
            (Some(property), _) => check(property, value, &at.key(name), out),
            (None, Some(values)) => check(values, value, &at.key(name), out),
            (None, None) if node.open || node.shape != Shape::Object => {}
            (None, None) => unknown(node, name, fields, at, out),
        }
    }
}

fn unknown(
    node: &Node,
    name: &str,
    fields: &Map<String, Value>,
    at: &At<'_>,
    out: &mut Violations,
) {
    let free = || node.properties.keys().filter(|known| !fields.contains_key(*known));
    let remedy = match nearest(name, free().map(String::as_str)) {
        Some(meant) => format!("did you mean {meant}?"),
        // Longer lists are no help.
        None if !(1..=12).contains(&node.properties.len()) => "remove it".to_owned(),
        None => format!("the fields here are {}", list(node.properties.keys().map(String::as_str))),
    };
    out.add(&at.key(name), "is not a known field", remedy);
}

fn items_of(node: &Node, items: &[Value], at: &At<'_>, out: &mut Violations) {
    if let Some(schema) = &node.items {
        for (index, item) in items.iter().enumerate() {
            check(schema, item, &at.index(index), out);
        }
    }
    match &node.list {
        Items::Free => {}
        Items::Set => unique(items, at, out, "remove it", Value::to_string),
        Items::Keyed(groups) => {
            for keys in groups {
                let part = |item: &Value, key: &String| item.get(key).map(Value::to_string);
                let identity = |item: &Value| {
                    let parts: Vec<String> =
                        keys.iter().filter_map(|key| part(item, key)).collect();
                    parts.join("\n")
                };
                let remedy = format!("give it another {}", keys.join(" or "));
                unique(items, at, out, &remedy, identity);
            }
        }
    }
}

fn unique(
    items: &[Value],
    at: &At<'_>,
    out: &mut Violations,
    remedy: &str,
    identity: impl Fn(&Value) -> String,
) {
    let mut seen = HashSet::new();
    for (index, item) in items.iter().enumerate() {
        if !seen.insert(identity(item)) {
            out.add(&at.index(index), "is there twice", remedy);
        }
    }
}

fn logic(node: &Node, value: &Value, at: &At<'_>, out: &mut Violations) {
    for all in &node.all_of {
        check(all, value, at, out);
    }
    if let Some(not) = node.not.as_deref().filter(|not| judged(not, value).0.is_empty()) {
        let not: Vec<String> = not.one_value_of.iter().map(shown).collect();
        out.add(at, format!("must not be {}", not.join(" or ")), "");
    }
    for (choices, only_one) in [(&node.any_of, false), (&node.one_of, true)] {
        let judgements: Vec<Violations> =
            choices.iter().map(|choice| judged(choice, value)).collect();
        let held = judgements.iter().filter(|judgement| judgement.0.is_empty()).count();
        if !choices.is_empty() && (held == 0 || only_one && held > 1) {
            out.add(at, alternatives(&judgements, held), "");
        }
    }
}

fn judged(node: &Node, value: &Value) -> Violations {
    let mut out = Violations::default();
    check(node, value, &At::TOP, &mut out);
    out
}

fn alternatives(judgements: &[Violations], held: usize) -> String {
    if held > 1 {
        return format!("matches {held} forms that exclude each other");
    }
    let whys = judgements.iter().filter_map(|judgement| judgement.0.first()).map(|violation| {
        match violation.path.0.is_empty() {
            true => violation.message.clone(),
            false => format!("{} {}", violation.path, violation.message),
        }
    });
    whys.collect::<Vec<_>>().join("; or else ")
}

fn fits(shape: Shape, value: &Value) -> bool {
    match shape {
        Shape::Any => true,
        Shape::Object => value.is_object(),
        Shape::List => value.is_array(),
        Shape::String => value.is_string(),
        Shape::Integer => value.is_i64() || value.is_u64(),
        Shape::Number => value.is_number(),
        Shape::Boolean => value.is_boolean(),
        Shape::IntOrString => value.is_i64() || value.is_string(),
    }
}

fn shape_words(shape: Shape) -> &'static str {
    match shape {
        Shape::Any => "a value",
        Shape::Object => "an object",
        Shape::List => "a list",
        Shape::String => "a string",
        Shape::Integer => "an integer",
        Shape::Number => "a number",
        Shape::Boolean => "true or false",
        Shape::IntOrString => "an integer or a string",
    }
}

fn value_words(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(_) | Value::Number(_) => shown(value),
        Value::String(_) => format!("the string {}", quoted(value)),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "an object".to_owned(),
    }
}

fn type_remedy(shape: Shape, value: &Value) -> &'static str {
    match (shape, value) {
        (_, Value::Null) => "give it a value, or remove the field",
        (Shape::String, Value::Bool(_)) => {
            "put it in quotes: without, YAML takes true, yes and on for booleans"
        }
        (Shape::String, Value::Number(_)) => "put it in quotes",
        (Shape::Integer | Shape::Number, Value::String(text)) if text.parse::<f64>().is_ok() => {
            "write it without quotes"
        }
        (Shape::Boolean, Value::String(text)) if matches!(text.as_str(), "true" | "false") => {
            "write it without quotes"
        }
        (Shape::List, _) => "begin each item with a dash",
        _ => "",
    }
}

/// Words for the patterns that people meet; the pattern itself for all others.
fn mismatch(pattern: &Pattern, text: &str) -> (String, &'static str) {
    let (what, remedy) = match &*pattern.text {
        "^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$" => {
            ("a lower-case DNS name", "use a-z, 0-9, '-' and '.' only, as in shop.example.com")
        }
        "^(\\*\\.)?[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$" => (
            "a lower-case DNS name, or one with *. in front",
            "write shop.example.com or *.example.com, without port or path",
        ),
        "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$" => {
            ("a lower-case DNS label", "use a-z, 0-9 and '-' only, as in web-1")
        }
        "^([0-9]{1,5}(h|m|s|ms)){1,4}$" => ("a duration", "write 10s, 500ms or 1m30s"),
        other => return (format!("must match {other}, is {text:?}"), ""),
    };
    (format!("must be {what}, is {text:?}"), remedy)
}

fn shown(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// A value for a message: long ones are cut.
fn quoted(value: &Value) -> String {
    const LONGEST: usize = 60;
    let text = value.to_string();
    match text.char_indices().nth(LONGEST) {
        Some((cut, _)) => format!("{}...", &text[..cut]),
        None => text,
    }
}
