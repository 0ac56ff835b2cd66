//! References to certificate authorities: of Gateways for clients, of policies for backends.

use std::sync::Arc;

use snapshot::TrustAnchors;

use super::reads::Reads;
use super::refusal::Refusal;
use crate::api::meta::Reference;
use crate::objects::Kind;

/// Follows one reference to authorities from an object of kind `from` in `namespace`.
///
/// # Errors
/// `RefNotPermitted` without a grant; `InvalidCACertificateKind` where the kind is neither
/// ConfigMap nor Secret; `InvalidCACertificateRef` where it does not exist or holds no authority.
pub(crate) fn resolve(
    reads: &Reads<'_>,
    (from, namespace): (Kind, &Arc<str>),
    reference: &Reference,
) -> Result<TrustAnchors, Refusal> {
    let _ = (reads, from, namespace, reference);
    unimplemented!("written with the certificates")
}
