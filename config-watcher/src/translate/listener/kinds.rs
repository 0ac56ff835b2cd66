//! Which kinds of route a listener takes (`allowedRoutes.kinds`).

use snapshot::RouteKind;

use crate::api::gateway::{GroupKind, Listener};
use crate::status::SupportedKind;
use crate::translate::refusal::Refusal;

const GROUP: &str = "gateway.networking.k8s.io";

/// Kinds of route.
pub(super) struct Kinds {
    /// That may attach, in the order of the spec.
    pub allowed: Vec<RouteKind>,
    /// Why `ResolvedRefs` is False: kinds that do not go with the protocol.
    pub problem: Option<Refusal>,
}

impl Kinds {
    /// For the status.
    pub(super) fn supported(&self) -> Vec<SupportedKind> {
        self.allowed
            .iter()
            .map(|kind| SupportedKind { group: GROUP, kind: kind.as_str() })
            .collect()
    }
}

/// The kinds that a listener takes; all that its protocol carries where it names none.
pub(super) fn judge(listener: &Listener) -> Kinds {
    let carried: &[RouteKind] = match &*listener.protocol {
        "HTTP" | "HTTPS" => &[RouteKind::Http, RouteKind::Grpc],
        _ => &[],
    };
    let wanted = listener.allowed_routes.as_ref().map_or(&[][..], |allowed| &allowed.kinds);
    if wanted.is_empty() {
        return Kinds { allowed: carried.to_vec(), problem: None };
    }
    let mut allowed = Vec::new();
    let mut problem = None;
    for (index, wanted) in wanted.iter().enumerate() {
        match carried.iter().find(|kind| is(wanted, **kind)) {
            Some(kind) if allowed.contains(kind) => {}
            Some(kind) => allowed.push(*kind),
            None => problem = problem.or(Some(unknown(index, wanted, listener))),
        }
    }
    Kinds { allowed, problem }
}

fn is(wanted: &GroupKind, kind: RouteKind) -> bool {
    wanted.group.as_deref().unwrap_or(GROUP) == GROUP && *wanted.kind == *kind.as_str()
}

fn unknown(index: usize, wanted: &GroupKind, listener: &Listener) -> Refusal {
    let group = wanted.group.as_deref().unwrap_or(GROUP);
    let message = format!(
        "allowedRoutes.kinds[{index}]: protocol {} does not carry {} of group `{group}`; use \
         HTTPRoute or GRPCRoute with HTTP or HTTPS",
        listener.protocol, wanted.kind
    );
    Refusal::new("InvalidRouteKinds", message)
}
