//! How large a manifest may be, so that no file, however made, takes memory or time without bound.

use super::lines::Flaw;

/// Bytes of a file: four times the largest object that etcd takes is 6 MiB; a whole generated
/// configuration fits.
pub(crate) const FILE: u64 = 16 << 20;
/// Levels of a document: HTTPRoute, the deepest kind, has 12.
pub(crate) const DEPTH: usize = 64;
/// Values in a document, those that aliases repeat included.
const NODES: usize = 1 << 20;

/// Counts what one document holds.
#[derive(Debug, Default)]
pub(crate) struct Budget {
    nodes: usize,
}

impl Budget {
    /// Takes so many values more.
    pub(crate) fn take(&mut self, nodes: usize, line: u32) -> Result<(), Flaw> {
        self.nodes = self.nodes.saturating_add(nodes);
        if self.nodes <= NODES {
            return Ok(());
        }
        let message = format!("the document holds more than {NODES} values");
        Err(Flaw::new(line, message, "split it, or use fewer aliases"))
    }

    /// Goes down to a level.
    pub(crate) fn level(depth: usize, line: u32) -> Result<(), Flaw> {
        if depth <= DEPTH {
            return Ok(());
        }
        Err(Flaw::new(line, format!("the document is nested more than {DEPTH} levels deep"), ""))
    }
}
