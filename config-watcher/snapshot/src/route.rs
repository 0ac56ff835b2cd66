//! A route: one rule, with what it matches and what it does.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderName, Method};
use serde::{Serialize, Serializer};

use crate::{BackendKey, Filter, Hostname, ListenerKey, Pattern};

/// One rule of an HTTPRoute or GRPCRoute; the kind stands in its [`crate::RouteKey`]. A GRPCRoute's
/// method matches are path matches here.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Route {
    /// `rules[].name`.
    pub name: Option<Arc<str>>,
    /// When the object was created, in seconds since 1970; of equal matches the oldest wins, then
    /// the first by namespace and name, then the first rule.
    pub created: i64,
    /// The listeners it is attached to. Never empty.
    pub attachments: Arc<[Attachment]>,
    /// A request must match one of these. Never empty: no match in the object is `/` as a prefix.
    pub matches: Vec<Match>,
    /// In the order they were written.
    pub filters: Vec<Filter>,
    /// Where requests go, by weight. Empty when a filter answers, or when nothing can (500).
    pub backends: Vec<BackendRef>,
    /// `rules[].timeouts`.
    pub timeouts: Timeouts,
    /// `rules[].retry`.
    pub retry: Option<Arc<Retry>>,
    /// `rules[].sessionPersistence`.
    pub session: Option<Arc<Session>>,
}

/// A listener that a route is attached to, with the route's hostnames there.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Attachment {
    /// The listener.
    pub listener: ListenerKey,
    /// The route's own hostnames as written (not cut down to the listener's), those that share a
    /// name with the listener's; `[Any]` when it has none. Never empty. The most specific one that
    /// matches a request decides before path and age (GatewayRouteHostnameIntersectionPrecedence).
    pub hostnames: Vec<Hostname>,
}

/// All parts must match.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Match {
    /// On the normalised path, without the query.
    pub path: PathMatch,
    /// Exactly this method.
    #[serde(serialize_with = "optional_text")]
    pub method: Option<Method>,
    /// Every one of them, on a header's values joined with `,`. Names are unique.
    pub headers: Vec<HeaderMatch>,
    /// Every one of them, on the first parameter of the name. Names are unique.
    pub query: Vec<QueryMatch>,
}

/// Gateway API `HTTPPathMatch`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum PathMatch {
    /// The path is this, to the byte.
    Exact(Arc<str>),
    /// The path begins with these whole segments. No trailing slash, except that `/` is every path.
    Prefix(Arc<str>),
    /// The whole path matches.
    Regex(Pattern),
}

/// A value to compare with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum Text {
    /// To the byte.
    Exact(Arc<str>),
    /// The whole value matches.
    Regex(Pattern),
}

/// Gateway API `HTTPHeaderMatch`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HeaderMatch {
    /// Compared without case.
    #[serde(serialize_with = "text")]
    pub name: HeaderName,
    /// What its value must be.
    pub value: Text,
}

/// Gateway API `HTTPQueryParamMatch`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct QueryMatch {
    /// Compared with case, after percent-decoding.
    pub name: Arc<str>,
    /// What its decoded value must be.
    pub value: Text,
}

/// A share of a rule's requests.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BackendRef {
    /// Who takes the share.
    pub target: Target,
    /// The share is this over the sum of all weights; 0 takes none.
    pub weight: u32,
    /// Filters for this backend only, after the rule's.
    pub filters: Vec<Filter>,
}

/// Who takes a share of the requests.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum Target {
    /// A backend in this snapshot.
    Backend(BackendKey),
    /// A reference that does not resolve: its share is answered with 500 (Gateway API
    /// `HTTPBackendRef`). The text says what is wrong, for people.
    Invalid(Arc<str>),
}

/// `HTTPRouteTimeouts`; `None` leaves the gateway's default, zero switches a timeout off.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Timeouts {
    /// From the request's head to the end of the response, tries included.
    pub request: Option<Duration>,
    /// The same for each single try to a backend.
    pub backend_request: Option<Duration>,
}

/// `HTTPRouteRetry`: what a route asks for on top of the law that always holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Retry {
    /// Responses to try again after (400 to 599). Connection failures are always tried again.
    pub codes: Vec<u16>,
    /// Most tries after the first; 0 switches retries off.
    pub attempts: u32,
    /// Least pause before each try.
    pub backoff: Option<Duration>,
}

/// `SessionPersistence`: requests that carry the token go to the endpoint it names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Session {
    /// Cookie or header, by name.
    pub carrier: SessionCarrier,
    /// The session ends this long after it began, however busy.
    pub absolute_timeout: Option<Duration>,
}

/// Where the token travels.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum SessionCarrier {
    /// `Set-Cookie`; permanent cookies live for the absolute timeout, the others for the browser's
    /// session.
    Cookie {
        /// Cookie name.
        name: Arc<str>,
        /// `Path` attribute.
        path: Arc<str>,
        /// `Max-Age` is set.
        permanent: bool,
    },
    /// A response header that the client repeats as a request header.
    Header {
        /// Header name.
        #[serde(serialize_with = "text")]
        name: HeaderName,
    },
}

pub(crate) fn text<T: ToString, S: Serializer>(value: &T, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&value.to_string())
}

fn optional_text<T: ToString, S: Serializer>(value: &Option<T>, to: S) -> Result<S::Ok, S::Error> {
    value.as_ref().map(ToString::to_string).serialize(to)
}
