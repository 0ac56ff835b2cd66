//! How a unit reads: every getter records what was read, so that the engine knows whom a change
//! concerns. A unit that reads around this breaks the promise that incremental equals whole.

use std::cell::RefCell;
use std::sync::Arc;

use rustc_hash::FxHashSet;
use snapshot::{Attachment, Certificate, ListenerKey, ObjectKey, TrustAnchors};

use super::Options;
use super::conflict::Verdict;
use super::index::List;
use super::output::{ClassOutput, Frame, ListenerState, Parent, Point, SetOutput, Ties};
use super::pool::Given;
use super::rank::ParentKey;
use super::store::Store;
use crate::api::core::{EndpointSlice, Namespace, Service};
use crate::api::gateway::{Gateway, GatewayClass, ListenerSet};
use crate::api::grant::ReferenceGrant;
use crate::api::meta::{Labels, Object};
use crate::api::policy::{BackendLifecyclePolicy, BackendTlsPolicy};
use crate::api::route::{GrpcRoute, HttpRoute};
use crate::objects::Kind;

/// Something that was read and may change.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Dep {
    /// An object, or that there is none.
    Object(Kind, ObjectKey),
    /// A list, and every object in it.
    List(List),
    /// Whether a GatewayClass is ours, and accepted.
    Class(ObjectKey),
    /// What a Gateway has from the address pool.
    Given(ObjectKey),
    /// What holds for all listeners of a Gateway.
    Frame(ObjectKey),
    /// The listeners of a Gateway or ListenerSet, as routes choose them.
    Parent(ParentKey),
    /// What a ListenerSet is to its Gateway.
    Set(ObjectKey),
    /// Whether a listener got what it claims.
    Verdict(ListenerKey),
    /// A listener as a place to attach.
    Point(ListenerKey),
    /// What the status says of a listener.
    State(ListenerKey),
    /// How many routes a listener has.
    Routes(ListenerKey),
    /// How many ListenerSets a Gateway has.
    Sets(ObjectKey),
    /// The Gateways through which routes send to a Service.
    Gateways(ObjectKey),
}

/// The eyes of one unit while it is computed.
#[derive(Debug)]
pub(crate) struct Reads<'a> {
    store: &'a Store,
    options: &'a Options,
    seen: RefCell<FxHashSet<Dep>>,
}

