//! A schema, compiled: each keyword a typed field, each pattern and rule ready to run.
//!
//! Promises: a keyword that is not understood here is an error when the schema is loaded, so that
//! a newer schema is never checked by half.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use regex::Regex;
use serde_json::{Map, Value};

use super::bounds::Bounds;
use super::format::Format;
use super::rule::Rule;

/// What a value must be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Anything: schemas inside `anyOf` and the like name no type.
    #[default]
    Any,
    /// Fields or keys.
    Object,
    /// Items.
    List,
    /// Text.
    String,
    /// Whole number.
    Integer,
    /// Number.
    Number,
    /// true or false.
    Boolean,
    /// `x-kubernetes-int-or-string`.
    IntOrString,
}

/// How the items of a list relate (`x-kubernetes-list-type`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Items {
    /// Not at all.
    #[default]
    Free,
    /// No two are equal.
    Set,
    /// No two have equal values in these fields, for each of these groups.
    Keyed(Vec<Vec<String>>),
}

/// Text that a string must match somewhere.
#[derive(Clone, Debug)]
pub(crate) struct Pattern {
    /// As written.
    pub(crate) text: Arc<str>,
    /// Compiled.
    pub(crate) regex: Regex,
}

/// One schema.
#[derive(Clone, Debug, Default)]
pub(crate) struct Node {
    /// What the value is.
    pub(crate) shape: Shape,
    /// What an absent field becomes.
    pub(crate) default: Option<Value>,
    /// Known fields.
    pub(crate) properties: BTreeMap<String, Node>,
    /// Fields that must be there.
    pub(crate) required: Vec<String>,
    /// What the values of unknown keys are, where such keys may be.
    pub(crate) values: Option<Box<Node>>,
    /// Unknown fields are kept and not judged.
    pub(crate) open: bool,
    /// What each item is.
    pub(crate) items: Option<Box<Node>>,
    /// How items relate.
    pub(crate) list: Items,
    /// Least and most.
    pub(crate) bounds: Bounds,
    /// What a string must match.
    pub(crate) pattern: Option<Pattern>,
    /// The only values allowed; empty means any.
    pub(crate) one_value_of: Vec<Value>,
    /// Further meaning of the type.
    pub(crate) format: Option<Format>,
    /// Exactly one must hold.
    pub(crate) one_of: Vec<Node>,
    /// At least one must hold.
    pub(crate) any_of: Vec<Node>,
    /// Every one must hold.
    pub(crate) all_of: Vec<Node>,
    /// Must not hold.
    pub(crate) not: Option<Box<Node>>,
    /// CEL rules on the value.
    pub(crate) rules: Vec<Rule>,
    /// Whether rules stand here or below.
    pub(crate) ruled: bool,
}

/// What schemas share while they are loaded: equal patterns and rules are compiled once.
#[derive(Default)]
pub(crate) struct Library {
    patterns: HashMap<String, Pattern>,
    rules: HashMap<(String, String), Rule>,
}

impl Library {
    fn pattern(&mut self, text: &str) -> Result<Pattern, String> {
        if let Some(known) = self.patterns.get(text) {
            return Ok(known.clone());
        }
        let regex = Regex::new(text).map_err(|error| format!("pattern {text}: {error}"))?;
        let pattern = Pattern { text: text.into(), regex };
        self.patterns.insert(text.to_owned(), pattern.clone());
        Ok(pattern)
    }

    fn rule(&mut self, rule: &Map<String, Value>) -> Result<Rule, String> {
        if let Some(unknown) = rule.keys().find(|key| !matches!(key.as_str(), "rule" | "message")) {
            return Err(format!("x-kubernetes-validations has {unknown}"));
        }
        let text = |key: &str| rule.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        let key = (text("rule"), text("message"));
        if let Some(known) = self.rules.get(&key) {
            return Ok(known.clone());
        }
        let rule = Rule::compile(&key.0, &key.1)?;
        self.rules.insert(key, rule.clone());
        Ok(rule)
    }
}

