//! A route object becomes rules and a status.

use snapshot::{ObjectKey, RouteKind};

use super::output::RouteOutput;
use super::reads::Reads;

/// Computes the unit of a route.
pub(crate) fn compute(reads: &Reads<'_>, kind: RouteKind, key: &ObjectKey) -> RouteOutput {
    let _ = (reads, kind, key);
    unimplemented!("written with the routes")
}
