//! What the units compute. The engine compares a unit's new output with its old one and wakes only
//! those who read a part that differs.

use std::collections::BTreeSet;
use std::sync::Arc;

use snapshot::{BackendKey, ListenerKey, ObjectKey, Route};

use crate::status::RouteStatus;

/// What one HTTPRoute or GRPCRoute becomes.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct RouteOutput {
    /// The rules that are served, by their index in `spec.rules`. Empty while no listener that
    /// serves has the route.
    pub rules: Vec<(u16, Arc<Route>)>,
    /// One entry for each parentRef that is ours; `None` when none is.
    pub status: Option<RouteStatus>,
    /// The service ports that its rules and mirrors send to.
    pub backends: BTreeSet<BackendKey>,
    /// The listeners that count it in `attachedRoutes`, whether they serve or not.
    pub listeners: BTreeSet<ListenerKey>,
    /// The Gateways of these listeners: policies of its backends work through them.
    pub gateways: BTreeSet<ObjectKey>,
}
