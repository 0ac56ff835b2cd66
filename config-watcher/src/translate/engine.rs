//! Runs the units that a change concerns, phase by phase, and stops where outputs stay equal.
//!
//! The rule that everything rests on: a unit reads through [`Reads`] only, and whoever changes
//! something that can be read fires its [`Dep`]. Units of a phase fire only what later phases read.

use std::sync::Arc;

use snapshot::{RouteKind, Snapshot};

use super::graph::Graph;
use super::published::Published;
use super::rank::ParentKey;
use super::reads::{Dep, Reads};
use super::store::{Store, Taken};
use super::unit::Unit;
use super::{
    Options, Wanted, backend, backend_tls, class, endpoints, gateway, lifecycle, listener,
    listener_set, listener_status, route,
};
use crate::objects::{Change, Kind, Objects};
use crate::status::{ObjectStatus, Statuses};

mod settle;

/// Everything that is known, and what follows from it.
#[derive(Debug, Default)]
pub(crate) struct Engine {
    options: Options,
    store: Store,
    graph: Graph,
    published: Published,
    wanted: Wanted,
}

impl Engine {
    /// An engine that knows nothing.
    pub(crate) fn new(options: Options) -> Self {
        Self { options, ..Self::default() }
    }

    /// Takes changes in and computes what they concern; true when a resource or a status differs.
    pub(crate) fn apply(&mut self, changes: Vec<Change>) -> bool {
        for change in changes {
            if let Some(taken) = self.store.take(change) {
                self.wake_readers(taken);
            }
        }
        for phase in 0..Unit::PHASES {
            while let Some(unit) = self.graph.next(phase) {
                self.run(&unit);
            }
            if phase == Unit::WISHES {
                self.share_pool();
            }
        }
        debug_assert!(self.graph.is_idle(), "a unit woke one of its own or an earlier phase");
        self.published.publish()
    }

    fn share_pool(&mut self) {
        let Some(net) = self.options.address_pool else { return };
        for gateway in self.store.pool.settle(net) {
            self.graph.fire(&Dep::Given(gateway));
        }
    }

    pub(crate) fn objects(&self) -> &Objects {
        &self.store.objects
    }

    pub(crate) fn snapshot(&self) -> &Arc<Snapshot> {
        self.published.snapshot()
    }

    pub(crate) fn statuses(&self) -> &Statuses {
        self.published.statuses()
    }

    pub(crate) fn wanted(&self) -> &Wanted {
        &self.wanted
    }

    pub(crate) fn graph(&self) -> &Graph {
        &self.graph
    }

    fn wake_readers(&mut self, Taken { kind, key, lists }: Taken) {
        for list in lists {
            self.graph.fire(&Dep::List(list));
        }
        match kind {
            Kind::GatewayClass => self.graph.wake(Unit::Class(key.clone())),
            Kind::Gateway => {
                self.graph.wake(Unit::Wish(key.clone()));
                self.graph.wake(Unit::Gateway(key.clone()));
                self.graph.wake(Unit::GatewayStatus(key.clone()));
            }
            Kind::ListenerSet => {
                self.graph.wake(Unit::Set(key.clone()));
                self.graph.wake(Unit::SetStatus(key.clone()));
            }
            Kind::HttpRoute => self.graph.wake(Unit::Route(RouteKind::Http, key.clone())),
            Kind::GrpcRoute => self.graph.wake(Unit::Route(RouteKind::Grpc, key.clone())),
            Kind::BackendTlsPolicy => self.graph.wake(Unit::Policy(key.clone())),
            Kind::BackendLifecyclePolicy => self.graph.wake(Unit::Lifecycle(key.clone())),
            _ => {}
        }
        self.graph.fire(&Dep::Object(kind, key));
    }

