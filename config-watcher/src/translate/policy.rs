//! What we say of a BackendTLSPolicy: one entry for each Gateway through which routes send to what
//! it targets.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use snapshot::ObjectKey;

use super::backend_tls::{Judgement, is_service, judge, section, targets};
use super::field::Field;
use super::rank::Rank;
use super::reads::Reads;
use super::refusal::Refusal;
use crate::api::meta::Object;
use crate::api::policy::{BackendTlsPolicy, TargetRef};
use crate::api::route::ParentReference;
use crate::objects::Kind;
use crate::status::{AncestorStatus, CONTROLLER_NAME, Condition, PolicyStatus};

/// Most entries that `PolicyStatus.ancestors` holds.
const MAX_ANCESTORS: usize = 16;

/// Computes the status of a policy; `None` where no route of ours sends to what it targets.
pub(crate) fn compute(reads: &Reads<'_>, key: &ObjectKey) -> Option<PolicyStatus> {
    let policy = reads.policy(key)?;
    let mut reached: BTreeMap<ObjectKey, BTreeSet<usize>> = BTreeMap::new();
    for (index, target) in policy.spec.target_refs.iter().enumerate() {
        if is_service(target) {
            for gateway in reads.gateways_of(&service_of(policy, target)) {
                reached.entry(gateway).or_default().insert(index);
            }
        }
    }
    if reached.is_empty() {
        return None;
    }
    let judgement = judge(reads, policy);
    let faults: Vec<_> = policy
        .spec
        .target_refs
        .iter()
        .enumerate()
        .map(|(index, target)| check(reads, policy, target, &Field::SPEC.nth("targetRefs", index)))
        .collect();
    let entry = |(gateway, targets): (ObjectKey, BTreeSet<usize>)| {
        let fault = targets.iter().find_map(|index| faults[*index].as_ref().err());
        ancestor(gateway, fault, &judgement, policy.meta.generation)
    };
    Some(PolicyStatus { ancestors: reached.into_iter().take(MAX_ANCESTORS).map(entry).collect() })
}

fn service_of(policy: &Object<BackendTlsPolicy>, target: &TargetRef) -> ObjectKey {
    ObjectKey::new(policy.meta.namespace.clone(), target.name.clone())
}

/// Whether the policy holds for a target: the port exists, and no other policy goes before.
fn check(
    reads: &Reads<'_>,
    policy: &Arc<Object<BackendTlsPolicy>>,
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
    let before = reads.policies(&service).into_iter().find(|other| {
        Rank::of(&other.meta) < own && targets(other, &service).any(|it| section(it) == wanted)
    });
    let Some(other) = before else { return Ok(()) };
    let message = format!(
        "{at}: BackendTLSPolicy `{}` targets the same and goes first, being older or first by \
         name; delete one of them",
        other.meta.key()
    );
    Err(Refusal::new("Conflicted", message))
}

fn ancestor(
    gateway: ObjectKey,
    fault: Option<&Refusal>,
    judgement: &Judgement,
    generation: i64,
) -> AncestorStatus {
    let say = |kind, refusal: Option<&Refusal>| match refusal {
        Some(why) => Condition::fails(kind, why.reason, why.message.clone(), generation),
        None => Condition::holds(kind, kind, generation),
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
        conditions: vec![
            say("Accepted", fault.or(judgement.accepted.as_ref().err())),
            say("ResolvedRefs", judgement.resolved.as_ref().err()),
        ],
    }
}

#[cfg(test)]
mod tests;
