//! What a request looks like in HTTP/1 and in HTTP/2, and what a response must look like.

use std::net::SocketAddr;

use http::header::{CONTENT_LENGTH, HOST, TRANSFER_ENCODING};
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderValue, Request, Response, StatusCode, Uri, Version};

/// Puts a request into HTTP/1's form (RFC 9112 §3.2.1): target without authority, `Host`.
pub(super) fn to_http1<B>(request: &mut Request<B>) {
    *request.version_mut() = Version::HTTP_11;
    if request.uri().authority().is_none() {
        return;
    }
    let uri = std::mem::take(request.uri_mut()).into_parts();
    if let Some(host) = uri.authority.and_then(|host| HeaderValue::from_str(host.as_str()).ok()) {
        request.headers_mut().entry(HOST).or_insert(host);
    }
    *request.uri_mut() = Uri::from(uri.path_and_query.unwrap_or_else(root));
}

/// Puts a request into HTTP/2's form (RFC 9113 §8.3.1): `:scheme` and `:authority`, no `Host`.
/// Fields that HTTP/2 does not know are taken out by hyper. `fallback` names the backend where the
/// request names no host.
pub(super) fn to_http2<B>(request: &mut Request<B>, https: bool, fallback: SocketAddr) {
    *request.version_mut() = Version::HTTP_2;
    let host = request.headers_mut().remove(HOST);
    let mut uri = std::mem::take(request.uri_mut()).into_parts();
    let named = host.and_then(|host| Authority::try_from(host.as_bytes()).ok());
    let authority = uri.authority.take().or(named);
    let fallback = || Authority::try_from(fallback.to_string()).ok();
    uri.authority = authority.or_else(fallback);
    uri.scheme = Some(if https { Scheme::HTTPS } else { Scheme::HTTP });
    uri.path_and_query.get_or_insert_with(root);
    *request.uri_mut() = Uri::from_parts(uri).expect("scheme, authority and path are there");
}

fn root() -> PathAndQuery {
    PathAndQuery::from_static("/")
}

/// Whether an HTTP/1 response could be read in two ways (RFC 9112 §6.3), or was not asked for. What
/// hyper lets pass is refused here: another reader might see a message end elsewhere.
pub(super) fn check_http1<B>(response: &Response<B>, upgrading: bool) -> Result<(), &'static str> {
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        return if upgrading { Ok(()) } else { Err("101 that nobody asked for") };
    }
    let headers = response.headers();
    let lengths = headers.get_all(CONTENT_LENGTH).iter().count();
    if lengths > 1 {
        return Err("more than one Content-Length");
    }
    let mut encodings = headers.get_all(TRANSFER_ENCODING).iter();
    match (encodings.next(), encodings.next()) {
        (None, _) => Ok(()),
        (Some(_), Some(_)) => Err("more than one Transfer-Encoding"),
        (Some(_), None) if lengths > 0 => Err("Transfer-Encoding and Content-Length"),
        (Some(one), None) if one.as_bytes().eq_ignore_ascii_case(b"chunked") => Ok(()),
        (Some(_), None) => Err("unknown Transfer-Encoding"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(uri: &str, host: Option<&str>) -> Request<()> {
        let mut request = Request::builder().uri(uri);
        if let Some(host) = host {
            request = request.header(HOST, host);
        }
        request.body(()).unwrap()
    }

    fn fallback() -> SocketAddr {
        SocketAddr::from(([10, 0, 0, 1], 80))
    }

    #[test]
    fn a_request_survives_both_forms() {
        for target in ["/a/b?c=d", "/", "*"] {
            let mut it = request(target, Some("shop.example:8080"));
            to_http2(&mut it, true, fallback());
            assert_eq!(it.uri().authority().unwrap(), "shop.example:8080");
            assert_eq!(it.uri().scheme_str(), Some("https"));
            assert!(!it.headers().contains_key(HOST));
            to_http2(&mut it, false, fallback());
            assert_eq!(it.uri().scheme_str(), Some("http"));
            to_http1(&mut it);
            assert_eq!(it.uri().to_string(), target);
            assert_eq!(it.headers()[HOST], "shop.example:8080");
            to_http1(&mut it);
            assert_eq!(it.uri().to_string(), target);
            assert_eq!(it.version(), Version::HTTP_11);
        }
    }

    #[test]
    fn a_request_without_a_host_gets_the_endpoints_address() {
        for host in [None, Some("no host")] {
            let mut it = request("/", host);
            to_http2(&mut it, false, fallback());
            assert_eq!(it.uri().to_string(), "http://10.0.0.1:80/");
        }
    }

    #[test]
    fn responses_that_can_be_read_in_two_ways_are_refused() {
        type Fields = &'static [(&'static str, &'static str)];
        let cases: &[(u16, Fields, bool, bool)] = &[
            (200, &[], false, true),
            (200, &[("content-length", "5")], false, true),
            (200, &[("transfer-encoding", "Chunked")], false, true),
            (200, &[("content-length", "5"), ("content-length", "5")], false, false),
            (200, &[("content-length", "5"), ("transfer-encoding", "chunked")], false, false),
            (200, &[("transfer-encoding", "gzip, chunked")], false, false),
            (200, &[("transfer-encoding", "identity")], false, false),
            (200, &[("transfer-encoding", "gzip"), ("transfer-encoding", "chunked")], false, false),
            (101, &[], true, true),
            (101, &[], false, false),
        ];
        for (status, headers, upgrading, good) in cases {
            let mut response = Response::builder().status(*status);
            for (name, value) in *headers {
                response = response.header(*name, *value);
            }
            let checked = check_http1(&response.body(()).unwrap(), *upgrading);
            assert_eq!(checked.is_ok(), *good, "{status} {headers:?}: {checked:?}");
        }
    }
}
