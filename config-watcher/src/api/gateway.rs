//! GatewayClass, Gateway and ListenerSet (`gateway.networking.k8s.io/v1`).

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;

use super::meta::{LabelSelector, Reference};

/// `GatewayClassSpec`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GatewayClass {
    /// Ours is `headgate.dev/gateway-controller`.
    pub controller_name: Arc<str>,
    /// Parameters, if any.
    #[serde(default)]
    pub parameters_ref: Option<Reference>,
}

/// `GatewaySpec`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Gateway {
    /// Name of the GatewayClass.
    pub gateway_class_name: Arc<str>,
    /// May be empty where ListenerSets are allowed.
    #[serde(default)]
    pub listeners: Vec<Listener>,
    /// Requested addresses.
    #[serde(default)]
    pub addresses: Vec<Address>,
    /// Labels, annotations and parameters for generated objects.
    #[serde(default)]
    pub infrastructure: Option<Infrastructure>,
    /// Which ListenerSets may attach; none by default.
    #[serde(default)]
    pub allowed_listeners: Option<AllowedListeners>,
    /// Client certificates, front and back.
    #[serde(default)]
    pub tls: Option<GatewayTls>,
    /// `All` or `None`.
    #[serde(default)]
    pub default_scope: Option<Arc<str>>,
    /// `status.addresses` as last written: what an address pool gave out is kept over restarts.
    #[serde(skip)]
    pub assigned: Vec<Arc<str>>,
}

/// `ListenerSetSpec`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ListenerSet {
    /// The Gateway that it adds to.
    pub parent_ref: Reference,
    /// Its listeners.
    #[serde(default)]
    pub listeners: Vec<Listener>,
}

/// `Listener` and `ListenerEntry`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Listener {
    /// Unique within its object.
    pub name: Arc<str>,
    /// Absent or empty means every host.
    #[serde(default)]
    pub hostname: Option<Arc<str>>,
    /// TCP or UDP port.
    pub port: u16,
    /// `HTTP`, `HTTPS`, `TLS`, `TCP`, `UDP`, or a domain-prefixed name.
    pub protocol: Arc<str>,
    /// For HTTPS and TLS.
    #[serde(default)]
    pub tls: Option<ListenerTls>,
    /// Which routes may attach.
    #[serde(default)]
    pub allowed_routes: Option<AllowedRoutes>,
    /// Filters before routing; not supported, so only their presence is read.
    #[serde(default)]
    pub filters: Option<serde_json::Value>,
}

/// `ListenerTLSConfig`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ListenerTls {
    /// `Terminate` (the default) or `Passthrough`.
    pub mode: Option<Arc<str>>,
    /// Secrets with certificates.
    pub certificate_refs: Vec<Reference>,
    /// Implementation-specific options.
    pub options: BTreeMap<Arc<str>, Arc<str>>,
}

/// `AllowedRoutes`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct AllowedRoutes {
    /// `Same` by default.
    pub namespaces: Option<FromNamespaces>,
    /// Empty means all that the protocol carries.
    pub kinds: Vec<GroupKind>,
}

/// `AllowedListeners`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct AllowedListeners {
    /// `None` by default.
    pub namespaces: Option<FromNamespaces>,
}

/// `RouteNamespaces` and `ListenerNamespaces`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct FromNamespaces {
    /// `All`, `Same`, `Selector` or `None`; the default is the owner's.
    pub from: Option<Arc<str>>,
    /// For `Selector`.
    pub selector: Option<LabelSelector>,
}

/// `RouteGroupKind`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct GroupKind {
    /// `gateway.networking.k8s.io` when absent.
    #[serde(default)]
    pub group: Option<Arc<str>>,
    /// Kind of route.
    pub kind: Arc<str>,
}

/// `GatewaySpecAddress`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Address {
    /// `IPAddress` (the default), `Hostname` or a domain-prefixed name.
    #[serde(default, rename = "type")]
    pub kind: Option<Arc<str>>,
    /// Empty asks for any address of the type.
    #[serde(default)]
    pub value: Option<Arc<str>>,
    /// From where it must be reachable; empty asks for nothing.
    #[serde(default)]
    pub routability: Option<Arc<str>>,
}

/// `GatewayInfrastructure`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Infrastructure {
    /// For generated objects.
    pub labels: BTreeMap<Arc<str>, Arc<str>>,
    /// For generated objects.
    pub annotations: BTreeMap<Arc<str>, Arc<str>>,
    /// Parameters in the Gateway's own namespace.
    pub parameters_ref: Option<Reference>,
}

/// `GatewayTLSConfig`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct GatewayTls {
    /// Towards backends.
    pub backend: Option<GatewayBackendTls>,
    /// Towards clients.
    pub frontend: Option<FrontendTls>,
}

/// `GatewayBackendTLS`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GatewayBackendTls {
    /// Secret with the certificate that we show to backends.
    pub client_certificate_ref: Option<Reference>,
}

/// `FrontendTLSConfig`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct FrontendTls {
    /// For every HTTPS port without an entry of its own.
    #[serde(rename = "default")]
    pub default: TlsConfig,
    /// By port.
    pub per_port: Vec<TlsPortConfig>,
}

/// `TLSPortConfig`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct TlsPortConfig {
    /// Listener port.
    pub port: u16,
    /// Its configuration.
    #[serde(default)]
    pub tls: TlsConfig,
}

/// `TLSConfig`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct TlsConfig {
    /// Whether clients show certificates.
    pub validation: Option<FrontendValidation>,
}

/// `FrontendTLSValidation`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct FrontendValidation {
    /// ConfigMaps (or Secrets) with authorities.
    #[serde(default, rename = "caCertificateRefs")]
    pub ca_certificate_refs: Vec<Reference>,
    /// `AllowValidOnly` (the default) or `AllowInsecureFallback`.
    #[serde(default)]
    pub mode: Option<Arc<str>>,
}
