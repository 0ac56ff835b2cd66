//! What a match asks of headers, query and path, case by case.

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use snapshot::{HeaderMatch, Match, PathMatch, Pattern, QueryMatch, Text};

use super::{Condition, Miss};
use crate::table::Seek;

fn bare() -> Match {
    let path = PathMatch::Prefix("/".into());
    Match { path, method: None, headers: Vec::new(), query: Vec::new() }
}

fn text(text: &str) -> Text {
    match text.strip_prefix('~') {
        Some(pattern) => Text::Regex(Pattern::parse(pattern).unwrap()),
        None => Text::Exact(text.into()),
    }
}

fn seek<'r>(headers: &'r HeaderMap, query: Option<&'r str>, method: &'r Method) -> Seek<'r> {
    Seek { host: "h", path: "/", query, method, headers, sni: None, https: false }
}

#[test]
fn repeated_headers_are_one_value() {
    for (name, values, wanted, holds) in [
        ("x", &["a"][..], "a", true),
        ("x", &["a", "b"], "a,b", true),
        ("x", &["a", "b", "c"], "a,b,c", true),
        ("x", &["a", "b"], "a", false),
        ("x", &["a", "b"], "a,b,", false),
        ("x", &["a", "b"], "~a,.", true),
        ("x", &["a", "b"], "~a", false),
        ("x", &["A"], "a", false),
        ("x", &[], "~.*", false),
        ("cookie", &["a=1", "b=2"], "a=1; b=2", true),
    ] {
        let name = HeaderName::from_static(name);
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(&name, HeaderValue::from_static(value));
        }
        let from = Match { headers: vec![HeaderMatch { name, value: text(wanted) }], ..bare() };
        let condition = Condition::new(&from).unwrap();
        let seek = seek(&headers, None, &Method::GET);
        assert_eq!(condition.holds(&seek), holds, "{values:?} {wanted}");
        assert_eq!(condition.misses(&seek).is_empty(), holds, "{values:?} {wanted}");
    }
}

#[test]
fn a_header_that_is_no_text_is_compared_as_bytes() {
    let name = HeaderName::from_static("x");
    let headers = HeaderMap::from_iter([(name.clone(), HeaderValue::from_bytes(b"\xE9").unwrap())]);
    for wanted in ["~.*", "é"] {
        let one = HeaderMatch { name: name.clone(), value: text(wanted) };
        let condition = Condition::new(&Match { headers: vec![one], ..bare() }).unwrap();
        assert!(!condition.holds(&seek(&headers, None, &Method::GET)), "{wanted}");
    }
}

#[test]
fn the_first_parameter_of_a_name_is_decoded_and_compared() {
    for (query, wanted, holds) in [
        (Some("animal=whale"), "whale", true),
        (Some("a=b&animal=whale&c"), "whale", true),
        (Some("animal=whale&animal=dog"), "whale", true),
        (Some("animal=dog&animal=whale"), "whale", false),
        (Some("ANIMAL=whale"), "whale", false),
        (Some("animal=Whale"), "whale", false),
        (Some("%61nimal=wh%61le"), "whale", true),
        (Some("animal=whaledolphin"), "whale", false),
        (Some("animal=a=b"), "a=b", true),
        (Some("animal=a+b"), "a b", false),
        (Some("animal=a%20b"), "a b", true),
        (Some("animal=%zz"), "%zz", true),
        (Some("animal=%77hale"), "~w.*", true),
        (Some("animal"), "~", true),
        (Some("animals=whale"), "whale", false),
        (Some(""), "~.*", false),
        (None, "~.*", false),
    ] {
        let one = QueryMatch { name: "animal".into(), value: text(wanted) };
        let condition = Condition::new(&Match { query: vec![one], ..bare() }).unwrap();
        let headers = HeaderMap::new();
        assert_eq!(
            condition.holds(&seek(&headers, query, &Method::GET)),
            holds,
            "{query:?} {wanted}"
        );
    }
}

#[test]
fn every_miss_is_named() {
    let from = Match {
        path: PathMatch::Exact("/other".into()),
        method: Some(Method::POST),
        headers: vec![HeaderMatch { name: HeaderName::from_static("x"), value: text("1") }],
        query: vec![QueryMatch { name: "q".into(), value: text("1") }],
    };
    let misses =
        Condition::new(&from).unwrap().misses(&seek(&HeaderMap::new(), None, &Method::GET));
    let expect = [Miss::Path, Miss::Method, Miss::Header("x".into()), Miss::Query("q".into())];
    assert_eq!(misses, expect);
}

#[test]
fn a_path_that_no_request_has_is_refused() {
    for path in ["/a%2Fb", "/..", "a", "/a b", ""] {
        for path in [PathMatch::Exact(path.into()), PathMatch::Prefix(path.into())] {
            assert!(Condition::new(&Match { path, ..bare() }).is_err());
        }
    }
    assert!(Condition::new(&Match { path: PathMatch::Exact("/%c3%a9".into()), ..bare() }).is_ok());
}
