//! Puts a unit's output in its place, and wakes those who read a part that differs.

use snapshot::{BackendKey, ListenerKey, ObjectKey, RouteKind};

use super::Engine;
use crate::objects::Kind;
use crate::status::ObjectStatus;
use crate::translate::conflict::Stand;
use crate::translate::output::{
    ClassOutput, GatewayOutput, ListenerOutput, Parent, RouteOutput, SetOutput,
};
use crate::translate::rank::ParentKey;
use crate::translate::reads::Dep;
use crate::translate::unit::Unit;

impl Engine {
    pub(super) fn settle_class(&mut self, key: &ObjectKey, output: Option<ClassOutput>) {
        let status = output.as_ref().map(|it| ObjectStatus::GatewayClass(it.status.clone()));
        self.published.status(Kind::GatewayClass, key, status);
        if replace(&mut self.store.outputs.classes, key, output).is_some() {
            self.graph.fire(&Dep::Class(key.clone()));
        }
    }

    pub(super) fn settle_gateway(&mut self, key: &ObjectKey, output: Option<GatewayOutput>) {
        let Some(old) = replace(&mut self.store.outputs.gateways, key, output) else { return };
        let new = self.store.outputs.gateways.get(key);
        let parent = ParentKey::gateway(key.clone());
        let stand = new.and_then(|new| {
            let addresses = new.frame.addresses.bind.as_ref()?.iter().copied().collect();
            Some(Stand { rank: new.frame.rank.clone(), addresses })
        });
        let mut judged = self.store.conflicts.stand(key, stand);
        let claims = new.map(|new| new.claims.clone()).unwrap_or_default();
        judged.extend(self.store.conflicts.claim(&parent, key, None, claims));
        if old.as_ref().map(|old| &old.frame) != new.map(|new| &new.frame) {
            self.graph.fire(&Dep::Frame(key.clone()));
        }
        let (old, new) = (old.map(|it| it.parent), new.map(|it| it.parent.clone()));
        self.settle_parent(&parent, old.as_deref(), new.as_deref());
        self.fire_verdicts(judged);
    }

    pub(super) fn settle_set(&mut self, key: &ObjectKey, output: Option<SetOutput>) {
        let Some(old) = replace(&mut self.store.outputs.sets, key, output) else { return };
        let parent = ParentKey::set(key.clone());
        let new = self.store.outputs.sets.get(key).cloned();
        let judged = match (&old, &new) {
            (_, Some(new)) => {
                let (gateway, rank) = (&new.parent.gateway, Some(new.rank.clone()));
                self.store.conflicts.claim(&parent, gateway, rank, new.claims.clone())
            }
            (Some(old), None) => {
                self.store.conflicts.claim(&parent, &old.parent.gateway, None, Vec::new())
            }
            (None, None) => Vec::new(),
        };
        self.graph.fire(&Dep::Set(key.clone()));
        let (old, new) = (old.map(|it| it.parent), new.map(|it| it.parent));
        self.settle_parent(&parent, old.as_deref(), new.as_deref());
        self.fire_verdicts(judged);
    }

    fn settle_parent(&mut self, key: &ParentKey, old: Option<&Parent>, new: Option<&Parent>) {
        if old == new {
            return;
        }
        self.graph.fire(&Dep::Parent(key.clone()));
        // Listeners that came or went have no unit that could have read the parent.
        for section in [old, new].into_iter().flatten().flat_map(|parent| &parent.sections) {
            let (kind, parent) = (key.kind, key.object.clone());
            let listener = ListenerKey { kind, parent, section: section.name.clone() };
            self.graph.wake(Unit::Listener(listener));
        }
    }

    fn fire_verdicts(&mut self, judged: Vec<ListenerKey>) {
        for listener in judged {
            self.graph.fire(&Dep::Verdict(listener));
        }
    }

    pub(super) fn settle_listener(&mut self, key: &ListenerKey, output: Option<ListenerOutput>) {
        let Some(old) = replace(&mut self.store.outputs.listeners, key, output) else { return };
        let new = self.store.outputs.listeners.get(key);
        self.published.listener(key, old.as_ref(), new);
        if old.as_ref().map(|old| &old.point) != new.map(|new| &new.point) {
            self.graph.fire(&Dep::Point(key.clone()));
        }
        if old.as_ref().map(|old| &old.state) != new.map(|new| &new.state) {
            self.graph.fire(&Dep::State(key.clone()));
        }
    }

    pub(super) fn settle_route(
        &mut self,
        kind: RouteKind,
        key: &ObjectKey,
        output: Option<RouteOutput>,
    ) {
        let object_kind = match kind {
            RouteKind::Http => Kind::HttpRoute,
            RouteKind::Grpc => Kind::GrpcRoute,
        };
        let name = (kind, key.clone());
        let Some(old) = replace(&mut self.store.outputs.routes, &name, output) else { return };
        let nothing = RouteOutput::default();
        let old = old.as_ref().unwrap_or(&nothing);
        let new = self.store.outputs.routes.get(&name).unwrap_or(&nothing);
        self.published.route(kind, key, old, new);
        self.published.status(object_kind, key, new.ties.status.clone());
        let concerned = self.store.usage.route(&old.ties, &new.ties);
        for fact in &concerned.facts {
            self.graph.fire(fact);
        }
        for backend in concerned.backends {
            self.wake_backend(backend);
        }
    }

    fn wake_backend(&mut self, key: BackendKey) {
        self.graph.wake(Unit::Endpoints(key.clone()));
        self.graph.wake(Unit::Backend(key));
    }

    pub(super) fn settle_attached(&mut self, set: &ObjectKey, gateway: Option<ObjectKey>) {
        let attached = &mut self.store.outputs.attached;
        let Some(old) = replace(attached, set, gateway) else { return };
        let new = attached.get(set);
        for fact in self.store.usage.set(old.as_ref(), new) {
            self.graph.fire(&fact);
        }
    }
}

/// Puts a unit's output in the place of its last one; `None` when they are equal, else the last.
#[expect(clippy::option_option, reason = "the last output may have been nothing")]
fn replace<K, V>(
    outputs: &mut rustc_hash::FxHashMap<K, V>,
    key: &K,
    output: Option<V>,
) -> Option<Option<V>>
where
    K: Clone + Eq + std::hash::Hash,
    V: PartialEq,
{
    if outputs.get(key) == output.as_ref() {
        return None;
    }
    Some(match output {
        Some(output) => outputs.insert(key.clone(), output),
        None => outputs.remove(key),
    })
}
