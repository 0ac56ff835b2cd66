//! BackendLifecyclePolicies: what they ask for. Which of them holds is left to `policy`.

use std::sync::Arc;

use snapshot::{DrainDeadlines, Floor, Lifecycle, ObjectKey};

use super::duration::optional;
use super::fault::Fault;
use super::field::Field;
use super::policy;
use super::reads::Reads;
use super::refusal::Refusal;
use crate::api::meta::Object;
use crate::api::policy::BackendLifecyclePolicy;
use crate::status::PolicyStatus;

/// The lifecycle of a service port. A policy that is not accepted asks for nothing: the defaults
/// lose no request, so that a slip in it needs to refuse none.
pub(crate) fn compute(reads: &Reads<'_>, service: &ObjectKey, port: &str) -> Lifecycle {
    let policy = policy::in_force::<BackendLifecyclePolicy>(reads, service, port);
    policy.and_then(|policy| judge(policy).ok()).unwrap_or_default()
}

/// What a policy's status says; `None` where there is nothing to say.
pub(crate) fn status(reads: &Reads<'_>, key: &ObjectKey) -> Option<PolicyStatus> {
    let found = reads.lifecycle(key)?;
    let invalid = |fault: Fault| Refusal::new("Invalid", fault.message);
    policy::status(reads, found, || vec![("Accepted", judge(found).err().map(invalid))])
}

fn judge(policy: &Arc<Object<BackendLifecyclePolicy>>) -> Result<Lifecycle, Fault> {
    let BackendLifecyclePolicy { target_refs: _, drain, floor, node_drain, slow_start } =
        &policy.spec;
    let (at_drain, at_floor) = (Field::SPEC.at("drain"), Field::SPEC.at("floor"));
    let (at_node, at_slow) = (Field::SPEC.at("nodeDrain"), Field::SPEC.at("slowStart"));
    Ok(Lifecycle {
        drain: DrainDeadlines {
            requests: optional(drain.requests.as_ref(), &at_drain.at("requests"))?,
            streams: optional(drain.streams.as_ref(), &at_drain.at("streams"))?,
            tunnels: optional(drain.upgrades.as_ref(), &at_drain.at("upgrades"))?,
        },
        floor: Floor {
            percent: percent(floor.percent, 0, &at_floor.at("percent"))?,
            window: optional(floor.window.as_ref(), &at_floor.at("window"))?
                .filter(|window| !window.is_zero()),
        },
        node_drain_percent: percent(node_drain.max_percent, 1, &at_node.at("maxPercent"))?,
        slow_start: optional(slow_start.window.as_ref(), &at_slow.at("window"))?
            .filter(|window| !window.is_zero()),
    })
}

fn percent(value: Option<u8>, least: u8, at: &Field<'_>) -> Result<Option<u8>, Fault> {
    match value {
        Some(value) if !(least..=100).contains(&value) => {
            let what = format_args!("{value} is no such share; set {least} to 100");
            Err(Fault::value(at, what))
        }
        value => Ok(value),
    }
}
