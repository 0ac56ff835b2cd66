//! JSON documents as values with the line of everything in them.
//!
//! serde_json does the reading; it hands out each value as a slice of the text (`RawValue`), and
//! the place of a slice in the text is its line. Each level is scanned once more than the one
//! above it, which the bound on levels keeps in check.

use std::fmt;

use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::lines::{Below, Flaw, Lines};
use super::scalar;
use super::size::Budget;

/// Reads every document of a text: JSON values one after the other. What follows the first flaw is
/// not read, for in JSON nothing says where it begins.
pub(crate) fn read(text: &str, lines_before: u32) -> Vec<Result<(Value, Lines), Flaw>> {
    let source = Source::new(text, lines_before);
    let mut documents = Vec::new();
    for raw in serde_json::Deserializer::from_str(text).into_iter::<&RawValue>() {
        let document = match raw {
            Ok(raw) => source.value(raw.get(), 1, &mut Budget::default()),
            Err(error) => Err(source.syntax(&error)),
        };
        let broken = document.is_err();
        documents.push(document);
        if broken {
            break;
        }
    }
    documents
}

/// A text and where its lines begin.
struct Source<'t> {
    text: &'t str,
    /// Offsets of the line ends.
    ends: Vec<usize>,
    lines_before: u32,
}

impl<'t> Source<'t> {
    fn new(text: &'t str, lines_before: u32) -> Self {
        let ends = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        Self { text, ends: ends.map(|(offset, _)| offset).collect(), lines_before }
    }

    fn line(&self, slice: &str) -> u32 {
        let offset = slice.as_ptr().addr().saturating_sub(self.text.as_ptr().addr());
        let line = self.ends.partition_point(|end| *end < offset) + 1;
        self.lines_before + u32::try_from(line).unwrap_or(u32::MAX)
    }

    fn syntax(&self, error: &serde_json::Error) -> Flaw {
        let line = self.lines_before + u32::try_from(error.line()).unwrap_or(u32::MAX).max(1);
        let message = error.to_string();
        // The place is told by the file and line of the problem.
        let message = message.rsplit_once(" at line ").map_or(&*message, |(what, _)| what);
        let message = format!("is not JSON: {message}");
        Flaw::new(line, message, "see to commas, quotes and brackets at and above this line")
    }

    fn value(
        &self,
        raw: &'t str,
        level: usize,
        budget: &mut Budget,
    ) -> Result<(Value, Lines), Flaw> {
        let line = self.line(raw);
        budget.take(1, line)?;
        let wrong = |error: serde_json::Error| {
            let message = error.to_string();
            let message = message.rsplit_once(" at line ").map_or(&*message, |(what, _)| what);
            Flaw::new(line, format!("is not JSON: {message}"), "")
        };
        let mut reader = serde_json::Deserializer::from_str(raw);
        match raw.as_bytes().first() {
            Some(b'{') => {
                Budget::level(level, line)?;
                let fields = reader.deserialize_map(Raw).map_err(wrong)?;
                self.object(fields, line, level, budget)
            }
            Some(b'[') => {
                Budget::level(level, line)?;
                let items = reader.deserialize_seq(Raw).map_err(wrong)?;
                let (mut values, mut lines) = (Vec::new(), Vec::new());
                for (_, item) in items {
                    let (value, line) = self.value(item.get(), level + 1, budget)?;
                    values.push(value);
                    lines.push(line);
                }
                Ok((Value::Array(values), Lines { line, below: Below::Items(lines) }))
            }
            _ => Ok((scalar::whole(serde_json::from_str(raw).map_err(wrong)?), Lines::at(line))),
        }
    }

    fn object(
        &self,
        fields: Vec<(String, &'t RawValue)>,
        line: u32,
        level: usize,
        budget: &mut Budget,
    ) -> Result<(Value, Lines), Flaw> {
        let (mut values, mut lines) = (Map::new(), Vec::new());
        for (key, raw) in fields {
            let (value, below) = self.value(raw.get(), level + 1, budget)?;
            if values.insert(key.clone(), value).is_some() {
                let message = format!("the key {key:?} is there twice");
                return Err(Flaw::new(below.line, message, "keep one"));
            }
            lines.push((key, below));
        }
        Ok((Value::Object(values), Lines { line, below: Below::Fields(lines) }))
    }
}

/// Takes an object or a list apart without reading what is in it. Items have empty keys.
struct Raw;

impl<'t> Visitor<'t> for Raw {
    type Value = Vec<(String, &'t RawValue)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object or a list")
    }

    fn visit_map<A: MapAccess<'t>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut fields = Vec::new();
        while let Some(field) = map.next_entry()? {
            fields.push(field);
        }
        Ok(fields)
    }

    fn visit_seq<A: SeqAccess<'t>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = items.next_element()? {
            values.push((String::new(), value));
        }
        Ok(values)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::{Path, Step};
    use serde_json::json;

    #[test]
    fn every_value_has_its_line() {
        let documents = read("{\n \"a\": [1,\n  {\"b\": null}],\n\n \"c\": \"\\u00e9\"}\n{}", 10);
        let (value, lines) = documents[0].clone().unwrap();
        assert_eq!(value, json!({"a": [1, {"b": null}], "c": "é"}));
        let path = |steps: &[Step]| lines.find(&Path(steps.to_vec()));
        assert_eq!(path(&[]), 11);
        assert_eq!(path(&[Step::Key("a".into()), Step::Index(1), Step::Key("b".into())]), 13);
        assert_eq!(path(&[Step::Key("c".into())]), 15);
        assert_eq!(documents[1].as_ref().unwrap().1.line, 16);
    }

    #[test]
    fn flaws_have_lines_too() {
        assert_eq!(read("{\n\"a\": 1,\n\"a\": 2}", 0)[0].as_ref().unwrap_err().line, 3);
        assert_eq!(read("{\n\"a\": ]}", 0)[0].as_ref().unwrap_err().line, 2);
        assert_eq!(read("{} {", 0).len(), 2);
        let deep = "[".repeat(100) + &"]".repeat(100);
        assert!(read(&deep, 0)[0].as_ref().unwrap_err().message.contains("64 levels"));
    }
}
