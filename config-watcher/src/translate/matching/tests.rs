//! Matches in, matches out; each that cannot be done, with the field that it names.

use super::{grpc, http};
use crate::api::route::{GrpcMatch, HttpMatch};
use crate::translate::field::Field;
use proptest::prelude::*;
use snapshot::{Match, PathMatch, Text};

fn http_of(json: &str) -> Result<Vec<Match>, Vec<String>> {
    let list: Vec<HttpMatch> = serde_json::from_str(json).unwrap();
    let rule = Field::SPEC.nth("rules", 0);
    http(&list, &rule).map_err(|faults| faults.into_iter().map(|f| f.message).collect())
}

fn grpc_of(json: &str) -> Result<Vec<Match>, Vec<String>> {
    let list: Vec<GrpcMatch> = serde_json::from_str(json).unwrap();
    let rule = Field::SPEC.nth("rules", 0);
    grpc(&list, &rule).map_err(|faults| faults.into_iter().map(|f| f.message).collect())
}

/// How a path match reads: `=` exact, `^` prefix, `~` pattern.
fn show(path: &PathMatch) -> String {
    match path {
        PathMatch::Exact(path) => format!("={path}"),
        PathMatch::Prefix(path) => format!("^{path}"),
        PathMatch::Regex(pattern) => format!("~{}", pattern.as_str()),
    }
}

