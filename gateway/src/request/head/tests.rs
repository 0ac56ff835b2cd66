//! Heads that pass, in their one form, and heads that don't.

use http::Request;
use http::request::{Builder, Parts};

use super::{canonical, expectation};
use crate::failure::Failure;
use crate::settings::Head;

fn h2(uri: &str) -> Builder {
    Request::builder().version(http::Version::HTTP_2).uri(uri)
}

fn h1(uri: &str) -> Builder {
    Request::builder().uri(uri)
}

fn parts(request: Builder) -> Parts {
    request.body(()).unwrap().into_parts().0
}

/// `Host` and URI as they are forwarded, or the failure.
fn form(request: Builder, https: bool) -> Result<(String, String), Failure> {
    let mut head = parts(request);
    let named = canonical(&mut head, https, &Head::default())?;
    let host = head.headers.get("host").map_or("", |host| host.to_str().unwrap());
    assert_eq!(named.authority().to_str().unwrap(), host);
    assert!(host.starts_with(named.host()));
    Ok((host.to_owned(), head.uri.to_string()))
}

#[test]
fn a_head_has_one_form_whatever_it_came_in() {
    for (request, host, uri) in [
        (h1("/a?b=c").header("host", "a.com"), "a.com", "/a?b=c"),
        (h1("/a").header("host", "A.Com.:8080"), "a.com:8080", "/a"),
        (h1("http://a.com/x").header("host", "a.com"), "a.com", "/x"),
        (h1("http://a.com:80/x").header("host", "a.com"), "a.com:80", "/x"),
        (h2("http://a.com/x/../y?q"), "a.com", "/y?q"),
        (h2("http://a.com/").header("host", "A.COM"), "a.com", "/"),
        (h2("/x").header("host", "a.com"), "a.com", "/x"),
        (h1("/").header("host", "[2001:DB8::1]:81"), "[2001:db8::1]:81", "/"),
        (h1("/").version(http::Version::HTTP_10), "", "/"),
    ] {
        assert_eq!(form(request, false), Ok((host.to_owned(), uri.to_owned())));
    }
}

#[test]
fn two_names_for_one_request_are_refused() {
    for request in [
        h2("http://a.com/").header("host", "b.com"),
        h2("http://a.com/").header("host", "a.com:81"),
        h2("/").header("host", "a.com").header("host", "a.com"),
        h2("http://u@a.com/"),
        h2("/"),
        h1("/"),
        h1("http://a.com/").header("host", "b.com"),
        h2("/").header("host", "a b"),
    ] {
        assert_eq!(form(request, false), Err(Failure::Malformed));
    }
}

#[test]
fn a_scheme_must_be_the_one_that_is_spoken() {
    for (uri, https, good) in [
        ("http://a.com/", false, true),
        ("https://a.com/", false, true),
        ("https://a.com/", true, true),
        ("http://a.com/", true, false),
        ("gopher://a.com/", false, false),
    ] {
        assert_eq!(form(h2(uri), https).is_ok(), good, "{uri} {https}");
    }
}

#[test]
fn only_100_continue_can_be_expected() {
    for (value, good) in [("100-continue", true), ("100-Continue", true), ("y 100-continue", false)]
    {
        let head = parts(h2("http://a.com/").header("expect", value));
        assert_eq!(expectation(&head).is_ok(), good, "{value}");
    }
}

#[test]
fn limits_hold_for_every_protocol() {
    let many = (0..101).fold(h2("http://a.com/"), |request, n| request.header("cookie", n));
    for (request, failure) in [
        (many, Failure::HeadTooLarge),
        (h2(&format!("http://a.com/{}", "x".repeat(9_000))), Failure::UriTooLong),
        (h2("http://a.com/").method(&*"M".repeat(33)), Failure::Malformed),
        (h2("a.com:443").method("CONNECT"), Failure::MethodRefused),
        (h2("http://a.com/%2fb"), Failure::BadPath),
        (h2("*").method("OPTIONS").header("host", "a.com"), Failure::BadPath),
    ] {
        assert_eq!(form(request, false), Err(failure));
    }
}
