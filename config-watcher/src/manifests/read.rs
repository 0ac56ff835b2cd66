//! One file's text as objects and problems.
//!
//! Promises: an object is here only when an API server would take it; whatever is wrong is a
//! problem with its line; and what is wrong is told apart by whether it is known whose it is, so
//! that the folder can keep the last good version of just that.

use std::sync::Arc;

use serde_json::{Map, Value};
use snapshot::ObjectKey;

use super::documents::{self, Format};
use super::id::Id;
use super::implied;
use super::lines::Lines;
use super::problem::{Problem, Severity};
use crate::api::meta::Origin;
use crate::decode;
use crate::objects::{AnyObject, Kind};
use crate::schema::{self, KindSchema, Path, Step, Unknown};

/// Namespace of an object that names none, as with kubectl.
const DEFAULT_NAMESPACE: &str = "default";

/// Kinds of the Gateway API that are not served: to leave them out is no slip of the user's.
const UNSERVED: &[&str] = &["TCPRoute", "TLSRoute", "UDPRoute"];

/// What a file holds.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Reading {
    /// In the order of the file.
    pub(crate) good: Vec<AnyObject>,
    /// Objects that are there and are wrong.
    pub(crate) bad: Vec<Id>,
    /// Something is there of which it can't be said what it is.
    pub(crate) unknown: bool,
    /// In the order of the file.
    pub(crate) problems: Vec<Problem>,
}

/// Reads the text of a file.
pub(crate) fn read(file: &Arc<str>, text: &str, format: Format) -> Reading {
    let mut reader = Reader { file, reading: Reading::default() };
    for document in documents::read(text, format) {
        match document {
            Ok((value, lines)) => reader.document(value, &lines),
            Err(flaw) => {
                reader.reading.unknown = true;
                reader.problem(flaw.line, None, None, (flaw.message, flaw.remedy.to_owned()));
            }
        }
    }
    // Rules are judged from the inside out; people read from the top down.
    reader.reading.problems.sort_by_key(|problem| problem.origin.line);
    reader.reading
}

/// The reading of a file that has no text.
pub(crate) fn unreadable(file: &Arc<str>, message: String, remedy: &str) -> Reading {
    let mut reader = Reader { file, reading: Reading { unknown: true, ..Reading::default() } };
    reader.problem(0, None, None, (message, remedy.to_owned()));
    reader.reading
}

struct Reader<'a> {
    file: &'a Arc<str>,
    reading: Reading,
}