impl Node {
    /// Compiles an OpenAPI v3 schema.
    pub(crate) fn load(schema: &Value, library: &mut Library) -> Result<Self, String> {
        let keywords = schema.as_object().ok_or("a schema is an object")?;
        let mut node = Self::default();
        for (keyword, value) in keywords {
            node.keyword(keyword, value, library).map_err(|error| format!("{keyword}: {error}"))?;
        }
        node.ruled = !node.rules.is_empty() || node.below().any(|below| below.ruled);
        Ok(node)
    }

    fn below(&self) -> impl Iterator<Item = &Self> {
        let boxed = [&self.values, &self.items].into_iter().flatten().map(Box::as_ref);
        self.properties.values().chain(boxed)
    }

    /// Shows every rule, here and below.
    #[cfg(test)]
    pub(crate) fn each_rule(&self, see: &mut impl FnMut(&Rule)) {
        self.rules.iter().for_each(&mut *see);
        self.below().for_each(|below| below.each_rule(see));
    }

    fn keyword(&mut self, key: &str, value: &Value, library: &mut Library) -> Result<(), String> {
        match key {
            "type" => self.shape = shape(value)?,
            "default" => self.default = Some(value.clone()),
            "properties" => {
                for (name, schema) in value.as_object().ok_or("must be an object")? {
                    let node =
                        Self::load(schema, library).map_err(|error| format!("{name}: {error}"))?;
                    self.properties.insert(name.clone(), node);
                }
            }
            "required" => self.required = strings(value)?,
            "additionalProperties" => match value {
                Value::Bool(open) => self.open = *open,
                schema => self.values = Some(Box::new(Self::load(schema, library)?)),
            },
            "items" => self.items = Some(Box::new(Self::load(value, library)?)),
            "pattern" => self.pattern = Some(library.pattern(text(value)?)?),
            "enum" => self.one_value_of = value.as_array().cloned().unwrap_or_default(),
            "format" => self.format = Some(Format::find(text(value)?).ok_or("not known")?),
            "oneOf" => self.one_of = Self::load_all(value, library)?,
            "anyOf" => self.any_of = Self::load_all(value, library)?,
            "allOf" => self.all_of = Self::load_all(value, library)?,
            "not" => self.not = Some(Box::new(Self::load(value, library)?)),
            "x-kubernetes-int-or-string" => self.shape = Shape::IntOrString,
            "x-kubernetes-preserve-unknown-fields" => self.open = true,
            "x-kubernetes-list-type" => match text(value)? {
                "set" => self.list = Items::Set,
                // The keys come with the keyword of their own.
                "atomic" | "map" => {}
                other => return Err(format!("{other} is not known")),
            },
            "x-kubernetes-list-map-keys" | "x-headgate-unique" => {
                let keys = strings(value)?;
                match &mut self.list {
                    Items::Keyed(groups) => groups.push(keys),
                    list => *list = Items::Keyed(vec![keys]),
                }
            }
            "x-kubernetes-validations" => {
                for rule in value.as_array().ok_or("must be a list")? {
                    let rule = library.rule(rule.as_object().ok_or("must hold objects")?)?;
                    self.rules.push(rule);
                }
            }
            _ => self.bounds.keyword(key, value)?,
        }
        Ok(())
    }

    fn load_all(value: &Value, library: &mut Library) -> Result<Vec<Self>, String> {
        let schemas = value.as_array().ok_or("must be a list")?;
        schemas.iter().map(|schema| Self::load(schema, library)).collect()
    }
}

fn shape(value: &Value) -> Result<Shape, String> {
    Ok(match text(value)? {
        "object" => Shape::Object,
        "array" => Shape::List,
        "string" => Shape::String,
        "integer" => Shape::Integer,
        "number" => Shape::Number,
        "boolean" => Shape::Boolean,
        other => return Err(format!("{other} is not known")),
    })
}

fn text(value: &Value) -> Result<&str, String> {
    value.as_str().ok_or_else(|| "must be a string".to_owned())
}

fn strings(value: &Value) -> Result<Vec<String>, String> {
    let items = value.as_array().ok_or("must be a list")?;
    items.iter().map(|item| text(item).map(str::to_owned)).collect()
}
