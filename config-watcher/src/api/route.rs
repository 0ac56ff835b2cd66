//! HTTPRoute and GRPCRoute (`gateway.networking.k8s.io/v1`).

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::meta::Reference;
use super::word;

/// `HTTPRouteSpec`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct HttpRoute {
    /// Gateways, ListenerSets or Services.
    pub parent_refs: Vec<ParentReference>,
    /// `All`: every Gateway whose `defaultScope` is `All` is a parent as well.
    pub use_default_gateways: Option<Arc<str>>,
    /// Empty means the listener's.
    #[serde(deserialize_with = "word::list")]
    pub hostnames: Vec<Arc<str>>,
    /// In order.
    pub rules: Vec<HttpRule>,
}

/// `GRPCRouteSpec`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GrpcRoute {
    /// Gateways, ListenerSets or Services.
    pub parent_refs: Vec<ParentReference>,
    /// `All`: every Gateway whose `defaultScope` is `All` is a parent as well.
    pub use_default_gateways: Option<Arc<str>>,
    /// Empty means the listener's.
    #[serde(deserialize_with = "word::list")]
    pub hostnames: Vec<Arc<str>>,
    /// In order.
    pub rules: Vec<GrpcRule>,
}

/// `ParentReference`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ParentReference {
    /// `gateway.networking.k8s.io` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde(deserialize_with = "word::optional")]
    pub group: Option<Arc<str>>,
    /// `Gateway` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde(deserialize_with = "word::optional")]
    pub kind: Option<Arc<str>>,
    /// The route's own when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde(deserialize_with = "word::optional")]
    pub namespace: Option<Arc<str>>,
    /// Name of the parent.
    #[serde(deserialize_with = "word::one")]
    pub name: Arc<str>,
    /// One listener of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde(deserialize_with = "word::optional")]
    pub section_name: Option<Arc<str>>,
    /// Listeners on this port of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
}

/// `HTTPRouteRule`. `GRPCRouteRule` has the same shape but for its matches.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct HttpRule {
    /// Unique within the route.
    pub name: Option<Arc<str>>,
    /// Empty means every path.
    pub matches: Vec<HttpMatch>,
    /// In order.
    pub filters: Vec<Filter>,
    /// By weight.
    pub backend_refs: Vec<BackendRef>,
    /// Gateway API durations, such as `10s` or `1m30s`.
    pub timeouts: Option<Box<Timeouts>>,
    /// Asked-for retries.
    pub retry: Option<Box<Retry>>,
    /// Sticky sessions.
    pub session_persistence: Option<Box<SessionPersistence>>,
}

/// `GRPCRouteRule`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GrpcRule {
    /// Unique within the route.
    pub name: Option<Arc<str>>,
    /// Empty means every method.
    pub matches: Vec<GrpcMatch>,
    /// In order; of the HTTP filters, those that gRPC has.
    pub filters: Vec<Filter>,
    /// By weight.
    pub backend_refs: Vec<BackendRef>,
    /// Sticky sessions.
    pub session_persistence: Option<Box<SessionPersistence>>,
}

/// `HTTPRouteMatch`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct HttpMatch {
    /// `PathPrefix /` when absent.
    pub path: Option<TypedValue>,
    /// All must match.
    pub headers: Vec<NamedMatch>,
    /// All must match.
    pub query_params: Vec<NamedMatch>,
    /// Exactly this.
    pub method: Option<Arc<str>>,
}

/// `HTTPPathMatch`: type `Exact`, `PathPrefix` (the default) or `RegularExpression`; value `/` by
/// default.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct TypedValue {
    /// How to compare.
    #[serde(rename = "type", deserialize_with = "word::optional")]
    pub kind: Option<Arc<str>>,
    /// With what.
    pub value: Option<Arc<str>>,
}

/// `HTTPHeaderMatch`, `HTTPQueryParamMatch` and `GRPCHeaderMatch`: type `Exact` (the default) or
/// `RegularExpression`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct NamedMatch {
    /// How to compare.
    #[serde(default, rename = "type", deserialize_with = "word::optional")]
    pub kind: Option<Arc<str>>,
    /// Header or parameter.
    #[serde(deserialize_with = "word::one")]
    pub name: Arc<str>,
    /// With what.
    pub value: Arc<str>,
}

/// `GRPCRouteMatch`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct GrpcMatch {
    /// Service and method.
    pub method: Option<GrpcMethodMatch>,
    /// All must match.
    pub headers: Vec<NamedMatch>,
}

/// `GRPCMethodMatch`: type `Exact` (the default) or `RegularExpression`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct GrpcMethodMatch {
    /// How to compare.
    #[serde(rename = "type")]
    pub kind: Option<Arc<str>>,
    /// Full service name.
    pub service: Option<Arc<str>>,
    /// Method name.
    pub method: Option<Arc<str>>,
}

/// `HTTPBackendRef` and `GRPCBackendRef`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct BackendRef {
    /// Service by default; its port is required there.
    #[serde(flatten)]
    pub target: Reference,
    /// 1 when absent.
    #[serde(default)]
    pub weight: Option<u32>,
    /// For this backend only.
    #[serde(default)]
    pub filters: Vec<Filter>,
}

