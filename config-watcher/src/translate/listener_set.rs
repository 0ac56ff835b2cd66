//! ListenerSets: whether one may join its Gateway, and what its listeners claim there.

use std::sync::Arc;

use snapshot::ObjectKey;

use super::gateway::sections;
use super::listener::claim;
use super::namespaces;
use super::output::{Parent, SetOutput};
use super::rank::Rank;
use super::reads::Reads;
use super::refusal::Refusal;
use crate::api::gateway::ListenerSet;
use crate::api::meta::Object;
use crate::objects::Kind;

/// The Gateway that a ListenerSet names; `None` where it names something else.
fn gateway_of(set: &Object<ListenerSet>) -> Option<ObjectKey> {
    let parent = &set.spec.parent_ref;
    let group = parent.group.as_deref().unwrap_or(Kind::Gateway.group());
    let kind = parent.kind.as_deref().unwrap_or(Kind::Gateway.as_str());
    let namespace = parent.namespace.as_ref().unwrap_or(&set.meta.namespace);
    (Kind::find(group, kind) == Some(Kind::Gateway))
        .then(|| ObjectKey::new(namespace.clone(), parent.name.clone()))
}

/// Computes the unit of a ListenerSet; `None` where its Gateway is not ours.
pub(crate) fn compute(reads: &Reads<'_>, key: &ObjectKey) -> Option<SetOutput> {
    let set = reads.listener_set(key)?;
    let gateway = gateway_of(set)?;
    let frame = reads.frame(&gateway)?;
    let home = &gateway.namespace;
    let allowed = frame.allowed_sets.as_ref();
    let refused = if !namespaces::admits(reads, allowed, "None", home, &set.meta.namespace) {
        let message = format!(
            "spec.parentRef: Gateway {gateway} takes no ListenerSets from namespace `{}`; its \
             spec.allowedListeners.namespaces decides",
            set.meta.namespace
        );
        Some((Refusal::new("NotAllowed", message), "NotAllowed"))
    } else if frame.accepted.is_err() {
        let message = format!("spec.parentRef: Gateway {gateway} is not accepted: see its status");
        Some((Refusal::new("ParentNotAccepted", message), "ParentNotProgrammed"))
    } else {
        None
    };
    let (sections, claims) = match &refused {
        None => (sections(&set.spec.listeners), claim::all(&set.spec.listeners)),
        Some(_) => (Vec::new(), Vec::new()),
    };
    let admitted = match &refused {
        None => Ok(()),
        Some((refusal, _)) => Err(refusal.message.clone()),
    };
    let parent = Arc::new(Parent { gateway, admitted, sections });
    Some(SetOutput { parent, rank: Rank::of(&set.meta), refused, claims })
}
