//! Certificates, keys and authorities from the text that Secrets and ConfigMaps hold. Pure: the
//! store remembers the answer for as long as the object stays the same.
//!
//! No message shows anything of a private key.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use rustls::RootCertStore;
use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls::sign::CertifiedKey;
use rustls_pki_types::pem::{Error as PemError, PemObject};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use snapshot::{Certificate, TrustAnchors};

use crate::api::core::{ConfigMap, Secret};

const TLS_SECRET: &str = "kubernetes.io/tls";
const CERTIFICATE: &str = "tls.crt";
const KEY: &str = "tls.key";
const AUTHORITIES: &str = "ca.crt";

/// The certificate of a Secret of type `kubernetes.io/tls`.
///
/// # Errors
/// What is wrong with it, naming the field and the way out.
pub(crate) fn certificate(secret: &Secret) -> Result<Certificate, String> {
    let kind = secret.kind.as_deref().unwrap_or("Opaque");
    if kind != TLS_SECRET {
        return Err(format!("is of type `{kind}`; make it one of type `{TLS_SECRET}`"));
    }
    let chain = certificates(&value(secret, CERTIFICATE)?)
        .map_err(|what| format!("data[{CERTIFICATE}]: {what}"))?;
    let key = private_key(&value(secret, KEY)?).map_err(|what| format!("data[{KEY}]: {what}"))?;
    let signer = any_supported_type(&key).map_err(|_| {
        format!("data[{KEY}]: is no key we can sign with; use an RSA, ECDSA or Ed25519 key")
    })?;
    match CertifiedKey::new(chain.clone(), signer).keys_match() {
        Ok(()) => Ok(Certificate { chain, key }),
        Err(rustls::Error::InconsistentKeys(_)) => Err(format!(
            "data[{KEY}]: does not belong to the first certificate of {CERTIFICATE}; \
             put the leaf first, and the key that it was made with here"
        )),
        Err(error) => Err(format!("data[{CERTIFICATE}]: the first certificate is none: {error}")),
    }
}

/// The authorities under `ca.crt` of a ConfigMap.
///
/// # Errors
/// What is wrong with it, naming the field and the way out.
pub(crate) fn anchors(map: &ConfigMap) -> Result<TrustAnchors, String> {
    match map.data.get(AUTHORITIES) {
        Some(text) => authorities(text.as_bytes()),
        None => Err(missing(AUTHORITIES)),
    }
}

/// The authorities under `ca.crt` of a Secret.
///
/// # Errors
/// What is wrong with it, naming the field and the way out.
pub(crate) fn secret_anchors(secret: &Secret) -> Result<TrustAnchors, String> {
    authorities(&value(secret, AUTHORITIES)?)
}

/// One value of a Secret; plain text wins over base64, as in an API server.
fn value(secret: &Secret, name: &str) -> Result<Vec<u8>, String> {
    if let Some(plain) = secret.string_data.get(name) {
        return Ok(plain.as_bytes().to_vec());
    }
    let encoded = secret.data.get(name).ok_or_else(|| missing(name))?;
    BASE64_STANDARD
        .decode(encoded.as_bytes())
        .map_err(|_| format!("data[{name}]: is no base64; encode it, or use stringData"))
}

fn missing(name: &str) -> String {
    format!("data[{name}]: is missing; put PEM text there")
}

/// Every certificate of a PEM text; there is at least one.
fn certificates(text: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let list: Vec<_> = CertificateDer::pem_slice_iter(text)
        .collect::<Result<_, _>>()
        .map_err(|error| format!("is no PEM text: {}", what(&error)))?;
    if list.is_empty() {
        return Err("holds no `BEGIN CERTIFICATE`; put PEM text there".to_owned());
    }
    Ok(list)
}

fn private_key(text: &[u8]) -> Result<PrivateKeyDer<'static>, String> {
    PrivateKeyDer::from_pem_slice(text).map_err(|error| match error {
        PemError::NoItemsFound => {
            "holds no `BEGIN PRIVATE KEY`; put an unencrypted key as PEM text there".to_owned()
        }
        error => format!("is no PEM text: {}", what(&error)),
    })
}

/// In words, and without the text that was read.
fn what(error: &PemError) -> &'static str {
    match error {
        PemError::MissingSectionEnd { .. } => "a section has no `END` line",
        PemError::IllegalSectionStart { .. } => "a `BEGIN` line is broken",
        PemError::Base64Decode(_) => "a section is no base64",
        _ => "it cannot be read",
    }
}

fn authorities(text: &[u8]) -> Result<TrustAnchors, String> {
    let at = |what: String| format!("data[{AUTHORITIES}]: {what}");
    let list = certificates(text).map_err(at)?;
    let mut probe = RootCertStore::empty();
    for (index, der) in list.iter().enumerate() {
        probe
            .add(der.clone())
            .map_err(|error| at(format!("certificate {} is none: {error}", index + 1)))?;
    }
    Ok(TrustAnchors(list.into()))
}

#[cfg(test)]
mod tests;
