//! Builds the value of a document out of parser events, without recursion.

use std::borrow::Cow;
use std::collections::HashMap;

use serde_json::Value;

use super::super::lines::{Below, Flaw, Lines};
use super::super::size::Budget;

/// A value with its lines, and how many values it holds, itself included.
#[derive(Clone, Debug)]
pub(super) struct Made {
    pub(super) value: Value,
    pub(super) lines: Lines,
    pub(super) nodes: usize,
}

/// What has been read of a document.
#[derive(Debug, Default)]
pub(super) struct Builder<'t> {
    /// Open lists and objects, the innermost last.
    open: Vec<Frame<'t>>,
    /// What aliases may name: complete values.
    anchors: HashMap<usize, Made>,
    done: Option<Made>,
    documents: usize,
    budget: Budget,
}

/// An open list or object.
#[derive(Debug)]
struct Frame<'t> {
    made: Made,
    anchor: usize,
    /// In an object: the key whose value comes next.
    key: Option<Key<'t>>,
    /// In an object: values of `<<`, which give way to the object's own keys.
    merged: Vec<Made>,
}

#[derive(Debug)]
struct Key<'t> {
    text: Cow<'t, str>,
    line: u32,
    merge: bool,
}

impl<'t> Builder<'t> {
    /// What was built; None for a document without content.
    pub(super) fn done(self) -> Option<(Value, Lines)> {
        self.done.filter(|made| !made.value.is_null()).map(|made| (made.value, made.lines))
    }

    /// Begins a document. A text holds one: the next would follow a `...` line.
    pub(super) fn document(&mut self, line: u32) -> Result<(), Flaw> {
        self.documents += 1;
        if self.documents > 1 {
            return Err(Flaw::new(line, "a document follows '...'", "put '---' between documents"));
        }
        Ok(())
    }

    /// Begins a list or object.
    pub(super) fn open(&mut self, value: Value, anchor: usize, line: u32) -> Result<(), Flaw> {
        if self.key_is_next() {
            return Err(Flaw::new(line, "a key is a list or an object", "write a plain key"));
        }
        self.budget.take(1, line)?;
        Budget::level(self.open.len() + 1, line)?;
        let below = match value {
            Value::Array(_) => Below::Items(Vec::new()),
            _ => Below::Fields(Vec::new()),
        };
        let made = Made { value, lines: Lines { line, below }, nodes: 1 };
        self.open.push(Frame { made, anchor, key: None, merged: Vec::new() });
        Ok(())
    }

    /// Ends the innermost list or object.
    pub(super) fn close(&mut self) -> Result<(), Flaw> {
        let Some(mut frame) = self.open.pop() else { return Ok(()) };
        for merged in std::mem::take(&mut frame.merged) {
            frame.merge(merged);
        }
        self.add(frame.made, frame.anchor)
    }

    /// Takes a scalar: a key or a value.
    pub(super) fn scalar(
        &mut self,
        made: Made,
        text: Cow<'t, str>,
        plain: bool,
        anchor: usize,
    ) -> Result<(), Flaw> {
        let line = made.lines.line;
        if !self.key_is_next() {
            self.budget.take(1, line)?;
            return self.add(made, anchor);
        }
        if plain && (made.value.is_boolean() || made.value.is_null()) {
            let message = format!("the key {text:?} is {} to Kubernetes", made.value);
            return Err(Flaw::new(line, message, "put the key in quotes"));
        }
        let merge = plain && text == "<<";
        if let Some(frame) = self.open.last_mut() {
            // Numbers become the keys that JSON writes: 0x10 is "16".
            let text = match &made.value {
                Value::Number(number) => Cow::Owned(number.to_string()),
                _ => text,
            };
            frame.duplicate(&text, line)?;
            frame.key = Some(Key { text, line, merge });
        }
        Ok(())
    }