    /// Whether there is anything to compute: the object, the listener in it, a use of the backend.
    fn exists(&self, unit: &Unit) -> bool {
        let objects = &self.store.objects;
        match unit {
            Unit::Class(key) => objects.gateway_classes.contains_key(key),
            Unit::Wish(key) | Unit::Gateway(key) | Unit::GatewayStatus(key) => {
                objects.gateways.contains_key(key)
            }
            Unit::Set(key) | Unit::SetStatus(key) => objects.listener_sets.contains_key(key),
            Unit::Listener(key) => {
                let parent = ParentKey { kind: key.kind, object: key.parent.clone() };
                self.store.outputs.parent(&parent).is_some_and(|parent| {
                    parent.sections.iter().any(|section| section.name == key.section)
                })
            }
            Unit::Route(RouteKind::Http, key) => objects.http_routes.contains_key(key),
            Unit::Route(RouteKind::Grpc, key) => objects.grpc_routes.contains_key(key),
            Unit::Backend(key) | Unit::Endpoints(key) => self.store.usage.is_used(key),
            Unit::Policy(key) => objects.backend_tls_policies.contains_key(key),
            Unit::Lifecycle(key) => objects.backend_lifecycle_policies.contains_key(key),
        }
    }

    /// Computes a unit, notes what it read, and settles its output. One that no longer exists has
    /// the output of nothing.
    fn run(&mut self, unit: &Unit) {
        let exists = self.exists(unit);
        match unit {
            Unit::Class(key) => {
                let output = self.compute(unit, exists, |reads| class::compute(reads, key));
                self.settle_class(key, output);
            }
            Unit::Wish(key) => {
                let wish = self.compute(unit, exists, |reads| gateway::wish(reads, key));
                self.store.pool.wish(key, wish);
            }
            Unit::Gateway(key) => {
                let output = self.compute(unit, exists, |reads| gateway::compute(reads, key));
                self.settle_gateway(key, output);
            }
            Unit::Set(key) => {
                let output = self.compute(unit, exists, |reads| listener_set::compute(reads, key));
                self.settle_set(key, output);
            }
            Unit::Listener(key) => {
                let output = self.compute(unit, exists, |reads| listener::compute(reads, key));
                self.settle_listener(key, output);
            }
            Unit::Route(kind, key) => {
                let output =
                    self.compute(unit, exists, |reads| Some(route::compute(reads, *kind, key)));
                self.settle_route(*kind, key, output);
            }
            Unit::Backend(key) => {
                let output = self.compute(unit, exists, |reads| backend::compute(reads, key));
                self.published.backend(key, output);
            }
            Unit::Endpoints(key) => {
                let output = self.compute(unit, exists, |reads| endpoints::compute(reads, key));
                self.published.endpoints(key, output);
            }
            Unit::SetStatus(key) => {
                let output = self.compute(unit, exists, |reads| listener_status::set(reads, key));
                let attached = output.as_ref().and_then(|output| output.attached_to.clone());
                self.settle_attached(key, attached);
                let status = output.map(|output| ObjectStatus::ListenerSet(output.status));
                self.published.status(Kind::ListenerSet, key, status);
            }
            Unit::GatewayStatus(key) => {
                let status =
                    self.compute(unit, exists, |reads| listener_status::gateway(reads, key));
                self.published.status(Kind::Gateway, key, status.map(ObjectStatus::Gateway));
            }
            Unit::Policy(key) => {
                let status = self.compute(unit, exists, |reads| backend_tls::status(reads, key));
                let status = status.map(ObjectStatus::Policy);
                self.published.status(Kind::BackendTlsPolicy, key, status);
            }
            Unit::Lifecycle(key) => {
                let status = self.compute(unit, exists, |reads| lifecycle::status(reads, key));
                let status = status.map(ObjectStatus::Policy);
                self.published.status(Kind::BackendLifecyclePolicy, key, status);
            }
        }
    }

    fn compute<T>(
        &mut self,
        unit: &Unit,
        exists: bool,
        how: impl FnOnce(&Reads<'_>) -> Option<T>,
    ) -> Option<T> {
        let wanted = &mut self.wanted;
        let mut note = |dep: &Dep, read: bool| {
            if let Dep::Object(kind @ (Kind::Secret | Kind::ConfigMap), key) = dep {
                let name = (*kind, key.clone());
                if read {
                    wanted.insert(name)
                } else {
                    wanted.remove(&name)
                };
            }
        };
        if !exists {
            self.graph.forget(unit, &mut note);
            return None;
        }
        let reads = Reads::new(&self.store, &self.options);
        let output = how(&reads);
        self.graph.record(unit, reads.into_seen(), &mut note);
        output
    }
}
