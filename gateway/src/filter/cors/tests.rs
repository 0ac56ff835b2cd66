//! CORS as the Gateway API and its conformance suite have it.

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use snapshot::{Hostname, Origin};

use super::Cors;

fn origin(text: &str) -> Origin {
    if text == "*" {
        return Origin::Any;
    }
    let (scheme, rest) = text.split_once("://").unwrap();
    let (host, port) = match rest.split_once(':') {
        Some((host, port)) => (host, Some(port.parse().unwrap())),
        None => (rest, None),
    };
    let host = if host == "*" { Hostname::Any } else { host.parse().unwrap() };
    Origin::Pattern { scheme: scheme.into(), host, port }
}

fn policy(origins: &[&str]) -> snapshot::Cors {
    snapshot::Cors {
        origins: origins.iter().map(|text| origin(text)).collect(),
        credentials: false,
        methods: Some(Vec::new()),
        headers: Some(Vec::new()),
        expose: Some(Vec::new()),
        max_age: Duration::from_secs(5),
    }
}

fn headers(list: &[(&'static str, &'static str)]) -> HeaderMap {
    list.iter()
        .map(|&(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
        .collect()
}

fn text(headers: &HeaderMap) -> String {
    let mut lines: Vec<_> = headers
        .iter()
        .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
        .collect();
    lines.sort();
    lines.join("\n")
}

fn preflight(policy: &snapshot::Cors, from: &'static str) -> (StatusCode, String) {
    let request = headers(&[
        ("origin", from),
        ("access-control-request-method", "PUT"),
        ("access-control-request-headers", "x-header-1, x-header-2"),
    ]);
    let answer = Cors::new(policy).preflight(&Method::OPTIONS, &request).unwrap();
    (answer.status, text(&answer.headers))
}

#[test]
fn a_preflight_is_told_what_the_policy_lists() {
    let policy = snapshot::Cors {
        credentials: true,
        methods: Some(vec![Method::GET, Method::OPTIONS]),
        headers: Some(vec![HeaderName::from_static("x-header-1")]),
        expose: Some(vec![HeaderName::from_static("x-3"), HeaderName::from_static("x-4")]),
        max_age: Duration::from_secs(3_600),
        ..policy(&["https://www.foo.com", "https://*.bar.com"])
    };
    let expect = "access-control-allow-credentials: true
access-control-allow-headers: x-header-1
access-control-allow-methods: GET, OPTIONS
access-control-allow-origin: https://xpto.www.bar.com
access-control-expose-headers: x-3, x-4
access-control-max-age: 3600
vary: origin";
    let (status, told) = preflight(&policy, "https://xpto.www.bar.com");
    assert_eq!((status, told.as_str()), (StatusCode::NO_CONTENT, expect));
}

#[test]
fn an_origin_that_is_not_allowed_is_told_nothing() {
    let (status, told) = preflight(&policy(&["https://www.foo.com"]), "https://foobar.com");
    assert_eq!((status, told.as_str()), (StatusCode::FORBIDDEN, "vary: origin"));
}

#[test]
fn wildcards_stay_wildcards_without_credentials_and_echo_with_them() {
    let any = |credentials| snapshot::Cors {
        credentials,
        methods: None,
        headers: None,
        expose: None,
        ..policy(&["*"])
    };
    let expect = "access-control-allow-headers: *
access-control-allow-methods: *
access-control-allow-origin: *
access-control-expose-headers: *
access-control-max-age: 5";
    assert_eq!(preflight(&any(false), "https://other.foo.com").1, expect);
    let expect = "access-control-allow-credentials: true
access-control-allow-headers: x-header-1, x-header-2
access-control-allow-methods: PUT
access-control-allow-origin: https://other.foo.com
access-control-max-age: 5
vary: origin";
    assert_eq!(preflight(&any(true), "https://other.foo.com").1, expect);
}

#[test]
fn only_options_with_an_origin_and_a_method_is_a_preflight() {
    let cors = Cors::new(&policy(&["*"]));
    let full = headers(&[("origin", "https://a"), ("access-control-request-method", "GET")]);
    let bare = headers(&[("origin", "https://a")]);
    assert!(cors.preflight(&Method::OPTIONS, &full).is_some());
    assert!(cors.preflight(&Method::GET, &full).is_none());
    assert!(cors.preflight(&Method::OPTIONS, &bare).is_none());
}

#[test]
fn origins_match_by_scheme_host_and_port() {
    for (allowed, from, matches) in [
        ("https://a.com", "https://a.com", true),
        ("https://a.com", "https://a.com:443", true),
        ("https://a.com:443", "https://a.com", true),
        ("http://a.com:80", "http://a.com", true),
        ("https://a.com", "https://A.com", true),
        ("https://a.com", "http://a.com", false),
        ("https://a.com", "https://a.com:8443", false),
        ("https://a.com", "https://a.com.", false),
        ("https://a.com", "https://a.com.evil", false),
        ("https://a.com", "https://evil@a.com", false),
        ("https://a.com", "https://a.com/x", false),
        ("https://a.com", "null", false),
        ("https://*.a.com", "https://x.y.a.com", true),
        ("https://*.a.com", "https://a.com", false),
        ("http://*:3000", "http://[::1]:3000", true),
        ("*", "null", true),
        ("*", "http://any:1", true),
    ] {
        let (status, _) = preflight(&policy(&[allowed]), from);
        assert_eq!(status == StatusCode::NO_CONTENT, matches, "{allowed} with {from}");
    }
}

#[test]
fn what_the_backend_says_of_origins_is_replaced() {
    let theirs = [
        ("access-control-allow-origin", "*"),
        ("access-control-allow-credentials", "true"),
        ("access-control-expose-headers", "x"),
        ("content-type", "text/plain"),
    ];
    let cors = Cors::new(&policy(&["https://a.com"]));
    for (from, expect) in [
        (
            Some("https://a.com"),
            "access-control-allow-origin: https://a.com\ncontent-type: text/plain\nvary: origin",
        ),
        (Some("https://b.com"), "content-type: text/plain\nvary: origin"),
        (None, "content-type: text/plain\nvary: origin"),
    ] {
        let mut response = headers(&theirs);
        cors.mark(from.map(HeaderValue::from_static).as_ref(), &mut response);
        assert_eq!(text(&response), expect, "{from:?}");
    }
}
