//! Fills in what an API server fills in, on every level: absent fields get their defaults, and a
//! null counts as an absent field.

use serde_json::Value;

use super::node::Node;

/// Gives absent fields their defaults. What has the wrong type is left for the judgement.
pub(crate) fn fill(node: &Node, value: &mut Value) {
    match value {
        Value::Object(fields) => {
            let known = |name: &str| node.properties.contains_key(name) || node.values.is_some();
            fields.retain(|name, value| !(value.is_null() && known(name)));
            for (name, property) in &node.properties {
                if let Some(default) = property.default.as_ref() {
                    fields.entry(name).or_insert_with(|| default.clone());
                }
            }
            for (name, value) in fields {
                if let Some(below) = node.properties.get(name).or(node.values.as_deref()) {
                    fill(below, value);
                }
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
