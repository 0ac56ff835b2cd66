//! Namespace, Service, EndpointSlice, Secret and ConfigMap.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::Deserialize;

use super::meta::Labels;
use super::word;

/// `v1.Namespace`: only its labels count, and those stand in the metadata.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Namespace {}

/// `v1.ServiceSpec`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Service {
    /// `ClusterIP` when absent; `ExternalName` has no endpoints.
    #[serde(rename = "type")]
    pub kind: Option<Arc<str>>,
    /// For `ExternalName`.
    pub external_name: Option<Arc<str>>,
    /// `None` for headless Services.
    #[serde(rename = "clusterIP")]
    pub cluster_ip: Option<Arc<str>>,
    /// Labels of its pods; absent where somebody else writes its EndpointSlices.
    pub selector: Option<Labels>,
    /// In order.
    pub ports: Vec<ServicePort>,
}

/// `v1.ServicePort`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ServicePort {
    /// Joins it to the EndpointSlice port of the same name; may be absent on a single port.
    #[serde(default, deserialize_with = "word::optional")]
    pub name: Option<Arc<str>>,
    /// `TCP` when absent.
    #[serde(default, deserialize_with = "word::optional")]
    pub protocol: Option<Arc<str>>,
    /// What the pods speak.
    #[serde(default, deserialize_with = "word::optional")]
    pub app_protocol: Option<Arc<str>>,
    /// What routes refer to.
    pub port: u16,
    /// Where the pods listen.
    #[serde(default)]
    pub target_port: Option<TargetPort>,
}

/// `intstr.IntOrString` of a `targetPort`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(untagged)]
pub enum TargetPort {
    /// The same of every pod.
    Number(i64),
    /// The port of this name, of each pod its own.
    Name(Arc<str>),
}

/// `discovery.k8s.io/v1 EndpointSlice`; its Service is named by the label
/// `kubernetes.io/service-name`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct EndpointSlice {
    /// `IPv4`, `IPv6` or `FQDN`.
    #[serde(deserialize_with = "word::one")]
    pub address_type: Arc<str>,
    /// In any order.
    #[serde(deserialize_with = "null_is_empty")]
    pub endpoints: Vec<SliceEndpoint>,
    /// The pods' own ports.
    #[serde(deserialize_with = "null_is_empty")]
    pub ports: Vec<SlicePort>,
}

/// `discovery.k8s.io/v1 Endpoint`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SliceEndpoint {
    /// Only the first counts (Kubernetes API documentation of the field).
    pub addresses: Vec<Arc<str>>,
    /// What is absent counts as the field's documentation says.
    pub conditions: SliceConditions,
    /// The pod.
    pub target_ref: Option<TargetReference>,
    /// Zone of the node.
    #[serde(deserialize_with = "word::optional")]
    pub zone: Option<Arc<str>>,
    /// Name of the node.
    #[serde(deserialize_with = "word::optional")]
    pub node_name: Option<Arc<str>>,
}

/// `EndpointConditions`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct SliceConditions {
    /// Absent means ready.
    pub ready: Option<bool>,
    /// Absent means the same as `ready`.
    pub serving: Option<bool>,
    /// Absent means false.
    pub terminating: Option<bool>,
}

/// The part of `v1.ObjectReference` that we use.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct TargetReference {
    /// `Pod`.
    #[serde(deserialize_with = "word::optional")]
    pub kind: Option<Arc<str>>,
    /// Name of the pod.
    pub name: Option<Arc<str>>,
    /// UID of the pod.
    pub uid: Option<Arc<str>>,
}

/// `discovery.k8s.io/v1 EndpointPort`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SlicePort {
    /// Absent and empty are the same.
    #[serde(deserialize_with = "word::optional")]
    pub name: Option<Arc<str>>,
    /// `TCP` when absent.
    #[serde(deserialize_with = "word::optional")]
    pub protocol: Option<Arc<str>>,
    /// Absent means all ports: of no use to us.
    pub port: Option<u16>,
}

/// `v1.Secret`: values are base64 text as in the API.
#[derive(Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Secret {
    /// `kubernetes.io/tls` for certificates.
    #[serde(rename = "type")]
    pub kind: Option<Arc<str>>,
    /// Base64.
    pub data: BTreeMap<Arc<str>, Arc<str>>,
    /// Plain; wins over `data`, as in an API server. Only manifests have it.
    pub string_data: BTreeMap<Arc<str>, Arc<str>>,
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys: Vec<_> = self.data.keys().chain(self.string_data.keys()).collect();
        write!(f, "Secret({:?}, {keys:?})", self.kind)
    }
}

/// `v1.ConfigMap`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct ConfigMap {
    /// Plain text.
    pub data: BTreeMap<Arc<str>, Arc<str>>,
}

fn null_is_empty<'de, D, T>(from: D) -> Result<Vec<T>, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Deserialize<'de>,
{
    Ok(Option::<Vec<T>>::deserialize(from)?.unwrap_or_default())
}
