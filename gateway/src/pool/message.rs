//! What a request looks like in HTTP/1 and in HTTP/2.

use std::net::SocketAddr;

use http::header::HOST;
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderValue, Request, Uri, Version};

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
}
