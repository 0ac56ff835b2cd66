//! A node, cut down while it is read to what says whether it goes away.

use std::borrow::Cow;
use std::sync::Arc;

use ::kube::Resource;
use ::kube::core::{ClusterResourceScope, ObjectMeta};
use serde::{Deserialize, Deserializer};

use super::Taints;

/// A node off the wire.
#[derive(Clone, Debug)]
pub(super) struct Node {
    meta: ObjectMeta,
    spec: Spec,
}

impl Node {
    /// Its name.
    pub(super) fn name(&self) -> Arc<str> {
        self.meta.name.as_deref().unwrap_or_default().into()
    }

    /// By which taint it goes away: one of `taints`, on a node that takes no new pods, because it
    /// is cordoned or because the taint itself keeps them off. Autoscalers taint and do not cordon.
    pub(super) fn going(&self, taints: &Taints) -> Option<Arc<str>> {
        let cordoned = self.spec.unschedulable.unwrap_or_default();
        let mut all = self.spec.taints.iter().flatten();
        let found = all.find(|taint| {
            let closes = matches!(&*taint.effect, "NoSchedule" | "NoExecute");
            taints.has(&taint.key) && (cordoned || closes)
        });
        found.map(|taint| taint.key.clone())
    }
}

#[derive(Deserialize)]
struct Read {
    metadata: Metadata,
    #[serde(default)]
    spec: Spec,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    name: Option<String>,
    resource_version: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Spec {
    unschedulable: Option<bool>,
    taints: Option<Vec<Taint>>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Taint {
    key: Arc<str>,
    effect: Arc<str>,
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let Read { metadata, spec } = Read::deserialize(from)?;
        let Metadata { name, resource_version } = metadata;
        Ok(Self { meta: ObjectMeta { name, resource_version, ..ObjectMeta::default() }, spec })
    }
}

impl Resource for Node {
    type DynamicType = ();
    type Scope = ClusterResourceScope;

    fn kind((): &()) -> Cow<'_, str> {
        "Node".into()
    }

    fn group((): &()) -> Cow<'_, str> {
        "".into()
    }

    fn version((): &()) -> Cow<'_, str> {
        "v1".into()
    }

    fn plural((): &()) -> Cow<'_, str> {
        "nodes".into()
    }

    fn meta(&self) -> &ObjectMeta {
        &self.meta
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.meta
    }
}
