//! Who may come from where: `All`, `Same`, `None`, or namespaces whose labels match.

use std::sync::Arc;

use super::reads::Reads;
use crate::api::gateway::FromNamespaces;
use crate::api::meta::{LabelExpression, LabelSelector, Labels};

/// Whether an object in `namespace` may attach to one in `home`, which says `rule`. `default` is
/// what counts where `from` is absent. A value that we do not know lets nobody in.
pub(crate) fn admits(
    reads: &Reads<'_>,
    rule: Option<&FromNamespaces>,
    default: &str,
    home: &Arc<str>,
    namespace: &Arc<str>,
) -> bool {
    match rule.and_then(|rule| rule.from.as_deref()).unwrap_or(default) {
        "All" => true,
        "Same" => home == namespace,
        // A selector that is absent selects nothing; an empty one selects everything.
        "Selector" => rule
            .and_then(|rule| rule.selector.as_ref())
            .is_some_and(|selector| matches(selector, &reads.namespace_labels(namespace))),
        _ => false,
    }
}

/// Whether labels fulfil a selector (`metav1.LabelSelector`).
fn matches(selector: &LabelSelector, labels: &Labels) -> bool {
    selector.match_labels.iter().all(|(name, value)| labels.get(name) == Some(value))
        && selector.match_expressions.iter().all(|expression| holds(expression, labels))
}

fn holds(expression: &LabelExpression, labels: &Labels) -> bool {
    let value = labels.get(&expression.key);
    match &*expression.operator {
        "In" => value.is_some_and(|value| expression.values.contains(value)),
        "NotIn" => !value.is_some_and(|value| expression.values.contains(value)),
        "Exists" => value.is_some(),
        "DoesNotExist" => value.is_none(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::matches;
    use crate::api::meta::{LabelSelector, Labels};

    fn selects(selector: &str, labels: &str) -> bool {
        let selector: LabelSelector = serde_json::from_str(selector).unwrap();
        let labels: Labels = serde_json::from_str(labels).unwrap();
        matches(&selector, &labels)
    }

    #[test]
    fn every_part_of_a_selector_must_hold() {
        for (selector, labels, selected) in [
            ("{}", "{}", true),
            (r#"{"matchLabels": {"a": "1"}}"#, r#"{"a": "1", "b": "2"}"#, true),
            (r#"{"matchLabels": {"a": "1"}}"#, r#"{"a": "2"}"#, false),
            (r#"{"matchLabels": {"a": "1"}}"#, "{}", false),
            (r#"{"matchExpressions": [{"key": "a", "operator": "Exists"}]}"#, "{}", false),
            (r#"{"matchExpressions": [{"key": "a", "operator": "DoesNotExist"}]}"#, "{}", true),
        ] {
            assert_eq!(selects(selector, labels), selected, "{selector} on {labels}");
        }
    }

    #[test]
    fn not_in_holds_for_what_is_absent_and_in_does_not() {
        let selector = |operator: &str| {
            let expression =
                format!(r#"{{"key": "a", "operator": "{operator}", "values": ["1"]}}"#);
            format!(r#"{{"matchExpressions": [{expression}]}}"#)
        };
        assert!(selects(&selector("In"), r#"{"a": "1"}"#));
        assert!(!selects(&selector("In"), "{}"));
        assert!(!selects(&selector("NotIn"), r#"{"a": "1"}"#));
        assert!(selects(&selector("NotIn"), "{}"));
        assert!(!selects(&selector("Maybe"), r#"{"a": "1"}"#));
    }
}
