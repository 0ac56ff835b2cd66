//! Filters: what a rule does to requests and responses on their way.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderName, HeaderValue, Method, StatusCode};
use serde::{Serialize, Serializer};

use crate::{Hostname, Target};

/// One filter of a rule or of a backend reference (Gateway API `HTTPRouteFilter`).
#[derive(Clone, Debug, PartialEq, Serialize)]
pub enum Filter {
    /// Changes the request's headers.
    RequestHeaders(HeaderModifier),
    /// Changes the response's headers.
    ResponseHeaders(HeaderModifier),
    /// Answers with a redirect.
    Redirect(Redirect),
    /// Changes Host and path before the request is forwarded.
    UrlRewrite(UrlRewrite),
    /// Sends a copy elsewhere and forgets its answer.
    Mirror(Mirror),
    /// Answers preflights and marks responses.
    Cors(Cors),
    /// A filter that we cannot do: every request of the rule is answered with 500. The text says
    /// which and why, for people.
    Unsupported(Arc<str>),
}

/// `HTTPHeaderFilter`: set, then add, then remove. Each name stands in one list once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HeaderModifier {
    /// Replaces all values of the name.
    pub set: Vec<(HeaderName, HeaderValue)>,
    /// Adds a value to those there are.
    pub add: Vec<(HeaderName, HeaderValue)>,
    /// Removes all values of the name.
    pub remove: Vec<HeaderName>,
}

/// `HTTPRequestRedirectFilter`. What is `None` stays as the client sent it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Redirect {
    /// `http` or `https`.
    pub scheme: Option<Arc<str>>,
    /// Host of the Location.
    pub hostname: Option<Arc<str>>,
    /// Path of the Location.
    pub path: Option<PathModifier>,
    /// Port of the Location. With `None`: the scheme's own port where a scheme is given, else the
    /// listener's; the well-known port of the scheme is left out.
    pub port: Option<u16>,
    /// 301, 302, 303, 307 or 308.
    #[serde(serialize_with = "status")]
    pub status: StatusCode,
}

/// `HTTPURLRewriteFilter`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct UrlRewrite {
    /// Host sent to the backend.
    pub hostname: Option<Arc<str>>,
    /// Path sent to the backend.
    pub path: Option<PathModifier>,
}

/// `HTTPPathModifier`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum PathModifier {
    /// The whole path becomes this.
    ReplaceFull(Arc<str>),
    /// The prefix that the rule's match names becomes this; only with `PathMatch::Prefix`. Empty,
    /// or without a trailing slash; what the path becomes begins with `/` all the same.
    ReplacePrefix(Arc<str>),
}

/// `HTTPRequestMirrorFilter`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Mirror {
    /// Who gets the copy; an invalid target mirrors nothing.
    pub target: Target,
    /// Which share of requests is copied.
    pub fraction: Fraction,
}

/// `numerator` of every `denominator` requests; numerator ≤ denominator, denominator ≥ 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Fraction {
    /// How many.
    pub numerator: u32,
    /// Of how many.
    pub denominator: u32,
}

/// `HTTPCORSFilter`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Cors {
    /// Who may read responses.
    pub origins: Vec<Origin>,
    /// `Access-Control-Allow-Credentials: true`.
    pub credentials: bool,
    /// Allowed methods; `None` is `*`.
    #[serde(serialize_with = "methods")]
    pub methods: Option<Vec<Method>>,
    /// Allowed request headers; `None` is `*`.
    #[serde(serialize_with = "names")]
    pub headers: Option<Vec<HeaderName>>,
    /// Response headers that scripts may read; `None` is `*`.
    #[serde(serialize_with = "names")]
    pub expose: Option<Vec<HeaderName>>,
    /// How long a preflight's answer may be kept.
    pub max_age: Duration,
}

/// A pattern for the `Origin` header (Gateway API `CORSOrigin`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum Origin {
    /// `*`.
    Any,
    /// `scheme://host[:port]`, the host exact, with a leading wildcard, or `*`.
    Pattern {
        /// Lower case, without `://`.
        scheme: Arc<str>,
        /// The host part.
        host: Hostname,
        /// `None` is the scheme's own port.
        port: Option<u16>,
    },
}

impl Serialize for HeaderModifier {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct;
        let lossy = |list: &[(HeaderName, HeaderValue)]| -> Vec<(String, String)> {
            list.iter()
                .map(|(name, value)| {
                    (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned())
                })
                .collect()
        };
        let mut out = to.serialize_struct("HeaderModifier", 3)?;
        out.serialize_field("set", &lossy(&self.set))?;
        out.serialize_field("add", &lossy(&self.add))?;
        out.serialize_field(
            "remove",
            &self.remove.iter().map(HeaderName::as_str).collect::<Vec<_>>(),
        )?;
        out.end()
    }
}

fn status<S: Serializer>(value: &StatusCode, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_u16(value.as_u16())
}

fn methods<S: Serializer>(value: &Option<Vec<Method>>, to: S) -> Result<S::Ok, S::Error> {
    value
        .as_ref()
        .map(|list| list.iter().map(ToString::to_string).collect::<Vec<_>>())
        .serialize(to)
}

fn names<S: Serializer>(value: &Option<Vec<HeaderName>>, to: S) -> Result<S::Ok, S::Error> {
    value
        .as_ref()
        .map(|list| list.iter().map(ToString::to_string).collect::<Vec<_>>())
        .serialize(to)
}
