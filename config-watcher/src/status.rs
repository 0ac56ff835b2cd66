//! What we say of each object: the `status` that a cluster would show, in its JSON form, without
//! the times, which the writer sets.

use std::sync::Arc;

use imbl::OrdMap;
use serde::Serialize;
use snapshot::ObjectKey;

use crate::api::route::ParentReference;
use crate::objects::Kind;

/// Our name as a controller (`GatewayClass.spec.controllerName`).
pub const CONTROLLER_NAME: &str = "headgate.dev/gateway-controller";

/// The status of every object that has one, by kind and key. Persistent, so that a writer keeps
/// what it has written and asks for the difference.
pub type Statuses = OrdMap<(Kind, ObjectKey), Arc<ObjectStatus>>;

/// The status of one object.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(untagged)]
pub enum ObjectStatus {
    /// `GatewayClassStatus`.
    GatewayClass(GatewayClassStatus),
    /// `GatewayStatus`.
    Gateway(GatewayStatus),
    /// `ListenerSetStatus`.
    ListenerSet(ListenerSetStatus),
    /// `RouteStatus`, for every kind of route.
    Route(RouteStatus),
    /// `PolicyStatus`.
    Policy(PolicyStatus),
}

/// `metav1.Condition` without `lastTransitionTime`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Condition {
    /// Such as `Accepted`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// `True`, `False` or `Unknown`.
    pub status: Truth,
    /// CamelCase word for machines.
    pub reason: &'static str,
    /// Sentence for people: the field, what is wrong, the way out. Empty when all is well.
    pub message: String,
    /// `metadata.generation` of the object that was judged.
    pub observed_generation: i64,
}

impl Condition {
    /// A condition that holds.
    #[must_use]
    pub fn holds(kind: &'static str, reason: &'static str, generation: i64) -> Self {
        let observed_generation = generation;
        Self { kind, status: Truth::True, reason, message: String::new(), observed_generation }
    }

    /// A condition that does not hold, and why.
    #[must_use]
    pub fn fails(
        kind: &'static str,
        reason: &'static str,
        message: impl Into<String>,
        generation: i64,
    ) -> Self {
        let (message, observed_generation) = (message.into(), generation);
        Self { kind, status: Truth::False, reason, message, observed_generation }
    }
}

/// Value of a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
pub enum Truth {
    /// It holds.
    True,
    /// It does not.
    False,
    /// Not known.
    Unknown,
}

/// `GatewayClassStatus`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GatewayClassStatus {
    /// `Accepted`, `SupportedVersion`.
    pub conditions: Vec<Condition>,
    /// In ascending order.
    pub supported_features: Vec<Feature>,
}

/// `SupportedFeature`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Feature {
    /// Name in the conformance suite.
    pub name: &'static str,
}

/// `GatewayStatus`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GatewayStatus {
    /// Addresses it is reached at.
    pub addresses: Vec<StatusAddress>,
    /// `Accepted`, `Programmed`, `ResolvedRefs` and so on.
    pub conditions: Vec<Condition>,
    /// Those of its own spec, in order.
    pub listeners: Vec<ListenerStatus>,
    /// How many ListenerSets are attached.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attached_listener_sets: Option<i32>,
}

/// `GatewayStatusAddress`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct StatusAddress {
    /// `IPAddress` or `Hostname`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// The address.
    pub value: String,
}

/// `ListenerStatus` and `ListenerEntryStatus`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ListenerStatus {
    /// Section name.
    pub name: Arc<str>,
    /// Kinds that may attach.
    pub supported_kinds: Vec<SupportedKind>,
    /// Route objects attached.
    pub attached_routes: i32,
    /// `Accepted`, `Conflicted`, `ResolvedRefs`, `Programmed` and so on.
    pub conditions: Vec<Condition>,
}

/// `RouteGroupKind` in a status.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct SupportedKind {
    /// API group.
    pub group: &'static str,
    /// Kind.
    pub kind: &'static str,
}

/// `ListenerSetStatus`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct ListenerSetStatus {
    /// `Accepted`, `Programmed`.
    pub conditions: Vec<Condition>,
    /// In the order of its spec.
    pub listeners: Vec<ListenerStatus>,
}

/// `RouteStatus`: only our entries.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct RouteStatus {
    /// One for each parentRef that is ours.
    pub parents: Arc<[ParentStatus]>,
}

/// `RouteParentStatus`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ParentStatus {
    /// As the route wrote it.
    pub parent_ref: ParentReference,
    /// Ours.
    pub controller_name: &'static str,
    /// `Accepted`, `ResolvedRefs`, `PartiallyInvalid`.
    pub conditions: Vec<Condition>,
}

/// `PolicyStatus`: only our entries.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct PolicyStatus {
    /// One for each Gateway that the policy works through.
    pub ancestors: Vec<AncestorStatus>,
}

/// `PolicyAncestorStatus`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AncestorStatus {
    /// The Gateway.
    pub ancestor_ref: ParentReference,
    /// Ours.
    pub controller_name: &'static str,
    /// `Accepted`, `ResolvedRefs`.
    pub conditions: Vec<Condition>,
}