impl Reader<'_> {
    fn document(&mut self, value: Value, lines: &Lines) {
        let Value::Object(mut object) = value else {
            self.reading.unknown = true;
            let told = ("is no object".to_owned(), "begin with apiVersion and kind".to_owned());
            return self.problem(lines.line, None, None, told);
        };
        let Some((api_version, kind)) = self.type_of(&object, lines) else { return };
        let items = kind.strip_suffix("List").and_then(|_| object.swap_remove("items"));
        match items {
            Some(Value::Array(items)) => self.list(&api_version, &kind, items, lines),
            _ => self.object(&api_version, &kind, object, lines),
        }
    }

    /// The objects in a `List`, each like a document of its own.
    fn list(&mut self, api_version: &str, kind: &str, items: Vec<Value>, lines: &Lines) {
        let above = lines.step(&Step::Key("items".to_owned()));
        for (index, mut item) in items.into_iter().enumerate() {
            let below = above.and_then(|above| above.step(&Step::Index(index)));
            if let (Value::Object(item), Some(kind)) = (&mut item, kind.strip_suffix("List")) {
                // Only in lists of one kind may the items leave it out.
                if !kind.is_empty() {
                    item.entry("apiVersion").or_insert_with(|| api_version.into());
                    item.entry("kind").or_insert_with(|| kind.into());
                }
            }
            self.document(item, below.unwrap_or(lines));
        }
    }

    fn type_of(&mut self, object: &Map<String, Value>, lines: &Lines) -> Option<(String, String)> {
        let mut field = |name: &str| {
            let text = object.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
            if text.is_none() {
                let told = ("must be set, and a string".to_owned(), String::new());
                self.reading.unknown = true;
                self.problem(lines.find(&Path::of(&[name])), None, Some(name.to_owned()), told);
            }
            text.map(str::to_owned)
        };
        field("apiVersion").zip(field("kind"))
    }

    fn object(
        &mut self,
        api_version: &str,
        kind: &str,
        mut object: Map<String, Value>,
        lines: &Lines,
    ) {
        let schema = match schema::find(api_version, kind) {
            Ok(schema) => schema,
            Err(unknown) => return self.unread(api_version, kind, &unknown, &object, lines),
        };
        let named = place(schema, &mut object);
        let violations = schema.check(&mut object);
        let Some(key) = named else {
            self.reading.unknown = true;
            return self.violations(kind, &violations, lines);
        };
        if !violations.is_empty() {
            self.violations(&format!("{kind} {key}"), &violations, lines);
            return self.reading.bad.push((schema.kind, key));
        }
        let origin = Origin { file: Arc::clone(self.file), line: lines.line };
        match decode::object(schema.kind, object, Some(origin)) {
            Ok(object) => self.reading.good.push(object),
            Err(error) => {
                let told = (format!("can't be read: {error}"), String::new());
                self.problem(lines.line, Some(format!("{kind} {key}")), None, told);
                self.reading.bad.push((schema.kind, key));
            }
        }
    }

    fn violations(&mut self, object: &str, violations: &[schema::Violation], lines: &Lines) {
        for violation in violations {
            let field = Some(violation.path.to_string()).filter(|field| !field.is_empty());
            let told = (violation.message.clone(), violation.remedy.clone());
            self.problem(lines.find(&violation.path), Some(object.to_owned()), field, told);
        }
    }

    /// An object of a kind that we don't read, or not in this version.
    fn unread(
        &mut self,
        api_version: &str,
        kind: &str,
        unknown: &Unknown,
        object: &Map<String, Value>,
        lines: &Lines,
    ) {
        let name = object.get("metadata").and_then(|metadata| metadata.get("name"));
        let shown = format!("{kind} {}", name.and_then(Value::as_str).unwrap_or("?"));
        let (field, message, remedy) = match unknown {
            Unknown::Version(served) => (
                "apiVersion",
                format!("{api_version} is not read for kind {kind}"),
                format!("write {}", served.join(" or ")),
            ),
            Unknown::Kind(_) if UNSERVED.contains(&kind) => {
                return self.warning(
                    shown,
                    format!("Headgate doesn't serve the kind {kind}"),
                    lines,
                );
            }
            Unknown::Foreign => {
                let message = format!("Headgate doesn't read the kind {kind} of {api_version}");
                return self.warning(shown, message, lines);
            }
            Unknown::Kind(meant) => (
                "kind",
                format!("{kind} is no kind of {api_version} that Headgate knows"),
                meant.map(|meant| format!("did you mean {meant}?")).unwrap_or_default(),
            ),
        };
        self.reading.unknown = true;
        let line = lines.find(&Path::of(&[field]));
        self.problem(line, Some(shown), Some(field.to_owned()), (message, remedy));
    }

    fn warning(&mut self, object: String, message: String, lines: &Lines) {
        self.problem(lines.line, Some(object), None, (message, String::new()));
        if let Some(problem) = self.reading.problems.last_mut() {
            problem.severity = Severity::Warning;
        }
    }

    fn problem(
        &mut self,
        line: u32,
        object: Option<String>,
        field: Option<String>,
        (message, remedy): (String, String),
    ) {
        let origin = Origin { file: Arc::clone(self.file), line };
        let severity = Severity::Error;
        self.reading.problems.push(Problem { origin, object, field, message, remedy, severity });
    }
}

/// Gives an object the namespace and generation that a cluster would give it. None when it has no
/// name to be known by.
fn place(schema: &KindSchema, object: &mut Map<String, Value>) -> Option<ObjectKey> {
    let metadata = object.get_mut("metadata")?.as_object_mut()?;
    if metadata.get("generation").is_none_or(Value::is_null) {
        metadata.insert("generation".to_owned(), 1.into());
    }
    if schema.kind == Kind::Namespace {
        implied::label(metadata);
    }
    if !schema.namespaced {
        // An API server drops it as well.
        metadata.swap_remove("namespace");
    } else if metadata
        .get("namespace")
        .is_none_or(|namespace| namespace.is_null() || namespace == "")
    {
        metadata.insert("namespace".to_owned(), DEFAULT_NAMESPACE.into());
    }
    let text = |field: &str| metadata.get(field).and_then(Value::as_str);
    let name = text("name").filter(|name| !name.is_empty())?;
    Some(ObjectKey::new(text("namespace").unwrap_or_default(), name))
}

#[cfg(test)]
mod tests;
