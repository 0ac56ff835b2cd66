//! What is live, for those who tell pods and nodes of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use snapshot::{BackendKey, Snapshot};

use crate::api::core::{ServicePort, TargetPort};
use crate::api::meta::Labels;
use crate::objects::Objects;

/// The snapshot that every table is made of now, and whom its backends select.
#[derive(Clone, Debug, Default)]
pub struct Served {
    /// `None` before the first one.
    pub(super) snapshot: Option<Arc<Snapshot>>,
    pub(super) selections: Arc<Selections>,
}

/// The pods that the used ports of Services select, by namespace.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Selections(BTreeMap<Arc<str>, Vec<Selection>>);

/// The pods that one used port of a Service selects.
#[derive(Debug, PartialEq)]
pub(super) struct Selection {
    /// Which port.
    pub(super) backend: BackendKey,
    /// Every one must be there with this value. Never empty.
    labels: Labels,
    /// Only pods that have a port of this name.
    port: Option<Arc<str>>,
}

impl Served {
    /// The next one. `same_services`: no Service changed since this one was made.
    #[must_use]
    pub fn next(&self, snapshot: &Arc<Snapshot>, objects: &Objects, same_services: bool) -> Self {
        let old = self.snapshot.as_ref();
        let same = same_services && old.is_some_and(|old| old.backends.ptr_eq(&snapshot.backends));
        let selections = if same {
            self.selections.clone()
        } else {
            Arc::new(Selections::new(snapshot, objects))
        };
        Self { snapshot: Some(snapshot.clone()), selections }
    }
}

impl Selections {
    fn new(snapshot: &Snapshot, objects: &Objects) -> Self {
        let mut all = Self::default();
        for backend in snapshot.backends.keys() {
            let Some(service) = objects.services.get(&backend.service) else { continue };
            // Without a selector, somebody else writes the slices: of no pod that we could name.
            let Some(labels) = service.spec.selector.clone().filter(|it| !it.is_empty()) else {
                continue;
            };
            let tcp = |port: &&ServicePort| port.protocol.as_deref().is_none_or(|it| it == "TCP");
            let same = |port: &&ServicePort| port.port == backend.port;
            let port = service.spec.ports.iter().filter(same).find(tcp);
            let port = match port.and_then(|port| port.target_port.as_ref()) {
                Some(TargetPort::Name(name)) => Some(name.clone()),
                _ => None,
            };
            let selection = Selection { backend: backend.clone(), labels, port };
            all.0.entry(backend.service.namespace.clone()).or_default().push(selection);
        }
        all
    }

    /// The used ports that select a pod of a namespace.
    pub(super) fn of<'a>(
        &'a self,
        namespace: &str,
        pod: impl Fn(&Labels, Option<&Arc<str>>) -> bool + 'a,
    ) -> impl Iterator<Item = &'a BackendKey> {
        let near = self.0.get(namespace).into_iter().flatten();
        near.filter(move |it| pod(&it.labels, it.port.as_ref())).map(|it| &it.backend)
    }
}
