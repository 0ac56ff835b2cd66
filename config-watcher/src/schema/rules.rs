//! Runs the CEL rules of a schema over a value whose structure holds.

use cel::common::types::CelString;
use serde_json::Value;

use super::node::Node;
use super::path::At;
use super::term::{List, Map, Term, scalar};
use super::violation::Violations;

/// Adds to `out` every rule that is broken, the inner ones first.
pub(crate) fn check(node: &Node, value: &Value, at: &At<'_>, out: &mut Violations) {
    if node.ruled {
        walk(Some(node), value, at, out);
    }
}

/// Judges what is below, and gives the value as a term for the rules above.
fn walk<'d>(node: Option<&Node>, value: &'d Value, at: &At<'_>, out: &mut Violations) -> Term<'d> {
    let term: Term<'d> = match value {
        Value::Array(items) => {
            let node = node.and_then(|node| node.items.as_deref());
            let items = items.iter().enumerate();
            let terms = items.map(|(index, item)| walk(node, item, &at.index(index), out));
            Box::new(List(terms.collect()))
        }
        Value::Object(fields) => {
            let below = |name: &str| {
                let node = node?;
                node.properties.get(name).or(node.values.as_deref())
            };
            let terms = fields.iter().map(|(name, value)| {
                let term = walk(below(name), value, &at.key(name), out);
                (CelString::from(name.as_str()), term)
            });
            Box::new(Map(terms.collect()))
        }
        _ => scalar(value),
    };
    for rule in node.into_iter().flat_map(|node| &node.rules) {
        if out.full() {
            break;
        }
        match rule.holds(term.as_ref()) {
            Ok(true) => {}
            Ok(false) => out.add(at, &*rule.message, ""),
            Err(error) => {
                out.add(at, &*rule.message, format!("the rule could not be run: {error}"))
            }
        }
    }
    term
}
