//! References to certificate authorities: of Gateways for clients, of policies for backends.

use std::sync::Arc;

use snapshot::{ObjectKey, TrustAnchors};

use super::grant::granted;
use super::reads::Reads;
use super::refusal::Refusal;
use crate::api::meta::Reference;
use crate::objects::Kind;

/// The kind is none that can hold authorities.
pub(crate) const INVALID_KIND: &str = "InvalidCACertificateKind";
/// There is no such object, or it holds no authorities.
pub(crate) const INVALID_REF: &str = "InvalidCACertificateRef";
const NOT_PERMITTED: &str = "RefNotPermitted";

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
    let group = reference.group.as_deref().unwrap_or_default();
    let kind = reference.kind.as_deref().unwrap_or("ConfigMap");
    let known = Kind::find(group, kind);
    let Some(kind) = known.filter(|it| matches!(it, Kind::ConfigMap | Kind::Secret)) else {
        let message =
            format!("kind `{kind}` of group `{group}` holds no authorities; use ConfigMap");
        return Err(Refusal::new(INVALID_KIND, message));
    };
    let to = reference.namespace.as_ref().unwrap_or(namespace);
    let key = ObjectKey::new(to.clone(), reference.name.clone());
    if !granted(reads, (from, namespace), (kind, to, &reference.name)) {
        let message = format!(
            "no ReferenceGrant in namespace `{to}` lets a {from} of namespace `{namespace}` use \
             {kind} `{key}`; write one"
        );
        return Err(Refusal::new(NOT_PERMITTED, message));
    }
    match reads.anchors(kind, &key) {
        Some(Ok(anchors)) => Ok(anchors.clone()),
        Some(Err(what)) => Err(Refusal::new(INVALID_REF, format!("{kind} `{key}`: {what}"))),
        None => Err(Refusal::new(INVALID_REF, format!("{kind} `{key}` does not exist; create it"))),
    }
}
