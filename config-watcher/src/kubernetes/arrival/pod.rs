//! Pods that wait for their gate, cut down while they are read; of any other pod only the name is
//! kept, and not for long.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ::kube::Resource;
use ::kube::core::{DynamicResourceScope, ObjectMeta};
use serde::{Deserialize, Deserializer};
use snapshot::{ObjectKey, Snapshot};

use super::{CONDITION, Served};
use crate::api::meta::Labels;

/// A pod off the wire.
#[derive(Clone, Debug)]
pub(super) struct Pod {
    meta: ObjectMeta,
    /// `Some` when it declares the gate, and its condition is not true yet.
    pub(super) waiting: Option<Waiting>,
}

/// What decides whether a pod is routable.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Waiting {
    pub(super) uid: Arc<str>,
    labels: Labels,
    /// Names of its containers' ports.
    ports: BTreeSet<Arc<str>>,
}

/// Why a pod is let through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Routable {
    /// Every backend that selects it has it.
    Applied,
    /// No route uses it.
    NotRouted,
}

/// Pods that wait, and those just let through.
#[derive(Default)]
pub(super) struct Pods {
    waiting: BTreeMap<ObjectKey, Waiting>,
    /// UIDs of pods whose events don't show yet that they were let through: what still says that
    /// one waits is older than our write.
    through: BTreeMap<ObjectKey, Arc<str>>,
}

impl Pods {
    /// Those that wait.
    pub(super) fn waiting(&self) -> impl Iterator<Item = (&ObjectKey, &Waiting)> {
        self.waiting.iter()
    }

    /// Takes what an event says of a pod.
    pub(super) fn put(&mut self, pod: Pod) {
        let key = pod.key();
        match pod.waiting {
            Some(waiting) if self.through.get(&key) == Some(&waiting.uid) => {}
            Some(waiting) => {
                self.waiting.insert(key, waiting);
            }
            None => self.remove(&key),
        }
    }

    /// Forgets a pod.
    pub(super) fn remove(&mut self, key: &ObjectKey) {
        self.waiting.remove(key);
        self.through.remove(key);
    }

    /// The pod of this name, with this UID, waits no more.
    pub(super) fn let_through(&mut self, key: ObjectKey, uid: Arc<str>) {
        self.waiting.remove(&key);
        self.through.insert(key, uid);
    }
}

impl Pod {
    /// Its key.
    pub(super) fn key(&self) -> ObjectKey {
        ObjectKey::new(
            self.meta.namespace.as_deref().unwrap_or_default(),
            self.meta.name.as_deref().unwrap_or_default(),
        )
    }
}

impl Waiting {
    /// Whether the pod may be let through, by what is served now.
    pub(super) fn judge(&self, namespace: &str, served: &Served) -> Option<Routable> {
        let snapshot = served.snapshot.as_ref()?;
        let selects = |labels: &Labels, port: Option<&Arc<str>>| {
            labels.iter().all(|(name, value)| self.labels.get(name) == Some(value))
                && port.is_none_or(|port| self.ports.contains(port))
        };
        let mut backends = served.selections.of(namespace, selects).peekable();
        if backends.peek().is_none() {
            return Some(Routable::NotRouted);
        }
        backends.all(|backend| self.is_in(snapshot, backend)).then_some(Routable::Applied)
    }

    fn is_in(&self, snapshot: &Snapshot, backend: &snapshot::BackendKey) -> bool {
        let endpoints = snapshot.endpoints.get(backend);
        let mut all = endpoints.iter().flat_map(|endpoints| endpoints.list.iter());
        all.any(|endpoint| endpoint.uid.as_ref() == Some(&self.uid))
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Read {
    metadata: Metadata,
    #[serde(default)]
    spec: Spec,
    #[serde(default)]
    status: Status,
}

#[derive(Deserialize)]
struct Metadata {
    name: Option<String>,
    namespace: Option<String>,
    #[serde(default)]
    uid: Arc<str>,
    #[serde(rename = "resourceVersion")]
    resource_version: Option<String>,
    labels: Option<Labels>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Spec {
    readiness_gates: Option<Vec<Gate>>,
    containers: Option<Vec<Container>>,
    init_containers: Option<Vec<Container>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Gate {
    condition_type: Arc<str>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Container {
    ports: Option<Vec<Port>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Port {
    name: Option<Arc<str>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Status {
    conditions: Option<Vec<Condition>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Condition {
    #[serde(rename = "type")]
    kind: Arc<str>,
    status: Arc<str>,
}

impl<'de> Deserialize<'de> for Pod {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let Read { metadata, spec, status } = Read::deserialize(from)?;
        let gates = spec.readiness_gates.unwrap_or_default();
        let conditions = status.conditions.unwrap_or_default();
        let waits = gates.iter().any(|gate| *gate.condition_type == *CONDITION)
            && !conditions.iter().any(|it| *it.kind == *CONDITION && *it.status == *"True");
        let containers = spec.containers.into_iter().chain(spec.init_containers).flatten();
        let waiting = waits.then(|| Waiting {
            uid: metadata.uid,
            labels: metadata.labels.unwrap_or_default(),
            ports: containers
                .flat_map(|container| container.ports.unwrap_or_default())
                .filter_map(|port| port.name)
                .collect(),
        });
        let meta = ObjectMeta {
            name: metadata.name,
            namespace: metadata.namespace,
            resource_version: metadata.resource_version,
            ..ObjectMeta::default()
        };
        Ok(Self { meta, waiting })
    }
}

impl Resource for Pod {
    type DynamicType = ();
    type Scope = DynamicResourceScope;

    fn kind((): &()) -> Cow<'_, str> {
        "Pod".into()
    }

    fn group((): &()) -> Cow<'_, str> {
        "".into()
    }

    fn version((): &()) -> Cow<'_, str> {
        "v1".into()
    }

    fn plural((): &()) -> Cow<'_, str> {
        "pods".into()
    }

    fn meta(&self) -> &ObjectMeta {
        &self.meta
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.meta
    }
}
