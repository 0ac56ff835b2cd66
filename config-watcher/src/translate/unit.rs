//! The units of translation: what is computed, and computed again, as a whole.

use snapshot::{BackendKey, ListenerKey, ObjectKey, RouteKind};

/// One thing to compute. Units run in the order of their [`Unit::phase`]; a unit may read the
/// outputs of earlier phases only, so each runs at most once for a batch of changes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Unit {
    /// Whether a GatewayClass is ours and accepted.
    Class(ObjectKey),
    /// What a Gateway wants of the address pool.
    Wish(ObjectKey),
    /// What a Gateway says as a whole, and the claims of its listeners.
    Gateway(ObjectKey),
    /// Whether a ListenerSet may join its Gateway, and the claims of its listeners.
    Set(ObjectKey),
    /// One listener: who won its claim, its certificates, what it serves.
    Listener(ListenerKey),
    /// One HTTPRoute or GRPCRoute.
    Route(RouteKind, ObjectKey),
    /// One service port and its policies. Exists while a route refers to it.
    Backend(BackendKey),
    /// The addresses of one service port. Exists while a route refers to it.
    Endpoints(BackendKey),
    /// The status of a Gateway, with its listeners' counts.
    GatewayStatus(ObjectKey),
    /// The status of a ListenerSet, with its listeners' counts.
    SetStatus(ObjectKey),
    /// The status of a BackendTLSPolicy.
    Policy(ObjectKey),
    /// The status of a BackendLifecyclePolicy.
    Lifecycle(ObjectKey),
}

impl Unit {
    /// How many phases there are.
    pub(crate) const PHASES: usize = 11;

    /// The phase of wishes: the pool is shared out when all are known.
    pub(crate) const WISHES: usize = 1;

    /// When it runs, from 0.
    pub(crate) fn phase(&self) -> usize {
        match self {
            Self::Class(_) => 0,
            Self::Wish(_) => Self::WISHES,
            Self::Gateway(_) => 2,
            Self::Set(_) => 3,
            Self::Listener(_) => 4,
            Self::Route(..) => 5,
            Self::Backend(_) => 6,
            Self::Endpoints(_) => 7,
            Self::SetStatus(_) => 8,
            Self::GatewayStatus(_) => 9,
            Self::Policy(_) | Self::Lifecycle(_) => 10,
        }
    }
}
