//! References to certificates: of listeners, and of Gateways towards backends.

use std::sync::Arc;

use snapshot::{Certificate, CertificateKey, ObjectKey};

use super::grant::granted;
use super::reads::Reads;
use super::refusal::Refusal;
use crate::api::meta::Reference;
use crate::objects::Kind;

const INVALID_REF: &str = "InvalidCertificateRef";
const NOT_PERMITTED: &str = "RefNotPermitted";

/// Why a reference gives no certificate.
#[derive(Debug)]
pub(crate) struct Unusable {
    /// For the conditions.
    pub refusal: Refusal,
    /// What the Secret held while it was good: what was live stays live.
    pub last_good: Option<(CertificateKey, Arc<Certificate>)>,
}

impl From<Refusal> for Unusable {
    fn from(refusal: Refusal) -> Self {
        Self { refusal, last_good: None }
    }
}

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
) -> Result<(CertificateKey, Arc<Certificate>), Unusable> {
    let group = reference.group.as_deref().unwrap_or_default();
    let kind = reference.kind.as_deref().unwrap_or("Secret");
    if Kind::find(group, kind) != Some(Kind::Secret) {
        let message = format!("kind `{kind}` of group `{group}` holds no certificates; use Secret");
        return Err(Refusal::new(INVALID_REF, message).into());
    }
    let to = reference.namespace.as_ref().unwrap_or(namespace);
    let key = ObjectKey::new(to.clone(), reference.name.clone());
    if !granted(reads, (from, namespace), (Kind::Secret, to, &reference.name)) {
        let message = format!(
            "no ReferenceGrant in namespace `{to}` lets a {from} of namespace `{namespace}` use \
             Secret `{key}`; write one"
        );
        return Err(Refusal::new(NOT_PERMITTED, message).into());
    }
    match reads.certificate(&key) {
        Some(Ok(certificate)) => Ok((CertificateKey(key), certificate.clone())),
        Some(Err(what)) => {
            let refusal = Refusal::new(INVALID_REF, format!("Secret `{key}`: {what}"));
            let last_good = reads.last_good(&key).cloned().map(|good| (CertificateKey(key), good));
            Err(Unusable { refusal, last_good })
        }
        None => {
            let message = format!("Secret `{key}` does not exist; create it");
            Err(Refusal::new(INVALID_REF, message).into())
        }
    }
}

#[cfg(test)]
mod tests;
