//! BackendTLSPolicies: what they ask for. Which of them holds is left to `policy`.

use std::sync::Arc;

use snapshot::{BackendTls, Hostname, ObjectKey, SubjectAltName, TrustAnchors};

use super::fault::{Fault, INVALID_KIND};
use super::field::Field;
use super::reads::Reads;
use super::refusal::Refusal;
use super::{ca, policy};
use crate::api::meta::{Object, Reference};
use crate::api::policy::{BackendTlsPolicy, SubjectAltName as WrittenName, Validation};
use crate::objects::Kind;
use crate::status::PolicyStatus;

/// The policy is not what its schema says (`PolicyReasonInvalid`).
const INVALID: &str = "Invalid";
/// None of its `caCertificateRefs` resolves (`BackendTLSPolicyReasonNoValidCACertificate`).
const NO_VALID_CA: &str = "NoValidCACertificate";

type Policy = Arc<Object<BackendTlsPolicy>>;

/// What a policy asks for, and whether it can be had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Judgement {
    /// How to reach the backend, or why the policy is not accepted: its backend is refused.
    pub(crate) accepted: Result<BackendTls, Refusal>,
    /// Whether every reference of it resolves.
    pub(crate) resolved: Result<(), Refusal>,
}

/// What a policy's status says; `None` where there is nothing to say.
pub(crate) fn status(reads: &Reads<'_>, key: &ObjectKey) -> Option<PolicyStatus> {
    let found = reads.policy(key)?;
    policy::status(reads, found, || {
        let Judgement { accepted, resolved } = judge(reads, found);
        vec![("Accepted", accepted.err()), ("ResolvedRefs", resolved.err())]
    })
}

/// Reads a policy.
pub(crate) fn judge(reads: &Reads<'_>, policy: &Policy) -> Judgement {
    let validation = &policy.spec.validation;
    let spec = Field::SPEC.at("validation");
    let (anchors, resolved) = anchors(reads, &policy.meta.namespace, validation, &spec);
    let accepted = anchors.and_then(|anchors| {
        let invalid = |fault: Fault| Refusal::new(INVALID, fault.message);
        Ok(BackendTls {
            hostname: precise(&validation.hostname, &spec.at("hostname")).map_err(invalid)?,
            anchors,
            names: names(&validation.subject_alt_names, &spec).map_err(invalid)?,
        })
    });
    Judgement { accepted, resolved }
}

/// Whom the policy believes, `None` being the system's own set; and whether its references resolve.
fn anchors(
    reads: &Reads<'_>,
    namespace: &Arc<str>,
    validation: &Validation,
    spec: &Field<'_>,
) -> (Result<Option<TrustAnchors>, Refusal>, Result<(), Refusal>) {
    let refs = &validation.ca_certificate_refs;
    let well_known = validation.well_known_ca_certificates.as_deref().unwrap_or_default();
    let invalid = |fault: Fault| (Err(Refusal::new(INVALID, fault.message)), Ok(()));
    match (refs.is_empty(), well_known) {
        (false, "") => from_refs(reads, namespace, refs, spec),
        (true, "System") => (Ok(None), Ok(())),
        (true, "") => invalid(Fault::value(
            spec,
            "names no authorities; set caCertificateRefs, or wellKnownCACertificates to System",
        )),
        (true, other) => {
            let at = spec.at("wellKnownCACertificates");
            invalid(Fault::choice(&at, other, &["System"]))
        }
        (false, _) => invalid(Fault::value(
            spec,
            "caCertificateRefs and wellKnownCACertificates exclude each other; keep one",
        )),
    }
}

fn from_refs(
    reads: &Reads<'_>,
    namespace: &Arc<str>,
    refs: &[Reference],
    spec: &Field<'_>,
) -> (Result<Option<TrustAnchors>, Refusal>, Result<(), Refusal>) {
    let mut found = Vec::new();
    let mut refused: Option<Refusal> = None;
    for (index, reference) in refs.iter().enumerate() {
        // A policy's references stay in its namespace (`LocalObjectReference`).
        let local = Reference { namespace: None, ..reference.clone() };
        match ca::resolve(reads, (Kind::BackendTlsPolicy, namespace), &local) {
            Ok(anchors) => found.push(anchors),
            Err(why) => {
                let reason = if why.reason == ca::INVALID_KIND { INVALID_KIND } else { why.reason };
                let message = format!("{}: {}", spec.nth("caCertificateRefs", index), why.message);
                match &mut refused {
                    Some(first) => first.message.push_str(&format!("; {message}")),
                    None => refused = Some(Refusal::new(reason, message)),
                }
            }
        }
    }
    let anchors = match &refused {
        Some(why) if found.is_empty() => Err(Refusal::new(NO_VALID_CA, why.message.clone())),
        _ => Ok(Some(merged(found))),
    };
    (anchors, refused.map_or(Ok(()), Err))
}

/// All of them in one; that of a single reference is shared, not copied.
fn merged(mut found: Vec<TrustAnchors>) -> TrustAnchors {
    if found.len() == 1 {
        return found.remove(0);
    }
    TrustAnchors(found.iter().flat_map(|anchors| anchors.0.iter().cloned()).collect())
}

fn precise(text: &str, at: &Field<'_>) -> Result<Arc<str>, Fault> {
    match text.parse() {
        Ok(Hostname::Exact(name)) => Ok(name),
        Ok(_) => Err(Fault::value(at, format_args!("`{text}` is a wildcard; name one host"))),
        Err(error) => Err(Fault::value(at, error)),
    }
}

fn names(list: &[WrittenName], spec: &Field<'_>) -> Result<Vec<SubjectAltName>, Fault> {
    let read = |(index, from): (usize, &WrittenName)| {
        let at = spec.nth("subjectAltNames", index);
        match &*from.kind {
            "Hostname" => {
                let at = at.at("hostname");
                let text = from.hostname.as_deref().unwrap_or_default();
                text.parse().map(SubjectAltName::Hostname).map_err(|error| Fault::value(&at, error))
            }
            "URI" => uri(from.uri.as_ref(), &at.at("uri")).map(SubjectAltName::Uri),
            other => Err(Fault::choice(&at.at("type"), other, &["Hostname", "URI"])),
        }
    };
    list.iter().enumerate().map(read).collect()
}

/// An absolute URI: a scheme, `:` and something (`AbsoluteURI`).
fn uri(from: Option<&Arc<str>>, at: &Field<'_>) -> Result<Arc<str>, Fault> {
    let text = from.map_or("", |text| &**text);
    match text.split_once(':') {
        Some((scheme, rest)) if !scheme.is_empty() && !scheme.contains(['/', '?', '#']) => {
            if rest.is_empty() {
                return Err(Fault::value(at, format_args!("`{text}` ends after its scheme")));
            }
            Ok(text.into())
        }
        _ => Err(Fault::value(
            at,
            format_args!("`{text}` is no absolute URI; write it as `spiffe://domain/workload`"),
        )),
    }
}
