//! Certificates, keys and authorities from the text that Secrets and ConfigMaps hold. Pure: the
//! store remembers the answer for as long as the object stays the same.

use snapshot::{Certificate, TrustAnchors};

use crate::api::core::{ConfigMap, Secret};

/// The certificate of a Secret of type `kubernetes.io/tls`.
///
/// # Errors
/// What is wrong with it, naming the field and the way out.
pub(crate) fn certificate(secret: &Secret) -> Result<Certificate, String> {
    let _ = secret;
    unimplemented!("written with the certificates")
}

/// The authorities under `ca.crt` of a ConfigMap.
///
/// # Errors
/// What is wrong with it, naming the field and the way out.
pub(crate) fn anchors(map: &ConfigMap) -> Result<TrustAnchors, String> {
    let _ = map;
    unimplemented!("written with the certificates")
}

/// The authorities under `ca.crt` of a Secret.
///
/// # Errors
/// What is wrong with it, naming the field and the way out.
pub(crate) fn secret_anchors(secret: &Secret) -> Result<TrustAnchors, String> {
    let _ = secret;
    unimplemented!("written with the certificates")
}
