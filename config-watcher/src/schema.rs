//! What an API server would refuse: structure, defaults and rules of the kinds we read.
//!
//! The schemas are those of Gateway API v1.7's experimental CRDs and of the Kubernetes core API
//! (`config-watcher/schemas/`, made by `extract.py` there). An object passes in the order of an
//! API server: nulls pruned, defaults filled in, structure judged, then, only when the structure
//! holds, the CEL rules.
//!
//! Promises: an object that passes decodes into our types; work per object is bounded. Whether
//! references lead anywhere is left to `translate`.

mod bounds;
mod defaults;
mod format;
mod functions;
mod kinds;
mod name;
mod node;
mod path;
mod rule;
mod rules;
mod structure;
mod suggest;
mod term;
mod violation;

#[cfg(test)]
mod tests;

pub use kinds::{KindSchema, Unknown, find};
pub use path::{Path, Step};
pub use suggest::nearest;
pub use violation::Violation;
