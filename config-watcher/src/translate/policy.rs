//! Policies that target Services: which one holds for a port, and what we say of each of them, one
//! entry for each Gateway through which routes send to what it targets.
//!
//! What a policy asks for, and whether it can be had, is left to the module of its kind.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use snapshot::ObjectKey;

use super::field::Field;
use super::rank::Rank;
use super::reads::Reads;
use super::refusal::Refusal;
use crate::api::meta::Object;
use crate::api::policy::{BackendLifecyclePolicy, BackendTlsPolicy, TargetRef};
use crate::api::route::ParentReference;
use crate::objects::Kind;
use crate::status::{AncestorStatus, CONTROLLER_NAME, Condition, PolicyStatus};

/// Most entries that `PolicyStatus.ancestors` holds.
const MAX_ANCESTORS: usize = 16;

/// A kind of policy that targets Services.
pub(crate) trait Policy: Sized {
    /// Which one.
    const KIND: Kind;

    /// What it targets.
    fn target_refs(&self) -> &[TargetRef];

    /// All of them that target a Service.
    fn of<'a>(reads: &Reads<'a>, service: &ObjectKey) -> Vec<&'a Arc<Object<Self>>>;
}

impl Policy for BackendTlsPolicy {
    const KIND: Kind = Kind::BackendTlsPolicy;

    fn target_refs(&self) -> &[TargetRef] {
        &self.target_refs
    }

    fn of<'a>(reads: &Reads<'a>, service: &ObjectKey) -> Vec<&'a Arc<Object<Self>>> {
        reads.policies(service)
    }
}

impl Policy for BackendLifecyclePolicy {
    const KIND: Kind = Kind::BackendLifecyclePolicy;

    fn target_refs(&self) -> &[TargetRef] {
        &self.target_refs
    }

    fn of<'a>(reads: &Reads<'a>, service: &ObjectKey) -> Vec<&'a Arc<Object<Self>>> {
        reads.lifecycles(service)
    }
}

/// The policy that holds for the port named `port` of a Service: one for the port before one for
/// the whole Service, then the oldest, then the first by name.
pub(crate) fn in_force<'a, P: Policy>(
    reads: &Reads<'a>,
    service: &ObjectKey,
    port: &str,
) -> Option<&'a Arc<Object<P>>> {
    let place = |policy: &&Arc<Object<P>>| {
        let sections = targets(policy, service).map(section);
        let whole = sections.filter(|it| it.is_none_or(|name| name == port));
        Some((whole.map(|it| it.is_none()).min()?, Rank::of(&policy.meta)))
    };
    let held = P::of(reads, service).into_iter().filter_map(|it| Some((place(&it)?, it)));
    held.min_by(|(a, _), (b, _)| a.cmp(b)).map(|(_, policy)| policy)
}

/// The status of a policy, `None` where no route of ours sends to what it targets. `judge` says
/// for each of its conditions, `Accepted` first, whether it holds.
pub(crate) fn status<P: Policy>(
    reads: &Reads<'_>,
    policy: &Arc<Object<P>>,
    judge: impl FnOnce() -> Vec<(&'static str, Option<Refusal>)>,
) -> Option<PolicyStatus> {
    let mut reached: BTreeMap<ObjectKey, BTreeSet<usize>> = BTreeMap::new();
    for (index, target) in policy.spec.target_refs().iter().enumerate() {
        if is_service(target) {
            for gateway in reads.gateways_of(&service_of(policy, target)) {
                reached.entry(gateway).or_default().insert(index);
            }
        }
    }
    if reached.is_empty() {
        return None;
    }
    let judgement = judge();
    let targets = policy.spec.target_refs().iter().enumerate();
    let check =
        |(index, target)| check(reads, policy, target, &Field::SPEC.nth("targetRefs", index)).err();
    let faults: Vec<_> = targets.map(check).collect();
    let entry = |(gateway, targets): (ObjectKey, BTreeSet<usize>)| {
        let fault = targets.iter().find_map(|index| faults[*index].as_ref());
        ancestor(gateway, fault, &judgement, policy.meta.generation)
    };
    Some(PolicyStatus { ancestors: reached.into_iter().take(MAX_ANCESTORS).map(entry).collect() })
}

/// The references of a policy to a Service in its namespace.
fn targets<'a, P: Policy>(
    policy: &'a Object<P>,
    service: &ObjectKey,
) -> impl Iterator<Item = &'a TargetRef> {
    let near = policy.meta.namespace == service.namespace;
    let all = policy.spec.target_refs().iter();
    all.filter(move |it| near && is_service(it) && it.name == service.name)
}

/// Whether a target is a Service.
fn is_service(target: &TargetRef) -> bool {
    Kind::find(&target.group, &target.kind) == Some(Kind::Service)
}

/// The port name that a target is cut down to.
fn section(target: &TargetRef) -> Option<&str> {
    target.section_name.as_deref().filter(|name| !name.is_empty())
}

fn service_of<P>(policy: &Object<P>, target: &TargetRef) -> ObjectKey {
    ObjectKey::new(policy.meta.namespace.clone(), target.name.clone())
}

/// Whether the policy holds for a target: the port exists, and no other policy goes before.
fn check<P: Policy>(
    reads: &Reads<'_>,
    policy: &Arc<Object<P>>,
    target: &TargetRef,
    at: &Field<'_>,
) -> Result<(), Refusal> {
    let service = service_of(policy, target);
    let wanted = section(target);
    if let (Some(name), Some(found)) = (wanted, reads.service(&service))
        && !found.spec.ports.iter().any(|port| port.name.as_deref() == Some(name))
    {
        let at = at.at("sectionName");
        let message = format!("{at}: Service `{service}` has no port named `{name}`; name one");
        return Err(Refusal::new("TargetNotFound", message));
    }
    let own = Rank::of(&policy.meta);
    let before = P::of(reads, &service).into_iter().find(|other| {
        Rank::of(&other.meta) < own && targets(other, &service).any(|it| section(it) == wanted)
    });
    let Some(other) = before else { return Ok(()) };
    let message = format!(
        "{at}: {} `{}` targets the same and goes first, being older or first by name; delete one \
         of them",
        P::KIND,
        other.meta.key()
    );
    Err(Refusal::new("Conflicted", message))
}

fn ancestor(
    gateway: ObjectKey,
    fault: Option<&Refusal>,
    judgement: &[(&'static str, Option<Refusal>)],
    generation: i64,
) -> AncestorStatus {
    let say = |(index, (kind, refusal)): (usize, &(&'static str, Option<Refusal>))| {
        let fault = fault.filter(|_| index == 0);
        match fault.or(refusal.as_ref()) {
            Some(why) => Condition::fails(kind, why.reason, why.message.clone(), generation),
            None => Condition::holds(kind, kind, generation),
        }
    };
    AncestorStatus {
        ancestor_ref: ParentReference {
            group: Some(Kind::Gateway.group().into()),
            kind: Some(Kind::Gateway.as_str().into()),
            namespace: Some(gateway.namespace),
            name: gateway.name,
            section_name: None,
            port: None,
        },
        controller_name: CONTROLLER_NAME,
        conditions: judgement.iter().enumerate().map(say).collect(),
    }
}

#[cfg(test)]
mod tests;
