//! Fills in what an API server fills in: defaults of absent fields, on every level.

use serde_json::Value;

use super::node::Node;

/// Gives absent fields their defaults. What has the wrong type is left for the judgement.
pub(crate) fn fill(node: &Node, value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (name, property) in &node.properties {
                let absent = fields.get(name).is_none_or(Value::is_null);
                if let Some(default) = property.default.as_ref().filter(|_| absent) {
                    fields.insert(name.clone(), default.clone());
                }
                if let Some(value) = fields.get_mut(name) {
                    fill(property, value);
                }
            }
            if let Some(values) = &node.values {
                fields.values_mut().for_each(|value| fill(values, value));
            }
        }
        Value::Array(items) => {
            if let Some(node) = &node.items {
                items.iter_mut().for_each(|item| fill(node, item));
            }
        }
        _ => {}
    }
}

/// Removes every field that is null.
pub(crate) fn prune_nulls(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|_, value| !value.is_null());
            fields.values_mut().for_each(prune_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(prune_nulls),
        _ => {}
    }
}
