//! GatewayClasses: which are ours, and what we can do for Gateways of them.

use snapshot::ObjectKey;

use super::features;
use super::output::ClassOutput;
use super::reads::Reads;
use crate::status::{CONTROLLER_NAME, Condition, GatewayClassStatus};

/// Computes the unit of a GatewayClass; `None` where it is not ours.
pub(crate) fn compute(reads: &Reads<'_>, key: &ObjectKey) -> Option<ClassOutput> {
    let class = reads.gateway_class(key)?;
    if *class.spec.controller_name != *CONTROLLER_NAME {
        return None;
    }
    let generation = class.meta.generation;
    let problem = class.spec.parameters_ref.as_ref().map(|parameters| {
        format!(
            "spec.parametersRef: {} `{}` is nothing we read; remove it",
            parameters.kind.as_deref().unwrap_or_default(),
            parameters.name
        )
    });
    let accepted = match &problem {
        None => Condition::holds("Accepted", "Accepted", generation),
        Some(message) => {
            Condition::fails("Accepted", "InvalidParameters", message.clone(), generation)
        }
    };
    let version = match &reads.options().unknown_crds {
        None => Condition::holds("SupportedVersion", "SupportedVersion", generation),
        Some(found) => Condition::fails(
            "SupportedVersion",
            "UnsupportedVersion",
            format!(
                "the CRDs are of {found}, we know {}; served as well as we can",
                features::VERSION
            ),
            generation,
        ),
    };
    let status = GatewayClassStatus {
        conditions: vec![accepted, version],
        supported_features: features::all(),
    };
    Some(ClassOutput { accepted: problem.map_or(Ok(()), Err), status })
}
