//! BackendTLSPolicy (`gateway.networking.k8s.io/v1`, `v1alpha3`) and BackendLifecyclePolicy
//! (`headgate.dev/v1alpha1`).

use std::sync::Arc;

use serde::Deserialize;

use super::meta::Reference;

/// `BackendTLSPolicySpec`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BackendTlsPolicy {
    /// Services in the policy's namespace.
    #[serde(default)]
    pub target_refs: Vec<TargetRef>,
    /// How the backend's certificate is judged.
    pub validation: Validation,
}

/// `LocalPolicyTargetReferenceWithSectionName`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TargetRef {
    /// Empty for the core group.
    pub group: Arc<str>,
    /// `Service`.
    pub kind: Arc<str>,
    /// Name of it.
    pub name: Arc<str>,
    /// Port name of the Service; absent means every port.
    #[serde(default)]
    pub section_name: Option<Arc<str>>,
}

/// `BackendTLSPolicyValidation`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Validation {
    /// ConfigMaps with authorities under `ca.crt`.
    #[serde(default, rename = "caCertificateRefs")]
    pub ca_certificate_refs: Vec<Reference>,
    /// `System`.
    #[serde(default, rename = "wellKnownCACertificates")]
    pub well_known_ca_certificates: Option<Arc<str>>,
    /// SNI, and the name to verify unless `subject_alt_names` is set.
    pub hostname: Arc<str>,
    /// Names of which the certificate must carry one.
    #[serde(default)]
    pub subject_alt_names: Vec<SubjectAltName>,
}

/// `SubjectAltName`: type `Hostname` or `URI`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct SubjectAltName {
    /// Which of the fields counts.
    #[serde(rename = "type")]
    pub kind: Arc<str>,
    /// For type `Hostname`.
    #[serde(default)]
    pub hostname: Option<Arc<str>>,
    /// For type `URI`.
    #[serde(default)]
    pub uri: Option<Arc<str>>,
}

/// `BackendLifecyclePolicySpec`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BackendLifecyclePolicy {
    /// Services in the policy's namespace.
    #[serde(default)]
    pub target_refs: Vec<TargetRef>,
    /// How long what runs may go on.
    #[serde(default)]
    pub drain: DrainTimes,
    /// What stays in use.
    #[serde(default)]
    pub floor: FloorRule,
    /// What is drained ahead of a node's end.
    #[serde(default)]
    pub node_drain: NodeDrain,
    /// How a new endpoint comes to its share.
    #[serde(default)]
    pub slow_start: SlowStart,
}

/// `spec.drain`: durations.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct DrainTimes {
    /// Of HTTP exchanges.
    pub requests: Option<Arc<str>>,
    /// Of gRPC streams.
    pub streams: Option<Arc<str>>,
    /// Of upgraded connections.
    pub upgrades: Option<Arc<str>>,
}

/// `spec.floor`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct FloorRule {
    /// Share of the endpoints.
    pub percent: Option<u8>,
    /// Duration.
    pub window: Option<Arc<str>>,
}

/// `spec.nodeDrain`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct NodeDrain {
    /// Most of the endpoints.
    pub max_percent: Option<u8>,
}

/// `spec.slowStart`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct SlowStart {
    /// Duration.
    pub window: Option<Arc<str>>,
}