    /// Takes what an anchor names once more.
    pub(super) fn alias(&mut self, anchor: usize, line: u32) -> Result<(), Flaw> {
        let Some(made) = self.anchors.get(&anchor) else {
            return Err(Flaw::new(line, "the alias stands inside what it repeats", "write it out"));
        };
        self.budget.take(made.nodes, line)?;
        if self.key_is_next() {
            return Err(Flaw::new(line, "a key is an alias", "write the key out"));
        }
        let made = made.clone();
        // The alias may stand deeper than the anchor did.
        Budget::level(self.open.len() + depth(&made.value), line)?;
        self.add(made, 0)
    }

    fn key_is_next(&self) -> bool {
        self.open.last().is_some_and(|frame| frame.made.value.is_object() && frame.key.is_none())
    }

    /// Puts a complete value where it belongs.
    fn add(&mut self, made: Made, anchor: usize) -> Result<(), Flaw> {
        if anchor > 0 {
            // The copy counts as well: anchors that nobody uses must not double the memory.
            self.budget.take(made.nodes, made.lines.line)?;
            self.anchors.insert(anchor, made.clone());
        }
        match self.open.last_mut() {
            Some(frame) => frame.add(made),
            None => {
                self.done = Some(made);
                Ok(())
            }
        }
    }
}

impl Frame<'_> {
    fn duplicate(&self, key: &str, line: u32) -> Result<(), Flaw> {
        let Value::Object(fields) = &self.made.value else { return Ok(()) };
        if !fields.contains_key(key) {
            return Ok(());
        }
        let first = self.made.lines.step(&crate::schema::Step::Key(key.to_owned()));
        let first = first.map_or(0, |lines| lines.line);
        Err(Flaw::new(
            line,
            format!("the key {key:?} is there twice, first in line {first}"),
            "keep one",
        ))
    }

    fn add(&mut self, made: Made) -> Result<(), Flaw> {
        self.made.nodes = self.made.nodes.saturating_add(made.nodes);
        let key = self.key.take();
        match (&mut self.made.value, &mut self.made.lines.below, key) {
            (Value::Array(items), Below::Items(lines), _) => {
                items.push(made.value);
                lines.push(made.lines);
            }
            (_, _, Some(key)) if key.merge => return self.hold(made, key.line),
            (Value::Object(fields), Below::Fields(lines), Some(key)) => {
                let below = Lines { line: key.line, below: made.lines.below };
                lines.push((key.text.clone().into_owned(), below));
                fields.insert(key.text.into_owned(), made.value);
            }
            _ => {}
        }
        Ok(())
    }

    /// Keeps what `<<` names until the object is complete: an object, or a list of them of which
    /// the earlier win (yaml.org/type/merge.html).
    fn hold(&mut self, made: Made, line: u32) -> Result<(), Flaw> {
        let parts = match (made.value, made.lines.below) {
            (Value::Array(items), Below::Items(lines)) => items.into_iter().zip(lines).collect(),
            (value, below) => vec![(value, Lines { line, below })],
        };
        for (value, lines) in parts {
            if !value.is_object() {
                return Err(Flaw::new(
                    line,
                    "<< takes objects only",
                    "name an anchor of an object",
                ));
            }
            self.merged.push(Made { value, lines, nodes: 0 });
        }
        Ok(())
    }

    fn merge(&mut self, merged: Made) {
        let (Value::Object(fields), Below::Fields(lines)) =
            (&mut self.made.value, &mut self.made.lines.below)
        else {
            return;
        };
        let (Value::Object(more), Below::Fields(more_lines)) = (merged.value, merged.lines.below)
        else {
            return;
        };
        // Both are in the order in which they were read, and of the same length.
        for ((key, value), (_, line)) in more.into_iter().zip(more_lines) {
            if !fields.contains_key(&key) {
                lines.push((key.clone(), line));
                fields.insert(key, value);
            }
        }
    }
}

/// Levels of a value. Bounded by the level that it was built on.
fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Object(fields) => 1 + fields.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}
