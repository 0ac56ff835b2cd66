//! Filters in, filters out; each that cannot be done, with the field that it names.

use snapshot::{BackendKey, Filter, ObjectKey, RouteKind, Target};

use super::Reader;
use crate::api::meta::Reference;
use crate::api::route::{Filter as Written, HttpMatch};
use crate::translate::fault::{BACKEND_NOT_FOUND, Fault, Faults};
use crate::translate::field::Field;
use crate::translate::matching;

/// Services named `gone` do not exist; all others do.
fn resolve(reference: &Reference, at: &Field<'_>) -> (Target, Option<Fault>) {
    if *reference.name == *"gone" {
        let fault = Fault::new(BACKEND_NOT_FOUND, at, "no such Service");
        return (Target::Invalid("no such Service".into()), Some(fault));
    }
    let service = ObjectKey::new("shop", reference.name.clone());
    (Target::Backend(BackendKey { service, port: reference.port.unwrap() }), None)
}

fn read_for(kind: RouteKind, matches: &str, filters: &str) -> (Vec<Filter>, Faults) {
    let rule = Field::SPEC.nth("rules", 0);
    let written: Vec<HttpMatch> = serde_json::from_str(matches).unwrap();
    let matches = matching::http(&written, &rule).unwrap();
    let list: Vec<Written> = serde_json::from_str(filters).unwrap();
    let mut faults = Faults::default();
    let filters = Reader::new(kind, &matches, &resolve).read(&list, &rule, &mut faults);
    (filters, faults)
}

fn read(filters: &str) -> (Vec<Filter>, Faults) {
    read_for(RouteKind::Http, "[]", filters)
}

/// One good filter, as JSON.
fn good(filter: &str) -> serde_json::Value {
    let (filters, faults) = read(&format!("[{filter}]"));
    assert_eq!(faults, Faults::default(), "{filter}");
    assert_eq!(filters.len(), 1);
    serde_json::to_value(&filters[0]).unwrap()
}

/// The one rule fault of a filter that is not done.
fn bad(filter: &str) -> String {
    let (filters, mut faults) = read(&format!("[{filter}]"));
    let only = matches!(&filters[..], [Filter::Unsupported(_)]);
    assert!(only && faults.rule.len() == 1 && faults.references.is_empty(), "{filter} {faults:?}");
    let fault = faults.rule.pop().unwrap();
    assert_eq!(fault.reason, "UnsupportedValue");
    fault.message.strip_prefix("spec.rules[0].filters[0].").unwrap().to_owned()
}

/// Every `filter` gives a message that starts with its second part.
fn all_bad(kind: &str, body: &str, cases: &[(&str, &str)]) {
    for (json, start) in cases {
        let message = bad(&format!(r#"{{"type": "{kind}", "{body}": {json}}}"#));
        assert!(message.starts_with(&format!("{body}{start}")), "{message} for {json}");
    }
}

#[test]
fn header_changes_keep_their_order_and_the_first_of_a_name() {
    let json = good(
        r#"{"type": "RequestHeaderModifier", "requestHeaderModifier": {
            "set": [{"name": "B", "value": " 1 "}, {"name": "a", "value": "2"},
                    {"name": "b", "value": "3"}],
            "add": [{"name": "c", "value": "4,5"}], "remove": ["D", "e", "d"]}}"#,
    );
    let expected = serde_json::json!({"RequestHeaders": {
        "set": [["b", "1"], ["a", "2"]], "add": [["c", "4,5"]], "remove": ["d", "e"]}});
    assert_eq!(json, expected);
    let response = r#"{"type": "ResponseHeaderModifier",
                       "responseHeaderModifier": {"remove": ["Server"]}}"#;
    let expected = serde_json::json!({"set": [], "add": [], "remove": ["server"]});
    assert_eq!(good(response)["ResponseHeaders"], expected);
}

