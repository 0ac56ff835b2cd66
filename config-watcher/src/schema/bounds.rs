//! The least and the most that a value may be: numbers, lengths, items, fields.

use serde_json::Value;

/// Limits; absent ones do not limit.
#[derive(Clone, Debug, Default)]
pub(crate) struct Bounds {
    number: (Option<i64>, Option<i64>),
    /// In characters, as Go counts runes.
    length: (Option<usize>, Option<usize>),
    items: (Option<usize>, Option<usize>),
    fields: (Option<usize>, Option<usize>),
}

impl Bounds {
    /// Takes in a keyword of a schema.
    pub(crate) fn keyword(&mut self, keyword: &str, value: &Value) -> Result<(), String> {
        let number = value.as_i64().ok_or_else(|| "not known".to_owned())?;
        let size = usize::try_from(number).ok();
        match keyword {
            "minimum" => self.number.0 = Some(number),
            "maximum" => self.number.1 = Some(number),
            "minLength" => self.length.0 = size,
            "maxLength" => self.length.1 = size,
            "minItems" => self.items.0 = size,
            "maxItems" => self.items.1 = size,
            "minProperties" => self.fields.0 = size,
            "maxProperties" => self.fields.1 = size,
            _ => return Err("not known".to_owned()),
        }
        Ok(())
    }

    /// Says which limit a value breaks.
    pub(crate) fn broken_by(&self, value: &Value) -> Option<String> {
        match value {
            Value::Number(number) => {
                let (least, most) = self.number;
                if let Some(least) = least.filter(|least| number.as_f64() < Some(*least as f64)) {
                    return Some(format!("must be at least {least}, is {number}"));
                }
                let most = most.filter(|most| number.as_f64() > Some(*most as f64))?;
                Some(format!("must be at most {most}, is {number}"))
            }
            Value::String(text) => {
                // Bytes bound characters, so most strings need no counting.
                if self.length.0.unwrap_or(0) <= 1 && Some(text.len()) <= self.length.1 {
                    return outside((self.length.0, None), text.len(), "character");
                }
                outside(self.length, text.chars().count(), "character")
            }
            Value::Array(items) => outside(self.items, items.len(), "item"),
            Value::Object(fields) => outside(self.fields, fields.len(), "entry"),
            Value::Null | Value::Bool(_) => None,
        }
    }
}

fn outside(limits: (Option<usize>, Option<usize>), size: usize, of: &str) -> Option<String> {
    let plural = |count: usize| match (count, of) {
        (1, _) => of.to_owned(),
        (_, "entry") => "entries".to_owned(),
        _ => format!("{of}s"),
    };
    if let Some(least) = limits.0.filter(|least| size < *least) {
        let least = format!("{least} {}", plural(least));
        return Some(match size {
            0 => format!("must have at least {least}, is empty"),
            _ => format!("must have at least {least}, has {size}"),
        });
    }
    let most = limits.1.filter(|most| size > *most)?;
    Some(format!("must have at most {most} {}, has {size}", plural(most)))
}
