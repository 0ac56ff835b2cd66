//! Words: text that many objects have alike (kinds, namespaces, names of Gateways, nodes, zones),
//! kept once while it is read.

use std::cell::RefCell;
use std::fmt;
use std::sync::Arc;

use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer};

use crate::shared::Shared;

/// Longer text is hardly said twice.
const LONGEST: usize = 128;

thread_local! {
    static SEEN: RefCell<Shared<str>> = RefCell::default();
}

struct Word(Arc<str>);

impl<'de> Deserialize<'de> for Word {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_str(Reader).map(Self)
    }
}

struct Reader;

impl Visitor<'_> for Reader {
    type Value = Arc<str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(match text.len() {
            0..=LONGEST => SEEN.with_borrow_mut(|seen| seen.of(text)),
            _ => text.into(),
        })
    }
}

pub(super) fn one<'de, D: Deserializer<'de>>(from: D) -> Result<Arc<str>, D::Error> {
    Word::deserialize(from).map(|word| word.0)
}

pub(super) fn optional<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Arc<str>>, D::Error> {
    Ok(Option::<Word>::deserialize(from)?.map(|word| word.0))
}

pub(super) fn list<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Arc<str>>, D::Error> {
    Ok(Vec::<Word>::deserialize(from)?.into_iter().map(|word| word.0).collect())
}
