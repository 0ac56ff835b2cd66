//! One thing that is wrong with an object, and the list of them.

use super::path::{At, Path};

/// One thing that an API server would refuse.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The field.
    pub path: Path,
    /// What is wrong, without a full stop.
    pub message: String,
    /// The way out, without a full stop; empty where the message says it.
    pub remedy: String,
}

/// What is wrong with one object. Ends at [`Self::MOST`]: who has read that many mends them first.
#[derive(Debug, Default)]
pub(crate) struct Violations(pub(crate) Vec<Violation>);

impl Violations {
    const MOST: usize = 20;

    /// Takes one more.
    pub(crate) fn add(
        &mut self,
        at: &At<'_>,
        message: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        if !self.full() {
            let (message, remedy) = (message.into(), remedy.into());
            self.0.push(Violation { path: at.path(), message, remedy });
        }
    }

    /// Whether looking on is of no use.
    pub(crate) fn full(&self) -> bool {
        self.0.len() >= Self::MOST
    }
}
