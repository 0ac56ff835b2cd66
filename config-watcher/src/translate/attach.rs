//! Which listeners a route attaches to, and what each of its parents says to that.

use std::sync::Arc;

use snapshot::{Attachment, Hostname, ListenerKey, ObjectKey, RouteKind};

use super::reads::Reads;
use crate::api::route::ParentReference;
use crate::status::Condition;

/// The part of a route that decides where it attaches.
#[derive(Debug)]
pub(crate) struct Candidate<'a> {
    /// HTTPRoute or GRPCRoute.
    pub kind: RouteKind,
    /// The route.
    pub key: &'a ObjectKey,
    /// `metadata.generation`.
    pub generation: i64,
    /// `spec.parentRefs`.
    pub parent_refs: &'a [ParentReference],
    /// `spec.hostnames`, parsed; those that are none are left out (their route is refused).
    pub hostnames: &'a [Hostname],
}

/// What a parent of ours says to a route.
#[derive(Debug)]
pub(crate) struct Verdict {
    /// As the route wrote it.
    pub parent_ref: ParentReference,
    /// The Gateway that it leads to, by way of a ListenerSet perhaps.
    pub gateway: ObjectKey,
    /// `Accepted`.
    pub accepted: Condition,
    /// Listeners that serve and now have the route; empty unless accepted.
    pub attachments: Vec<Attachment>,
    /// Listeners that count the route, whether they serve or not.
    pub counted: Vec<ListenerKey>,
}

/// Asks every parent of ours that the route names, in the order of `parentRefs`. Parents of other
/// controllers and kinds that we do not know are passed over in silence.
pub(crate) fn attach(reads: &Reads<'_>, route: &Candidate<'_>) -> Vec<Verdict> {
    let _ = (reads, route, Arc::<str>::from(""));
    unimplemented!("written with the listeners")
}
