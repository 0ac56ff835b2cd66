//! References to certificates: of listeners, and of Gateways towards backends.

use std::sync::Arc;

use snapshot::{Certificate, CertificateKey};

use super::reads::Reads;
use super::refusal::Refusal;
use crate::api::meta::Reference;
use crate::objects::Kind;

/// Follows a reference to a `kubernetes.io/tls` Secret from an object of kind `from` in
/// `namespace`.
///
/// # Errors
/// `RefNotPermitted` without a grant; `InvalidCertificateRef` where the kind is not Secret, the
/// Secret does not exist, or holds no certificate with its key.
pub(crate) fn resolve(
    reads: &Reads<'_>,
    (from, namespace): (Kind, &Arc<str>),
    reference: &Reference,
) -> Result<(CertificateKey, Arc<Certificate>), Refusal> {
    let _ = (reads, from, namespace, reference);
    unimplemented!("written with the certificates")
}