/// Getters by key, one for each kind.
macro_rules! objects {
    ($($(#[$doc:meta])* $name:ident($kind:ident) $field:ident: $spec:ty;)*) => {$(
        $(#[$doc])*
        pub(crate) fn $name(&self, key: &ObjectKey) -> Option<&'a Arc<Object<$spec>>> {
            self.note(Dep::Object(Kind::$kind, key.clone()));
            self.store.objects.$field.get(key)
        }
    )*};
}

/// Getters of lists, in the order of the keys.
macro_rules! list {
    ($self:ident, $list:expr, $field:ident) => {{
        let list = $list;
        let objects = &$self.store.objects.$field;
        let found: Vec<_> =
            $self.store.indexes.keys(&list).filter_map(|key| objects.get(key)).collect();
        $self.note(Dep::List(list));
        found
    }};
}

impl<'a> Reads<'a> {
    /// The eyes of a unit that has read nothing yet.
    pub(crate) fn new(store: &'a Store, options: &'a Options) -> Self {
        Self { store, options, seen: RefCell::default() }
    }

    /// Everything that was read.
    pub(crate) fn into_seen(self) -> FxHashSet<Dep> {
        self.seen.into_inner()
    }

    fn note(&self, dep: Dep) {
        self.seen.borrow_mut().insert(dep);
    }

    /// What the operator chose.
    pub(crate) fn options(&self) -> &'a Options {
        self.options
    }

    objects! {
        /// A GatewayClass.
        gateway_class(GatewayClass) gateway_classes: GatewayClass;
        /// A Gateway.
        gateway(Gateway) gateways: Gateway;
        /// A ListenerSet.
        listener_set(ListenerSet) listener_sets: ListenerSet;
        /// A BackendTLSPolicy.
        policy(BackendTlsPolicy) backend_tls_policies: BackendTlsPolicy;
        /// A BackendLifecyclePolicy.
        lifecycle(BackendLifecyclePolicy) backend_lifecycle_policies: BackendLifecyclePolicy;
        /// A Namespace.
        namespace(Namespace) namespaces: Namespace;
        /// A Service.
        service(Service) services: Service;
    }

    /// An HTTPRoute, for its own unit: a change of the object wakes that one by name, so there is
    /// nothing to record.
    pub(crate) fn own_http_route(&self, key: &ObjectKey) -> Option<&'a Arc<Object<HttpRoute>>> {
        self.store.objects.http_routes.get(key)
    }

    /// A GRPCRoute, in the same way.
    pub(crate) fn own_grpc_route(&self, key: &ObjectKey) -> Option<&'a Arc<Object<GrpcRoute>>> {
        self.store.objects.grpc_routes.get(key)
    }

    /// Attachments, kept once for all routes that have them alike.
    pub(crate) fn share_attachments(&self, list: Vec<Attachment>) -> Arc<[Attachment]> {
        self.store.attachments.borrow_mut().of(list)
    }

    /// Ties, kept once for all routes that have them alike.
    pub(crate) fn share_ties(&self, ties: Ties) -> Arc<Ties> {
        self.store.ties.borrow_mut().of(ties)
    }

    /// The labels of a namespace. A namespace that nobody wrote has the one label that an API
    /// server gives to every namespace.
    pub(crate) fn namespace_labels(&self, name: &Arc<str>) -> Labels {
        let key = ObjectKey::new("", name.clone());
        let mut labels = self.namespace(&key).map(|it| it.meta.labels.clone()).unwrap_or_default();
        labels.entry("kubernetes.io/metadata.name".into()).or_insert_with(|| name.clone());
        labels
    }

    /// The EndpointSlices of a Service.
    pub(crate) fn slices(&self, service: &ObjectKey) -> Vec<&'a Arc<Object<EndpointSlice>>> {
        list!(self, List::Slices(service.clone()), endpoint_slices)
    }

    /// The BackendTLSPolicies that target a Service, or one of its ports.
    pub(crate) fn policies(&self, service: &ObjectKey) -> Vec<&'a Arc<Object<BackendTlsPolicy>>> {
        list!(self, List::Policies(service.clone()), backend_tls_policies)
    }

    /// The BackendLifecyclePolicies that target a Service, or one of its ports.
    pub(crate) fn lifecycles(
        &self,
        service: &ObjectKey,
    ) -> Vec<&'a Arc<Object<BackendLifecyclePolicy>>> {
        list!(self, List::Lifecycles(service.clone()), backend_lifecycle_policies)
    }

    /// The Gateways whose `defaultScope` is `All`.
    pub(crate) fn default_gateways(&self) -> Vec<&'a Arc<Object<Gateway>>> {
        list!(self, List::DefaultGateways, gateways)
    }

    /// The ReferenceGrants in namespace `to` that name namespace `from`.
    pub(crate) fn grants(
        &self,
        to: &Arc<str>,
        from: &Arc<str>,
    ) -> Vec<&'a Arc<Object<ReferenceGrant>>> {
        list!(self, List::Grants { to: to.clone(), from: from.clone() }, reference_grants)
    }

    /// The certificate of a Secret, parsed once; `None` where there is no such Secret. Ask for a
    /// grant first where it stands in another namespace: what is read here is what we ask an API
    /// server for.
    pub(crate) fn certificate(
        &self,
        secret: &ObjectKey,
    ) -> Option<&'a Result<Arc<Certificate>, Arc<str>>> {
        self.note(Dep::Object(Kind::Secret, secret.clone()));
        self.store.certificate(secret)
    }

    /// The last certificate of a Secret whose content is none any more.
    pub(crate) fn last_good(&self, secret: &ObjectKey) -> Option<&'a Arc<Certificate>> {
        self.note(Dep::Object(Kind::Secret, secret.clone()));
        self.store.last_good(secret)
    }

    /// The authorities of a ConfigMap or Secret, parsed once; `None` where there is no such object.
    /// Ask for a grant first, as with certificates.
    pub(crate) fn anchors(
        &self,
        kind: Kind,
        key: &ObjectKey,
    ) -> Option<&'a Result<TrustAnchors, Arc<str>>> {
        self.note(Dep::Object(kind, key.clone()));
        self.store.anchors(kind, key)
    }

    /// A GatewayClass of ours.
    pub(crate) fn class(&self, key: &ObjectKey) -> Option<&'a ClassOutput> {
        self.note(Dep::Class(key.clone()));
        self.store.outputs.classes.get(key)
    }

    /// What a Gateway has from the address pool.
    pub(crate) fn given(&self, gateway: &ObjectKey) -> Given {
        self.note(Dep::Given(gateway.clone()));
        self.store.pool.given(gateway).cloned().unwrap_or_default()
    }

    /// What holds for all listeners of a Gateway of ours.
    pub(crate) fn frame(&self, gateway: &ObjectKey) -> Option<&'a Arc<Frame>> {
        self.note(Dep::Frame(gateway.clone()));
        self.store.outputs.gateways.get(gateway).map(|output| &output.frame)
    }

    /// A Gateway of ours, or a ListenerSet that belongs to one.
    pub(crate) fn parent(&self, key: &ParentKey) -> Option<&'a Arc<Parent>> {
        self.note(Dep::Parent(key.clone()));
        self.store.outputs.parent(key)
    }

    /// A ListenerSet whose Gateway is ours.
    pub(crate) fn set(&self, key: &ObjectKey) -> Option<&'a SetOutput> {
        self.note(Dep::Set(key.clone()));
        self.store.outputs.sets.get(key)
    }

    /// Whether a listener got what it claims.
    pub(crate) fn verdict(&self, key: &ListenerKey) -> Verdict {
        self.note(Dep::Verdict(key.clone()));
        self.store.conflicts.verdict(key)
    }

    /// A listener as a place to attach.
    pub(crate) fn point(&self, key: &ListenerKey) -> Option<&'a Arc<Point>> {
        self.note(Dep::Point(key.clone()));
        self.store.outputs.listeners.get(key).map(|output| &output.point)
    }

    /// What the status says of a listener.
    pub(crate) fn state(&self, key: &ListenerKey) -> Option<&'a Arc<ListenerState>> {
        self.note(Dep::State(key.clone()));
        self.store.outputs.listeners.get(key).map(|output| &output.state)
    }

    /// How many routes a listener has.
    pub(crate) fn routes_of(&self, listener: &ListenerKey) -> u32 {
        self.note(Dep::Routes(listener.clone()));
        self.store.usage.routes_of(listener)
    }

    /// How many ListenerSets a Gateway has.
    pub(crate) fn sets_of(&self, gateway: &ObjectKey) -> u32 {
        self.note(Dep::Sets(gateway.clone()));
        self.store.usage.sets_of(gateway)
    }

    /// The Gateways through which routes send to a Service, in order: the ancestors of its
    /// policies.
    pub(crate) fn gateways_of(&self, service: &ObjectKey) -> Vec<ObjectKey> {
        self.note(Dep::Gateways(service.clone()));
        self.store.usage.gateways_of(service).cloned().collect()
    }
}
