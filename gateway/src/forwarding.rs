//! What changes in a head on its way through: fields of one connection end here, and what is said
//! about the client is said by us.
//!
//! Promises: after [`strip_request`] no field speaks of the connection it came on, and, unless the
//! peer is a trusted proxy, none claims to know who the client is. Stripping comes before matching
//! and before anything is set, so a client can hide nothing from the rules and can strip nothing
//! that we or a filter add. `Via` passes as it is and gets no entry of ours, as with nginx, HAProxy
//! and Envoy. Expectations are answered here and never forwarded.

pub(crate) mod origin;
pub(crate) mod trailers;

#[cfg(test)]
mod tests;

use http::header::{CONNECTION, COOKIE, HOST, HeaderMap, HeaderName, HeaderValue, TE};
use smallvec::SmallVec;

/// `x-request-id`: one per request, in the access log and at the backend.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Longest request id that is taken over from a trusted proxy; the usual ones have 16 to 64 bytes.
const MAX_REQUEST_ID: usize = 128;

/// Names to remove; a request seldom has more than a few.
type Doomed = SmallVec<[HeaderName; 6]>;

/// Removes what must not reach a backend: fields of the connection, names with `_` (which some
/// backends read as `-`), and, from peers that are not trusted, claims about the client. Of `TE`
/// only `trailers` is left. Several `Cookie` fields (HTTP/2 crumbs) become one.
pub(crate) fn strip_request(headers: &mut HeaderMap, trusted: bool) {
    let takes_trailers = has_token(headers, &TE, "trailers");
    let mut doomed = listed(headers);
    doomed.extend(
        headers
            .keys()
            .filter(|name| {
                let name = name.as_str();
                is_of_connection(name)
                    || is_for_proxies(name)
                    || memchr::memchr(b'_', name.as_bytes()).is_some()
                    || (!trusted && is_claim_about_client(name))
            })
            .cloned(),
    );
    remove(headers, &doomed);
    if takes_trailers {
        headers.insert(TE, HeaderValue::from_static("trailers"));
    }
    join_cookies(headers);
}

/// Removes what spoke of the backend's connection.
pub(crate) fn strip_response(headers: &mut HeaderMap) {
    let mut doomed = listed(headers);
    doomed.extend(
        headers
            .keys()
            .filter(|name| {
                let name = name.as_str();
                is_of_connection(name) || name == "proxy-authenticate"
            })
            .cloned(),
    );
    remove(headers, &doomed);
}

/// The request's id: the trusted proxy's, or a new one. It is left in `headers`.
pub(crate) fn request_id(headers: &mut HeaderMap, trusted: bool, random: u128) -> HeaderValue {
    let told = headers.get(REQUEST_ID).filter(|id| {
        trusted && id.len() <= MAX_REQUEST_ID && id.as_bytes().iter().all(u8::is_ascii_graphic)
    });
    let mut id = told.cloned().unwrap_or_else(|| new_request_id(random));
    // No two requests have the same: in HPACK's table (RFC 7541 §2.3.2) it would push out what
    // repeats, and be compared with those before it.
    id.set_sensitive(true);
    headers.insert(REQUEST_ID, id.clone());
    id
}

fn new_request_id(random: u128) -> HeaderValue {
    let mut text = [0; 32];
    for (at, digit) in text.iter_mut().enumerate() {
        let nibble = (random >> (4 * at)) & 0xf;
        *digit = b"0123456789abcdef"[nibble as usize];
    }
    HeaderValue::from_bytes(&text).expect("hexadecimal digits are visible ASCII")
}

/// Whether `token` stands in one of the comma-separated lists of a field.
pub(crate) fn has_token(headers: &HeaderMap, name: &HeaderName, token: &str) -> bool {
    headers.get_all(name).iter().any(|value| {
        value.as_bytes().split(|b| *b == b',').any(|part| {
            // A weight (`trailers;q=0.5`) does not change what is asked for.
            let part = part.split(|b| *b == b';').next().unwrap_or_default();
            part.trim_ascii().eq_ignore_ascii_case(token.as_bytes())
        })
    })
}

/// The names that `Connection` lists (RFC 9110 §7.6.1). `Host` is not the client's to take away.
fn listed(headers: &HeaderMap) -> Doomed {
    let lists = headers.get_all(CONNECTION);
    lists
        .iter()
        .flat_map(|value| value.as_bytes().split(|b| *b == b','))
        .filter_map(|name| HeaderName::from_bytes(name.trim_ascii()).ok())
        .filter(|name| *name != HOST)
        .collect()
}

fn remove(headers: &mut HeaderMap, doomed: &[HeaderName]) {
    for name in doomed {
        headers.remove(name);
    }
}

fn is_of_connection(name: &str) -> bool {
    matches!(
        name,
        "connection"
            | "keep-alive"
            | "proxy-connection"
            | "te"
            | "transfer-encoding"
            | "upgrade"
            | "http2-settings"
    )
}

fn is_for_proxies(name: &str) -> bool {
    matches!(name, "expect" | "proxy-authorization")
}

/// What other proxies use to say who the client is or what it asked for. All of `x-forwarded-*`
/// is an allow-list of four, set again by [`origin::Origin`].
fn is_claim_about_client(name: &str) -> bool {
    matches!(
        name,
        "forwarded"
            | "x-real-ip"
            | "x-client-ip"
            | "x-cluster-client-ip"
            | "true-client-ip"
            | "x-original-forwarded-for"
            | "x-original-host"
            | "x-original-uri"
            | "x-original-url"
            | "x-rewrite-url"
            | "x-request-id"
    ) || ["x-forwarded", "x-envoy-", "x-ssl-client-"].iter().any(|p| name.starts_with(p))
}

/// RFC 9113 §8.2.3: crumbs are joined with `; ` for whoever does not speak HTTP/2. Backends that
/// do are as content with one field.
fn join_cookies(headers: &mut HeaderMap) {
    if headers.get_all(COOKIE).iter().nth(1).is_none() {
        return;
    }
    let crumbs: Vec<_> = headers.get_all(COOKIE).iter().map(HeaderValue::as_bytes).collect();
    let joined = crumbs.join(&b"; "[..]);
    let joined = HeaderValue::from_bytes(&joined).expect("valid values, joined with visible ASCII");
    headers.insert(COOKIE, joined);
}
