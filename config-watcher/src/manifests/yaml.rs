//! One YAML document as a JSON value with the line of everything in it.
//!
//! Promises: memory and time are bounded whatever the text (aliases count as what they repeat);
//! a duplicate key is an error; values mean what they mean to Kubernetes (`scalar`).

mod build;

use saphyr_parser::{Event, Parser, ScalarStyle, Tag};
use serde_json::Value;

use super::lines::{Flaw, Lines};
use super::scalar;
use build::{Builder, Made};

/// Reads one document. None when there is nothing in it but comments.
pub(crate) fn read(text: &str, lines_before: u32) -> Result<Option<(Value, Lines)>, Flaw> {
    // The parser counts the end of the text as a line of its own.
    let last = text.bytes().filter(|byte| matches!(byte, b'\n' | b'\r')).count() + 1;
    let line = |line: usize| {
        lines_before.saturating_add(u32::try_from(line.clamp(1, last)).unwrap_or(u32::MAX))
    };
    let mut parser = Parser::new_from_str(text);
    let mut builder = Builder::default();
    while let Some(event) = parser.next_event() {
        let (event, span) = event.map_err(|error| syntax(&error, line(error.marker().line())))?;
        builder.event(event, line(span.start.line()))?;
    }
    Ok(builder.done())
}

fn syntax(error: &saphyr_parser::ScanError, line: u32) -> Flaw {
    let message = format!("is not YAML: {}", error.info());
    Flaw::new(line, message, "see to indentation, quotes and brackets at and above this line")
}

impl<'t> Builder<'t> {
    fn event(&mut self, event: Event<'t>, line: u32) -> Result<(), Flaw> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let value = value(&text, style, tag.as_deref(), line)?;
                let plain = style == ScalarStyle::Plain && tag.is_none();
                self.scalar(Made { value, lines: Lines::at(line), nodes: 1 }, text, plain, anchor)
            }
            Event::Alias(anchor) => self.alias(anchor, line),
            Event::SequenceStart(anchor, tag) => {
                untagged(tag.as_deref(), "seq", line)?;
                self.open(Value::Array(Vec::new()), anchor, line)
            }
            Event::MappingStart(anchor, tag) => {
                untagged(tag.as_deref(), "map", line)?;
                self.open(Value::Object(serde_json::Map::new()), anchor, line)
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(),
            Event::DocumentStart(_) => self.document(line),
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => Ok(()),
        }
    }
}

/// Prefix of the core schema's tags, such as `!!str`.
const CORE: &str = "tag:yaml.org,2002:";

fn value(text: &str, style: ScalarStyle, tag: Option<&Tag>, line: u32) -> Result<Value, Flaw> {
    let value = match tag.map(|tag| format!("{}{}", tag.handle, tag.suffix)).as_deref() {
        None if style == ScalarStyle::Plain => scalar::plain(text),
        // `!` alone says "a string".
        None | Some("!") => Ok(Value::String(text.into())),
        Some(tag) => match tag.strip_prefix(CORE) {
            Some(core) => scalar::tagged(core, text),
            None => Err(format!("the tag {tag} has no meaning in a manifest")),
        },
    };
    value.map_err(|message| Flaw::new(line, message, "put the value in quotes, without a tag"))
}

fn untagged(tag: Option<&Tag>, allowed: &str, line: u32) -> Result<(), Flaw> {
    let Some(tag) = tag.map(|tag| format!("{}{}", tag.handle, tag.suffix)) else { return Ok(()) };
    if tag.strip_prefix(CORE) == Some(allowed) {
        return Ok(());
    }
    Err(Flaw::new(line, format!("the tag {tag} has no meaning in a manifest"), "remove it"))
}

#[cfg(test)]
mod tests;
