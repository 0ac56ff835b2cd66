//! Cross-origin resource sharing (Gateway API `HTTPCORSFilter`, fetch.spec.whatwg.org).
//!
//! The policy here is the only one: what a backend says of it is taken out of its responses.

use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, StatusCode};
use snapshot::Origin;

use crate::normalise;

/// A CORS policy.
pub(crate) struct Cors {
    origins: Box<[Origin]>,
    credentials: bool,
    methods: List,
    headers: List,
    expose: List,
    max_age: HeaderValue,
}

/// The answer to a preflight; it has no body.
pub(crate) struct Preflight {
    /// 204, or 403 for an origin that is not allowed.
    pub(crate) status: StatusCode,
    /// What the browser is told.
    pub(crate) headers: HeaderMap,
}

/// What a policy allows of something.
enum List {
    /// `*`.
    Any,
    /// These, as they stand in a header.
    These(HeaderValue),
    /// Nothing said.
    None,
}

static ANY: HeaderValue = HeaderValue::from_static("*");

impl Cors {
    pub(super) fn new(from: &snapshot::Cors) -> Self {
        Self {
            origins: from.origins.iter().cloned().collect(),
            credentials: from.credentials,
            methods: List::new(from.methods.as_deref(), Method::as_str),
            headers: List::new(from.headers.as_deref(), HeaderName::as_str),
            expose: List::new(from.expose.as_deref(), HeaderName::as_str),
            max_age: HeaderValue::from(from.max_age.as_secs()),
        }
    }

    /// The answer if the request is a preflight (`OPTIONS` with `Origin` and
    /// `Access-Control-Request-Method`), which is never forwarded.
    pub(crate) fn preflight(&self, method: &Method, request: &HeaderMap) -> Option<Preflight> {
        let origin = request.get(header::ORIGIN)?;
        let asked_method = request.get(header::ACCESS_CONTROL_REQUEST_METHOD)?;
        if *method != Method::OPTIONS {
            return None;
        }
        let mut headers = HeaderMap::new();
        if !self.allow(origin, &mut headers) {
            return Some(Preflight { status: StatusCode::FORBIDDEN, headers });
        }
        let asked_headers = request.get(header::ACCESS_CONTROL_REQUEST_HEADERS);
        let answers = [
            (header::ACCESS_CONTROL_ALLOW_METHODS, self.answer(&self.methods, Some(asked_method))),
            (header::ACCESS_CONTROL_ALLOW_HEADERS, self.answer(&self.headers, asked_headers)),
            (header::ACCESS_CONTROL_MAX_AGE, Some(&self.max_age)),
        ];
        for (name, value) in answers {
            if let Some(value) = value {
                headers.insert(name, value.clone());
            }
        }
        Some(Preflight { status: StatusCode::NO_CONTENT, headers })
    }

    /// Marks the response to a request that had this `Origin`, if it had one.
    pub(crate) fn mark(&self, origin: Option<&HeaderValue>, response: &mut HeaderMap) {
        for name in [
            header::ACCESS_CONTROL_ALLOW_ORIGIN,
            header::ACCESS_CONTROL_ALLOW_CREDENTIALS,
            header::ACCESS_CONTROL_EXPOSE_HEADERS,
        ] {
            response.remove(name);
        }
        match origin {
            Some(origin) => {
                self.allow(origin, response);
            }
            // A cache must not hand this response to a request that has an origin.
            None if !self.same_for_all() => vary(response),
            None => {}
        }
    }

    /// What both kinds of answer say of an origin; whether it is allowed.
    fn allow(&self, origin: &HeaderValue, to: &mut HeaderMap) -> bool {
        if !self.same_for_all() {
            vary(to);
        }
        if !self.origins.iter().any(|allowed| is_allowed(allowed, origin)) {
            return false;
        }
        let named = if self.same_for_all() { ANY.clone() } else { origin.clone() };
        to.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, named);
        if self.credentials {
            let yes = HeaderValue::from_static("true");
            to.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, yes);
        }
        if let Some(expose) = self.answer(&self.expose, None) {
            to.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, expose.clone());
        }
        true
    }

    /// With credentials `*` is no wildcard to a browser, so that what was asked for is repeated.
    fn answer<'a>(
        &self,
        list: &'a List,
        asked: Option<&'a HeaderValue>,
    ) -> Option<&'a HeaderValue> {
        match list {
            List::Any if self.credentials => asked,
            List::Any => Some(&ANY),
            List::These(these) => Some(these),
            List::None => None,
        }
    }

    /// Whether every origin gets the same answer, which caches may then share.
    fn same_for_all(&self) -> bool {
        !self.credentials && self.origins.contains(&Origin::Any)
    }
}

impl List {
    fn new<T>(from: Option<&[T]>, text: impl Fn(&T) -> &str) -> Self {
        match from {
            None => Self::Any,
            Some([]) => Self::None,
            Some(list) => {
                let names: Vec<_> = list.iter().map(text).collect();
                let value = HeaderValue::try_from(names.join(", "));
                Self::These(value.expect("methods and header names are tokens"))
            }
        }
    }
}

fn vary(to: &mut HeaderMap) {
    to.append(header::VARY, HeaderValue::from_static("origin"));
}

fn is_allowed(allowed: &Origin, origin: &HeaderValue) -> bool {
    let Origin::Pattern { scheme, host, port } = allowed else { return true };
    let Some((its_scheme, its_host)) = origin.to_str().ok().and_then(|text| text.split_once("://"))
    else {
        return false;
    };
    let Ok(authority) = normalise::authority(its_host) else { return false };
    // To a browser, a name with a trailing dot is another origin.
    let rest = &its_host[authority.host.len()..];
    let own_port = match &**scheme {
        "https" => 443,
        _ => 80,
    };
    its_scheme.eq_ignore_ascii_case(scheme)
        && host.matches(&authority.host)
        && !rest.starts_with('.')
        && authority.port.unwrap_or(own_port) == port.unwrap_or(own_port)
}

#[cfg(test)]
mod tests;