#[test]
fn header_changes_that_cannot_be_done_are_named() {
    all_bad(
        "RequestHeaderModifier",
        "requestHeaderModifier",
        &[
            ("null", ": is missing"),
            (r#"{"set": [{"name": "a b", "value": "c"}]}"#, ".set[0].name: `a b` is no header"),
            (r#"{"add": [{"name": "a", "value": "b\nc"}]}"#, r".add[0].value: `b\nc` is no"),
            (r#"{"remove": ["a", ":b"]}"#, ".remove[1]: `:b` is no header name"),
            (
                r#"{"set": [{"name": "A", "value": "1"}], "remove": ["a"]}"#,
                ": `a` has more than one action",
            ),
            (r#"{"set": [{"name": "Host", "value": "a"}]}"#, ": Host is no header to modify"),
            (r#"{"remove": ["Transfer-Encoding"]}"#, ": `transfer-encoding` belongs"),
            (r#"{"add": [{"name": "content-length", "value": "1"}]}"#, ": `content-length` bel"),
        ],
    );
    all_bad(
        "ResponseHeaderModifier",
        "responseHeaderModifier",
        &[(r#"{"set": [{"name": "Connection", "value": "close"}]}"#, ": `connection` belongs")],
    );
}

#[test]
fn redirects_say_what_changes() {
    let all = good(
        r#"{"type": "RequestRedirect", "requestRedirect": {"scheme": "https", "port": 8443,
            "hostname": "Example.com", "statusCode": 308,
            "path": {"type": "ReplaceFullPath", "replaceFullPath": "/new"}}}"#,
    );
    let expected = serde_json::json!({"Redirect": {"scheme": "https", "hostname": "example.com",
        "path": {"ReplaceFull": "/new"}, "port": 8443, "status": 308}});
    assert_eq!(all, expected);
    for (code, status) in [("{}", 302), (r#"{"statusCode": 301}"#, 301)] {
        let json = format!(r#"{{"type": "RequestRedirect", "requestRedirect": {code}}}"#);
        assert_eq!(good(&json)["Redirect"]["status"], status);
    }
}

#[test]
fn redirects_that_cannot_be_done_are_named() {
    all_bad(
        "RequestRedirect",
        "requestRedirect",
        &[
            ("null", ": is missing"),
            (r#"{"scheme": "ftp"}"#, ".scheme: `ftp` is not supported; use http or https"),
            (r#"{"statusCode": 305}"#, ".statusCode: `305` is not supported; use 301, 302"),
            (r#"{"hostname": "*.a.com"}"#, ".hostname: `*.a.com` is a wildcard"),
            (r#"{"hostname": "10.0.0.1"}"#, ".hostname: an IP address is no hostname"),
            (r#"{"hostname": "a_b"}"#, ".hostname: `a_b` is no DNS label"),
            (r#"{"port": 0}"#, ".port: 0 is no port"),
            (r#"{"path": {"type": "Regex"}}"#, ".path.type: `Regex` is not supported"),
            (r#"{"path": {"type": "ReplaceFullPath"}}"#, ".path.replaceFullPath: is missing"),
            (
                r#"{"path": {"type": "ReplaceFullPath", "replaceFullPath": "/a?b"}}"#,
                ".path.replaceFullPath: `/a?b` holds a character",
            ),
        ],
    );
}

#[test]
fn rewrites_of_prefixes_lose_their_trailing_slash() {
    for (written, read) in [("/xyz", "/xyz"), ("/xyz/", "/xyz"), ("", ""), ("/", "")] {
        let json = good(&format!(
            r#"{{"type": "URLRewrite", "urlRewrite": {{"hostname": "a.b",
                "path": {{"type": "ReplacePrefixMatch", "replacePrefixMatch": "{written}"}}}}}}"#
        ));
        let expected = serde_json::json!({"hostname": "a.b", "path": {"ReplacePrefix": read}});
        assert_eq!(json["UrlRewrite"], expected);
    }
}

#[test]
fn only_prefixes_can_have_their_prefix_replaced() {
    let filter = r#"[{"type": "URLRewrite", "urlRewrite": {
        "path": {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/a"}}}]"#;
    let prefixes = r#"[{"path": {"value": "/b"}}, {"path": {"value": "/c"}}]"#;
    let (_, faults) = read_for(RouteKind::Http, prefixes, filter);
    assert_eq!(faults, Faults::default());
    let exact = r#"[{"path": {"value": "/b"}}, {"path": {"type": "Exact", "value": "/c"}}]"#;
    let (filters, faults) = read_for(RouteKind::Http, exact, filter);
    assert!(matches!(&filters[..], [Filter::Unsupported(_)]));
    let message = &faults.rule[0].message;
    assert!(message.contains("path.replacePrefixMatch: needs a rule that matches"), "{message}");
}

#[test]
fn mirrors_copy_all_requests_or_a_share() {
    for (share, expected) in [
        ("", [100, 100]),
        (r#", "percent": 0"#, [0, 100]),
        (r#", "percent": 42"#, [42, 100]),
        (r#", "fraction": {"numerator": 5}"#, [5, 100]),
        (r#", "fraction": {"numerator": 25, "denominator": 50}"#, [25, 50]),
    ] {
        let json = good(&format!(
            r#"{{"type": "RequestMirror",
                 "requestMirror": {{"backendRef": {{"name": "copy", "port": 80}}{share}}}}}"#
        ));
        let mirror = &json["Mirror"];
        assert_eq!(mirror["target"]["Backend"], "shop/copy:80");
        let fraction = [&mirror["fraction"]["numerator"], &mirror["fraction"]["denominator"]];
        assert_eq!(fraction, expected);
    }
    let to = r#""backendRef": {"name": "copy", "port": 80}"#;
    for (share, start) in [
        (r#""percent": 101"#, ".percent: 101 is more than all"),
        (r#""fraction": {"numerator": 3, "denominator": 2}"#, ".fraction: 3/2 is no share"),
        (r#""fraction": {"numerator": 0, "denominator": 0}"#, ".fraction: 0/0 is no share"),
        (r#""percent": 1, "fraction": {"numerator": 1}"#, ": `percent` and `fraction` exclude"),
    ] {
        all_bad("RequestMirror", "requestMirror", &[(&format!("{{{to}, {share}}}"), start)]);
    }
}

#[test]
fn a_mirror_to_nowhere_is_a_reference_that_does_not_resolve() {
    let (filters, faults) = read(
        r#"[{"type": "RequestMirror", "requestMirror": {"backendRef": {"name": "gone"}}},
            {"type": "RequestMirror", "requestMirror": {"backendRef": {"name": "b", "port": 1}}}]"#,
    );
    assert!(matches!(&filters[0], Filter::Mirror(m) if matches!(m.target, Target::Invalid(_))));
    assert!(matches!(&filters[1], Filter::Mirror(m) if matches!(m.target, Target::Backend(_))));
    assert!(faults.rule.is_empty());
    let [fault] = &faults.references[..] else { panic!("{faults:?}") };
    assert_eq!(fault.reason, "BackendNotFound");
    let at = "spec.rules[0].filters[0].requestMirror.backendRef: no such Service";
    assert_eq!(fault.message, at);
}

#[test]
fn cors_lists_are_read_and_a_star_is_everything() {
    let json = good(
        r#"{"type": "CORS", "cors": {"allowOrigins": ["https://*.Foo.com:8443", "http://a:80",
            "https://*", "https://10.0.0.1"], "allowCredentials": true, "allowMethods": ["GET"],
            "allowHeaders": ["X-A"], "exposeHeaders": ["*"], "maxAge": 60}}"#,
    );
    let origin = |scheme: &str, host: &str, port: Option<u16>| {
        let mut pattern = serde_json::json!({"scheme": scheme, "host": host});
        pattern["port"] = port.into();
        serde_json::json!({"Pattern": pattern})
    };
    let cors = &json["Cors"];
    let expected = serde_json::json!([
        origin("https", "*.foo.com", Some(8443)),
        origin("http", "a", None),
        origin("https", "*", None),
        origin("https", "10.0.0.1", None),
    ]);
    assert_eq!(cors["origins"], expected);
    assert_eq!(cors["credentials"], true);
    assert_eq!(cors["methods"], serde_json::json!(["GET"]));
    assert_eq!(cors["headers"], serde_json::json!(["x-a"]));
    assert!(cors["expose"].is_null());
    assert_eq!(cors["max_age"]["secs"], 60);

    let bare = good(r#"{"type": "CORS", "cors": {"allowOrigins": ["*"]}}"#);
    assert_eq!(bare["Cors"]["origins"], serde_json::json!(["Any"]));
    assert_eq!(bare["Cors"]["methods"], serde_json::json!([]));
    assert_eq!(bare["Cors"]["max_age"]["secs"], 5);
}

#[test]
fn cors_that_cannot_be_done_is_named() {
    for origin in [
        "foo.com",
        "ftp://foo.com",
        "https://",
        "https://foo.com/",
        "https://a*.com",
        "http://a:0",
        "http://a:65536",
        "http://a:+1",
        "https://a.*.com",
        "https://*.",
        "null",
    ] {
        let body = format!(r#"{{"allowOrigins": ["{origin}"]}}"#);
        let start = format!(".allowOrigins[0]: `{origin}` is no origin; write it as");
        all_bad("CORS", "cors", &[(&body, &start)]);
    }
    all_bad(
        "CORS",
        "cors",
        &[
            (r#"{"allowMethods": ["GET", "A B"]}"#, ".allowMethods[1]: `A B` is no method"),
            (r#"{"allowHeaders": ["a b"]}"#, ".allowHeaders[0]: `a b` is no header name"),
            (r#"{"exposeHeaders": [""]}"#, ".exposeHeaders[0]: `` is no header name"),
        ],
    );
}

#[test]
fn filters_that_we_do_not_have_are_never_skipped() {
    let known = "use RequestHeaderModifier, ResponseHeaderModifier, RequestMirror,";
    for kind in ["ExternalAuth", "Magic"] {
        let message = bad(&format!(r#"{{"type": "{kind}"}}"#));
        assert!(message.starts_with(&format!("type: `{kind}` is not supported; {known}")));
    }
    for kind in ["RequestRedirect", "URLRewrite", "CORS"] {
        let filter = format!(r#"[{{"type": "{kind}"}}]"#);
        let (filters, faults) = read_for(RouteKind::Grpc, "[]", &filter);
        assert!(matches!(&filters[..], [Filter::Unsupported(_)]));
        assert!(faults.rule[0].message.contains(&format!("`{kind}` is not supported")));
    }
}

#[test]
fn a_reference_to_a_filter_of_our_own_does_not_resolve() {
    let (filters, faults) = read(
        r#"[{"type": "ExtensionRef", "extensionRef": {"group": "a.b", "kind": "C", "name": "d"}},
            {"type": "ExtensionRef"}]"#,
    );
    assert!(filters.iter().all(|filter| matches!(filter, Filter::Unsupported(_))));
    assert!(faults.rule.is_empty() && faults.references.len() == 2);
    assert_eq!(faults.references[0].reason, "InvalidKind");
    let start = "spec.rules[0].filters[0].extensionRef: kind `C` of group `a.b` (named `d`) is no";
    assert!(faults.references[0].message.starts_with(start), "{faults:?}");
}

#[test]
fn filters_that_exclude_each_other_leave_one_that_refuses() {
    let redirect = r#"{"type": "RequestRedirect", "requestRedirect": {}}"#;
    let rewrite = r#"{"type": "URLRewrite", "urlRewrite": {}}"#;
    for (list, what) in [
        (format!("[{redirect}, {rewrite}]"), "RequestRedirect and URLRewrite exclude each other"),
        (format!("[{rewrite}, {rewrite}]"), "URLRewrite stands there more than once"),
    ] {
        let (filters, faults) = read(&list);
        assert!(matches!(&filters[..], [Filter::Unsupported(_)]), "{filters:?}");
        assert_eq!(faults.rule[0].reason, "IncompatibleFilters");
        let start = format!("spec.rules[0].filters: {what}");
        assert!(faults.rule[0].message.starts_with(&start), "{faults:?}");
    }
}
