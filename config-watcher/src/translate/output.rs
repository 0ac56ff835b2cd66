//! What the units compute. The engine compares a unit's new output with its old one and wakes only
//! those who read a part that differs.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use rustc_hash::FxHashMap;
use snapshot::{
    BackendKey, Certificate, CertificateKey, Hostname, Listener, ListenerKey, ObjectKey,
    ParentKind, Route, RouteKind,
};

use super::conflict::Claim;
use super::rank::{ParentKey, Rank};
use super::refusal::Refusal;
use crate::api::gateway::{FromNamespaces, FrontendTls};
use crate::status::{
    Condition, GatewayClassStatus, ListenerSetStatus, ObjectStatus, StatusAddress, SupportedKind,
};

/// The outputs of all units that others read, as last computed.
#[derive(Debug, Default)]
pub(crate) struct Outputs {
    /// By GatewayClass.
    pub classes: FxHashMap<ObjectKey, ClassOutput>,
    /// By Gateway.
    pub gateways: FxHashMap<ObjectKey, GatewayOutput>,
    /// By ListenerSet.
    pub sets: FxHashMap<ObjectKey, SetOutput>,
    /// By listener.
    pub listeners: FxHashMap<ListenerKey, ListenerOutput>,
    /// By route.
    pub routes: FxHashMap<(RouteKind, ObjectKey), RouteOutput>,
    /// By ListenerSet: the Gateway that it is attached to.
    pub attached: FxHashMap<ObjectKey, ObjectKey>,
}

impl Outputs {
    /// A Gateway or ListenerSet, as routes see it.
    pub(crate) fn parent(&self, key: &ParentKey) -> Option<&Arc<Parent>> {
        match key.kind {
            ParentKind::Gateway => self.gateways.get(&key.object).map(|output| &output.parent),
            ParentKind::ListenerSet => self.sets.get(&key.object).map(|output| &output.parent),
        }
    }
}

/// A GatewayClass of ours.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ClassOutput {
    /// Gateways of the class are served; otherwise why not.
    pub accepted: Result<(), String>,
    /// What we say of it.
    pub status: GatewayClassStatus,
}

/// A Gateway of ours.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct GatewayOutput {
    /// What its ListenerSets and listeners read of it.
    pub frame: Arc<Frame>,
    /// What routes read of it.
    pub parent: Arc<Parent>,
    /// What its own listeners want.
    pub claims: Vec<Claim>,
}

/// The part of a Gateway that holds for all its listeners, those of its ListenerSets included.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Frame {
    /// The Gateway as a whole is served; otherwise the reason for `Accepted` to be False.
    pub accepted: Result<(), Refusal>,
    /// Its place among Gateways that want the same port.
    pub rank: Rank,
    /// Where it binds.
    pub addresses: Addresses,
    /// Which ListenerSets may join (`spec.allowedListeners.namespaces`).
    pub allowed_sets: Option<FromNamespaces>,
    /// `spec.tls.frontend`.
    pub frontend: Option<FrontendTls>,
    /// What we show to backends (`spec.tls.backend.clientCertificateRef`).
    pub client_certificate: Option<Result<(CertificateKey, Arc<Certificate>), Refusal>>,
}

/// The addresses of a Gateway.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Addresses {
    /// Addresses to bind; empty is the unspecified address, `None` is none at all.
    pub bind: Option<Vec<IpAddr>>,
    /// What the status shows.
    pub shown: Vec<StatusAddress>,
    /// Why `Programmed` is False.
    pub problem: Option<Refusal>,
}

/// A Gateway or ListenerSet, as routes see it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Parent {
    /// The Gateway that serves it: itself, or that of the ListenerSet.
    pub gateway: ObjectKey,
    /// Its listeners may be served; otherwise why not.
    pub admitted: Result<(), String>,
    /// Its listeners, in the order of its spec; none unless admitted.
    pub sections: Vec<Section>,
}

/// A listener, as routes choose it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Section {
    /// `sectionName`.
    pub name: Arc<str>,
    /// `port`.
    pub port: u16,
}

/// A ListenerSet whose Gateway is ours.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct SetOutput {
    /// What routes read of it.
    pub parent: Arc<Parent>,
    /// Its place among the sets of its Gateway.
    pub rank: Rank,
    /// The reason for `Accepted` to be False, with that for `Programmed`.
    pub refused: Option<(Refusal, &'static str)>,
    /// What its listeners want; nothing unless admitted.
    pub claims: Vec<Claim>,
}

/// The status of a ListenerSet, and whether it counts as attached.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct SetStatusOutput {
    /// The Gateway that counts it.
    pub attached_to: Option<ObjectKey>,
    /// What we say of it.
    pub status: ListenerSetStatus,
}

/// One listener.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ListenerOutput {
    /// What routes read of it.
    pub point: Arc<Point>,
    /// What the status of its object says of it.
    pub state: Arc<ListenerState>,
    /// What the proxies serve; `None` while it cannot be served.
    pub served: Option<Arc<Listener>>,
    /// The certificates that `served` names.
    pub certificates: Vec<(CertificateKey, Arc<Certificate>)>,
}

/// A listener, as a place for routes to attach.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Point {
    /// Kinds of route that it takes.
    pub kinds: Vec<RouteKind>,
    /// From where (`allowedRoutes.namespaces`).
    pub namespaces: Option<FromNamespaces>,
    /// `None` when it is no hostname: no route shares a name with it.
    pub hostname: Option<Hostname>,
    /// It is in the snapshot.
    pub serves: bool,
}

/// The status of a listener, but for the count of its routes.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ListenerState {
    /// Kinds that may attach.
    pub supported_kinds: Vec<SupportedKind>,
    /// All conditions.
    pub conditions: Vec<Condition>,
    /// `Accepted` is True.
    pub accepted: bool,
    /// `ResolvedRefs` is True.
    pub resolved: bool,
    /// Accepted, and its references leave something to serve.
    pub valid: bool,
    /// `Programmed` is True.
    pub programmed: bool,
}

/// What one HTTPRoute or GRPCRoute becomes.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct RouteOutput {
    /// The rules that are served, by their index in `spec.rules`, ascending. Empty while no
    /// listener that serves has the route.
    pub rules: Box<[(u16, Arc<Route>)]>,
    /// What joins it to others.
    pub ties: Arc<Ties>,
}

/// What joins a route to others; the same for many routes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Ties {
    /// One entry for each parentRef that is ours; `None` when none is.
    pub status: Option<Arc<ObjectStatus>>,
    /// The service ports that its rules and mirrors send to.
    pub backends: Few<BackendKey>,
    /// The listeners that count it in `attachedRoutes`, whether they serve or not.
    pub listeners: Few<ListenerKey>,
    /// The Gateways of these listeners: policies of its backends work through them.
    pub gateways: Few<ObjectKey>,
}

/// A set in ascending order: of one or two, mostly, for which a tree would keep room for eleven.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Few<T>(Box<[T]>);

impl<T: Ord> FromIterator<T> for Few<T> {
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Self {
        let sorted: BTreeSet<T> = items.into_iter().collect();
        Self(sorted.into_iter().collect())
    }
}

impl<T> Default for Few<T> {
    fn default() -> Self {
        Self(Box::default())
    }
}

impl<T: Ord> Few<T> {
    /// All of them.
    pub(crate) fn iter(&self) -> std::slice::Iter<'_, T> {
        self.0.iter()
    }

    /// Those that the other has not.
    pub(crate) fn without<'a>(&'a self, other: &'a Self) -> impl Iterator<Item = &'a T> {
        self.iter().filter(|item| other.0.binary_search(item).is_err())
    }
}
