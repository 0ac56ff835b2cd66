//! Redirects (Gateway API `HTTPRequestRedirectFilter`).
//!
//! The `Location` is always absolute, so that no path can be taken for a host, and is made of the
//! canonical host and path only, so that nothing a client sends can end the header.

use std::fmt::Write;
use std::sync::Arc;

use http::{HeaderValue, StatusCode};

use super::path::PathModifier;
use crate::normalise;

/// What a redirect needs of the request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct From<'r> {
    /// Whether it came over TLS.
    pub(crate) https: bool,
    /// Canonical ([`normalise::authority`]).
    pub(crate) host: &'r str,
    /// The listener's port, whatever port the client named.
    pub(crate) port: u16,
    /// Canonical ([`normalise::path`]).
    pub(crate) path: &'r str,
    /// As sent, without `?`.
    pub(crate) query: Option<&'r str>,
    /// [`crate::table::Hit::prefix`].
    pub(crate) prefix: usize,
}

/// A redirect, ready to answer with.
pub(crate) struct Redirect {
    https: Option<bool>,
    host: Option<Box<str>>,
    path: Option<PathModifier>,
    port: Option<u16>,
    /// The status of the answer.
    pub(crate) status: StatusCode,
}

impl Redirect {
    /// # Errors
    /// A text for people, when a part of it is not what it should be.
    pub(super) fn new(from: &snapshot::Redirect, prefixed: bool) -> Result<Self, Arc<str>> {
        let https = match from.scheme.as_deref() {
            None => None,
            Some("http") => Some(false),
            Some("https") => Some(true),
            Some(other) => return Err(format!("redirects have no scheme {other:?}").into()),
        };
        let host = match from.hostname.as_deref().map(|text| (text, normalise::authority(text))) {
            None => None,
            Some((_, Ok(authority))) if authority.port.is_none() => Some(authority.host.into()),
            Some((text, _)) => return Err(format!("{text:?} is no hostname").into()),
        };
        if !from.status.is_redirection() {
            return Err(format!("{} is no redirect", from.status.as_u16()).into());
        }
        let path = from.path.as_ref().map(|path| PathModifier::new(path, prefixed)).transpose()?;
        Ok(Self { https, host, path, port: from.port, status: from.status })
    }

    /// The `Location` of the answer. The query stays, whatever becomes of the path.
    pub(crate) fn location(&self, from: From<'_>) -> HeaderValue {
        let https = self.https.unwrap_or(from.https);
        let own_port = if https { 443 } else { 80 };
        let port = match (self.port, self.https) {
            (Some(port), _) => port,
            (None, Some(_)) => own_port,
            (None, None) => from.port,
        };
        let query = from.query.map_or(0, str::len);
        let mut to = String::with_capacity(32 + from.host.len() + from.path.len() + query);
        to.push_str(if https { "https://" } else { "http://" });
        to.push_str(self.host.as_deref().unwrap_or(from.host));
        if port != own_port {
            write!(to, ":{port}").expect("a String takes what is written to it");
        }
        match &self.path {
            Some(path) => path.push(from.path, from.prefix, &mut to),
            None => to.push_str(from.path),
        }
        if let Some(query) = from.query {
            to.push('?');
            to.push_str(query);
        }
        // A query that no header can hold is not of a request that a strict parser let in.
        HeaderValue::try_from(to).unwrap_or(HeaderValue::from_static("/"))
    }
}

#[cfg(test)]
mod tests {
    use http::StatusCode;
    use snapshot::PathModifier;

    use super::{From, Redirect};

    fn plain() -> snapshot::Redirect {
        snapshot::Redirect {
            scheme: None,
            hostname: None,
            path: None,
            port: None,
            status: StatusCode::FOUND,
        }
    }

    fn from(https: bool, port: u16, path: &str) -> From<'_> {
        From { https, host: "example.org", port, path, query: None, prefix: 0 }
    }

    fn location(redirect: &snapshot::Redirect, from: From<'_>) -> String {
        let made = Redirect::new(redirect, true).unwrap();
        made.location(from).to_str().unwrap().to_owned()
    }

    #[test]
    fn ports_follow_the_scheme_and_the_listener() {
        let cases = [
            // listener (https, port), scheme and port of the filter, Location
            ((false, 80), None, None, "http://example.org/p"),
            ((false, 80), None, Some(80), "http://example.org/p"),
            ((false, 80), None, Some(8080), "http://example.org:8080/p"),
            ((false, 80), Some("https"), None, "https://example.org/p"),
            ((false, 80), Some("https"), Some(443), "https://example.org/p"),
            ((false, 80), Some("https"), Some(8443), "https://example.org:8443/p"),
            ((false, 8080), None, None, "http://example.org:8080/p"),
            ((false, 8080), None, Some(80), "http://example.org/p"),
            ((false, 8080), Some("https"), None, "https://example.org/p"),
            ((true, 443), None, None, "https://example.org/p"),
            ((true, 443), None, Some(443), "https://example.org/p"),
            ((true, 443), None, Some(8443), "https://example.org:8443/p"),
            ((true, 443), Some("http"), None, "http://example.org/p"),
            ((true, 443), Some("http"), Some(80), "http://example.org/p"),
            ((true, 443), Some("http"), Some(8080), "http://example.org:8080/p"),
            ((true, 443), Some("http"), Some(443), "http://example.org:443/p"),
        ];
        for ((https, listener), scheme, port, expect) in cases {
            let redirect = snapshot::Redirect { scheme: scheme.map(Into::into), port, ..plain() };
            assert_eq!(location(&redirect, from(https, listener, "/p")), expect);
        }
    }

    #[test]
    fn host_and_path_change_and_the_query_stays() {
        let redirect = snapshot::Redirect {
            hostname: Some("Other.example".into()),
            path: Some(PathModifier::ReplacePrefix("/new".into())),
            ..plain()
        };
        let request = From { query: Some("a=b&c"), prefix: 4, ..from(false, 80, "/old/x") };
        assert_eq!(location(&redirect, request), "http://other.example/new/x?a=b&c");
        let redirect =
            snapshot::Redirect { path: Some(PathModifier::ReplaceFull("/full".into())), ..plain() };
        assert_eq!(location(&redirect, request), "http://example.org/full?a=b&c");
    }

    #[test]
    fn what_is_no_redirect_is_refused() {
        let bad = [
            snapshot::Redirect { scheme: Some("javascript".into()), ..plain() },
            snapshot::Redirect { hostname: Some("evil@h".into()), ..plain() },
            snapshot::Redirect { hostname: Some("h:80".into()), ..plain() },
            snapshot::Redirect { hostname: Some("h/x".into()), ..plain() },
            snapshot::Redirect { path: Some(PathModifier::ReplaceFull("x".into())), ..plain() },
            snapshot::Redirect { status: StatusCode::OK, ..plain() },
        ];
        for redirect in bad {
            assert!(Redirect::new(&redirect, true).is_err(), "{redirect:?}");
        }
    }
}
