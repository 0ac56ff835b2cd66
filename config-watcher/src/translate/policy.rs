//! What we say of a BackendTLSPolicy.

use snapshot::ObjectKey;

use super::reads::Reads;
use crate::status::PolicyStatus;

/// Computes the status of a policy; `None` where no route of ours sends to what it targets.
pub(crate) fn compute(reads: &Reads<'_>, key: &ObjectKey) -> Option<PolicyStatus> {
    let _ = (reads, key);
    unimplemented!("written with the policies")
}
