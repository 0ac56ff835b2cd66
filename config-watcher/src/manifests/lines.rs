//! The line of every field and item of a document, and what is wrong with its text.

use crate::schema::{Path, Step};

/// Lines of a value and of all that is in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Lines {
    /// Line of the value, or of the key in front of it; from 1.
    pub(crate) line: u32,
    /// What is in it.
    pub(crate) below: Below,
}

/// Lines of what is in a value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Below {
    /// A scalar.
    #[default]
    Nothing,
    /// A list.
    Items(Vec<Lines>),
    /// An object.
    Fields(Vec<(String, Lines)>),
}

impl Lines {
    /// A scalar's.
    pub(crate) fn at(line: u32) -> Self {
        Self { line, below: Below::Nothing }
    }

    /// Those of one field or item.
    pub(crate) fn step(&self, step: &Step) -> Option<&Self> {
        match (&self.below, step) {
            (Below::Items(items), Step::Index(index)) => items.get(*index),
            (Below::Fields(fields), Step::Key(key)) => {
                fields.iter().find(|(name, _)| name == key).map(|(_, lines)| lines)
            }
            _ => None,
        }
    }

    /// The line of a path, or of the innermost part of it that is there.
    pub(crate) fn find(&self, path: &Path) -> u32 {
        let mut lines = self;
        for step in &path.0 {
            match lines.step(step) {
                Some(below) => lines = below,
                None => break,
            }
        }
        lines.line
    }
}

/// What makes a text unreadable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Flaw {
    /// From 1.
    pub(crate) line: u32,
    /// What is wrong.
    pub(crate) message: String,
    /// The way out.
    pub(crate) remedy: &'static str,
}

impl Flaw {
    /// A flaw at a line.
    pub(crate) fn new(line: u32, message: impl Into<String>, remedy: &'static str) -> Self {
        Self { line, message: message.into(), remedy }
    }
}