/// `HTTPRouteFilter` and `GRPCRouteFilter`: a type, and the field that belongs to it.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Filter {
    /// Which of the fields counts.
    #[serde(rename = "type", deserialize_with = "word::one")]
    pub kind: Arc<str>,
    /// Type `RequestHeaderModifier`.
    pub request_header_modifier: Option<Box<HeaderFilter>>,
    /// Type `ResponseHeaderModifier`.
    pub response_header_modifier: Option<Box<HeaderFilter>>,
    /// Type `RequestMirror`.
    pub request_mirror: Option<Box<MirrorFilter>>,
    /// Type `RequestRedirect`.
    pub request_redirect: Option<Box<RedirectFilter>>,
    /// Type `URLRewrite`.
    pub url_rewrite: Option<Box<UrlRewriteFilter>>,
    /// Type `CORS`.
    pub cors: Option<Box<CorsFilter>>,
    /// Type `ExternalAuth`; not supported, so only its presence is read.
    pub external_auth: Option<Box<serde_json::Value>>,
    /// Type `ExtensionRef`.
    pub extension_ref: Option<Box<Reference>>,
}

/// `HTTPHeader`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Header {
    /// Name, in any case.
    pub name: Arc<str>,
    /// Value.
    pub value: Arc<str>,
}

/// `HTTPHeaderFilter`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct HeaderFilter {
    /// Replace.
    pub set: Vec<Header>,
    /// Append.
    pub add: Vec<Header>,
    /// Remove.
    pub remove: Vec<Arc<str>>,
}

/// `HTTPPathModifier`: type `ReplaceFullPath` or `ReplacePrefixMatch`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PathModifier {
    /// Which of the fields counts.
    #[serde(rename = "type")]
    pub kind: Arc<str>,
    /// The new path.
    pub replace_full_path: Option<Arc<str>>,
    /// The new prefix.
    pub replace_prefix_match: Option<Arc<str>>,
}

/// `HTTPRequestRedirectFilter`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RedirectFilter {
    /// `http` or `https`.
    pub scheme: Option<Arc<str>>,
    /// Precise.
    pub hostname: Option<Arc<str>>,
    /// Change of the path.
    pub path: Option<PathModifier>,
    /// Port in Location.
    pub port: Option<u16>,
    /// 302 when absent.
    pub status_code: Option<u16>,
}

/// `HTTPURLRewriteFilter`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct UrlRewriteFilter {
    /// Precise.
    pub hostname: Option<Arc<str>>,
    /// Change of the path.
    pub path: Option<PathModifier>,
}

/// `HTTPRequestMirrorFilter`: all requests unless percent or fraction says otherwise.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MirrorFilter {
    /// Who gets the copy.
    pub backend_ref: Reference,
    /// 0 to 100.
    #[serde(default)]
    pub percent: Option<u32>,
    /// Numerator over denominator (100 when absent).
    #[serde(default)]
    pub fraction: Option<Fraction>,
}

/// `Fraction`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Fraction {
    /// How many.
    pub numerator: u32,
    /// Of how many.
    #[serde(default)]
    pub denominator: Option<u32>,
}

/// `HTTPCORSFilter`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CorsFilter {
    /// `scheme://host[:port]` with wildcards, or `*`.
    pub allow_origins: Vec<Arc<str>>,
    /// Cookies and authorization may be sent.
    pub allow_credentials: Option<bool>,
    /// Methods, or `*`.
    pub allow_methods: Vec<Arc<str>>,
    /// Request headers, or `*`.
    pub allow_headers: Vec<Arc<str>>,
    /// Response headers, or `*`.
    pub expose_headers: Vec<Arc<str>>,
    /// Seconds; 5 when absent.
    pub max_age: Option<u32>,
}

/// `HTTPRouteTimeouts`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Timeouts {
    /// The whole exchange.
    pub request: Option<Arc<str>>,
    /// Each try.
    pub backend_request: Option<Arc<str>>,
}

/// `HTTPRouteRetry`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Retry {
    /// Statuses to try again after.
    pub codes: Vec<u16>,
    /// 1 when absent; 0 switches off.
    pub attempts: Option<u32>,
    /// Least pause before a try.
    pub backoff: Option<Arc<str>>,
}

/// `SessionPersistence`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SessionPersistence {
    /// How long a session may last.
    pub absolute_timeout: Option<Arc<str>>,
    /// `Cookie` (the default) or `Header`.
    #[serde(rename = "type")]
    pub kind: Option<Arc<str>>,
    /// For type `Cookie`.
    pub cookie: Option<CookieConfig>,
    /// For type `Header`.
    pub header: Option<HeaderConfig>,
}

/// `CookieConfig`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CookieConfig {
    /// Chosen by us when absent.
    pub name: Option<Arc<str>>,
    /// `/` when absent.
    pub path: Option<Arc<str>>,
    /// `Session` (the default) or `Permanent`.
    pub lifetime_type: Option<Arc<str>>,
}

/// `HeaderConfig`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct HeaderConfig {
    /// Header name.
    pub name: Arc<str>,
}