#[test]
fn paths_become_what_the_api_says_they_mean() {
    for (path, expected) in [
        (r#"{}"#, "^/"),
        (r#"{"path": {}}"#, "^/"),
        (r#"{"path": {"value": "/"}}"#, "^/"),
        (r#"{"path": {"value": "/a/"}}"#, "^/a"),
        (r#"{"path": {"type": "PathPrefix", "value": "/a/b"}}"#, "^/a/b"),
        (r#"{"path": {"type": "Exact", "value": "/a/"}}"#, "=/a/"),
        (r#"{"path": {"type": "Exact"}}"#, "=/"),
        (r#"{"path": {"type": "Exact", "value": "/%7euser"}}"#, "=/~user"),
        (r#"{"path": {"type": "RegularExpression", "value": "/v[0-9]+/.*"}}"#, "~/v[0-9]+/.*"),
    ] {
        let matches = http_of(&format!("[{path}]")).unwrap();
        assert_eq!(show(&matches[0].path), expected, "{path}");
    }
}

#[test]
fn a_rule_without_matches_takes_every_request() {
    let http = http_of("[]").unwrap();
    assert_eq!(http, grpc_of("[]").unwrap());
    assert_eq!(http.len(), 1);
    assert_eq!(show(&http[0].path), "^/");
    assert!(http[0].headers.is_empty() && http[0].query.is_empty() && http[0].method.is_none());
}

#[test]
fn of_headers_with_one_name_the_first_counts_and_case_does_not() {
    let found = http_of(
        r#"[{"headers": [
            {"name": "Version", "value": "1"},
            {"name": "version", "value": "("  , "type": "RegularExpression"},
            {"name": "Colour", "value": "red|blue", "type": "RegularExpression"}]}]"#,
    )
    .unwrap();
    let headers = &found[0].headers;
    assert_eq!(headers.iter().map(|h| h.name.as_str()).collect::<Vec<_>>(), ["version", "colour"]);
    assert_eq!(headers[0].value, Text::Exact("1".into()));
    assert!(matches!(&headers[1].value, Text::Regex(p) if p.as_str() == "red|blue"));
}

#[test]
fn of_query_parameters_with_one_name_the_first_counts_and_case_does() {
    let found = http_of(
        r#"[{"queryParams": [
            {"name": "a", "value": "1"}, {"name": "A", "value": "2"}, {"name": "a", "value": "3"}
        ], "method": "PATCH"}]"#,
    )
    .unwrap();
    let query: Vec<_> = found[0].query.iter().map(|q| (&*q.name, &q.value)).collect();
    assert_eq!(query, [("a", &Text::Exact("1".into())), ("A", &Text::Exact("2".into()))]);
    assert_eq!(found[0].method, Some(http::Method::PATCH));
}

#[test]
fn what_cannot_be_matched_is_named_with_its_field() {
    for (json, start) in [
        (r#"{"path": {"type": "Glob", "value": "/"}}"#, "path.type: `Glob` is not supported"),
        (r#"{"path": {"value": "a"}}"#, "path.value: `a` does not begin with `/`"),
        (r#"{"path": {"type": "RegularExpression", "value": "("}}"#, "path.value: `(` is no"),
        (r#"{"method": "FETCH"}"#, "method: `FETCH` is not supported; use GET, HEAD,"),
        (r#"{"method": "get"}"#, "method: `get` is not supported"),
        (r#"{"headers": [{"name": ":path", "value": "a"}]}"#, "headers[0].name: `:path` is no"),
        (
            r#"{"headers": [{"name": "a", "value": "b", "type": "Prefix"}]}"#,
            "headers[0].type: `Prefix` is not supported; use Exact or RegularExpression",
        ),
        (
            r#"{"queryParams": [{"name": "a", "value": "[", "type": "RegularExpression"}]}"#,
            "queryParams[0].value: `[` is no regular expression",
        ),
    ] {
        let faults = http_of(&format!("[{{}}, {json}]")).unwrap_err();
        let start = format!("spec.rules[0].matches[1].{start}");
        assert!(faults.len() == 1 && faults[0].starts_with(&start), "{faults:?} for {json}");
    }
}

#[test]
fn every_faulty_match_is_named() {
    let faults = http_of(r#"[{"method": "A"}, {}, {"method": "B"}]"#).unwrap_err();
    assert_eq!(faults.len(), 2);
}

#[test]
fn grpc_methods_become_paths() {
    for (method, expected) in [
        (r#"{"service": "a.B", "method": "C"}"#, "=/a.B/C"),
        (r#"{"type": "Exact", "service": "a.B"}"#, "^/a.B"),
        (r#"{"service": "a.B", "method": ""}"#, "^/a.B"),
        (r#"{"method": "C"}"#, "~/[^/]+/C"),
        (r#"{"type": "RegularExpression", "service": "a|b"}"#, "~/(?:a|b)/[^/]+"),
        (r#"{"type": "RegularExpression", "method": "Get.*"}"#, "~/[^/]+/(?:Get.*)"),
        (r#"{"type": "RegularExpression", "service": "a", "method": "b"}"#, "~/(?:a)/(?:b)"),
    ] {
        let found = grpc_of(&format!(r#"[{{"method": {method}}}]"#)).unwrap();
        assert_eq!(show(&found[0].path), expected, "{method}");
    }
}

#[test]
fn a_grpc_match_that_cannot_be_done_is_named() {
    for (method, start) in [
        ("{}", ": names neither service nor method"),
        (r#"{"service": "", "method": ""}"#, ": names neither"),
        (r#"{"service": "a/b"}"#, ".service: `a/b` is no gRPC name"),
        (r#"{"method": "a b"}"#, ".method: `a b` is no gRPC name"),
        (
            r#"{"type": "RegularExpression", "service": "a)(b", "method": "c"}"#,
            ".service: `a)(b` is no regular expression",
        ),
        (r#"{"type": "Prefix", "service": "a"}"#, ".type: `Prefix` is not supported"),
    ] {
        let faults = grpc_of(&format!(r#"[{{"method": {method}}}]"#)).unwrap_err();
        let start = format!("spec.rules[0].matches[0].method{start}");
        assert!(faults.len() == 1 && faults[0].starts_with(&start), "{faults:?} for {method}");
    }
}

proptest! {
    #[test]
    fn no_text_makes_a_match_that_panics_or_names_no_field(text in any::<String>()) {
        let rule = Field::SPEC.nth("rules", 0);
        let named = serde_json::json!([{"name": text, "value": text, "type": "RegularExpression"}]);
        let http_match = serde_json::json!([
            {"path": {"type": "Exact", "value": text}},
            {"path": {"type": "RegularExpression", "value": text}},
            {"path": {"type": text}, "method": text, "headers": named, "queryParams": named},
            {"headers": named}, {"queryParams": named}, {"method": text},
        ]);
        let grpc_match = serde_json::json!([
            {"method": {"service": text, "method": text}},
            {"method": {"type": "RegularExpression", "service": text, "method": text}},
            {"headers": named},
        ]);
        let http_list: Vec<HttpMatch> = serde_json::from_value(http_match).unwrap();
        let grpc_list: Vec<GrpcMatch> = serde_json::from_value(grpc_match).unwrap();
        let faults = http(&http_list, &rule).err().into_iter().chain(grpc(&grpc_list, &rule).err());
        for fault in faults.flatten() {
            prop_assert!(fault.message.starts_with("spec.rules[0].matches["), "{fault:?}");
        }
    }
}
