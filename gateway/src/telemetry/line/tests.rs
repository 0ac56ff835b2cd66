//! Lines as they are written; the files beside this one show them whole.

use std::time::{Duration, UNIX_EPOCH};

use expect_test::expect_file;
use http::Version;
use snapshot::{BackendKey, ListenerKey, ObjectKey, ParentKind, RouteKey, RouteKind};

use super::super::access_log::LogFormat;
use super::super::record::{Record, TlsRecord};
use super::{Formatter, seconds};

/// A request as full as one can be, and one that was refused at once.
fn lines(format: LogFormat) -> String {
    let listener = ListenerKey {
        kind: ParentKind::Gateway,
        parent: ObjectKey::new("infra", "public"),
        section: "https".into(),
    };
    let route = RouteKey { kind: RouteKind::Http, object: ObjectKey::new("shop", "cart"), rule: 2 };
    let backend = BackendKey { service: ObjectKey::new("shop", "cart"), port: 80 };
    let refused = Record {
        time: UNIX_EPOCH + Duration::from_millis(1_767_323_045_678),
        id: "7f",
        client: "[::1]:4711".parse().unwrap(),
        method: "GET",
        host: "",
        path: "/\"\n",
        protocol: Version::HTTP_10,
        status: None,
        received: 0,
        sent: 0,
        duration: Duration::from_micros(5),
        first_byte: None,
        upstream: None,
        listener: None,
        route: None,
        backend: None,
        endpoint: None,
        tries: 0,
        retry: None,
        retry_reason: None,
        flag: Some("client_gone"),
        tls: None,
        user_agent: None,
    };
    let [listener, route, backend] = [listener.to_string(), route.to_string(), backend.to_string()];
    let full = Record {
        client: "192.0.2.1:1".parse().unwrap(),
        method: "POST",
        host: "shop.example.com",
        path: "/cart?x=1",
        protocol: Version::HTTP_2,
        status: Some(200),
        received: 32_768,
        sent: 1_024,
        duration: Duration::from_micros(1_234_567),
        first_byte: Some(Duration::from_millis(20)),
        upstream: Some(Duration::from_millis(19)),
        listener: Some(&listener),
        route: Some(&route),
        backend: Some(&backend),
        endpoint: Some("10.0.0.7:8080".parse().unwrap()),
        tries: 2,
        retry: Some("law"),
        retry_reason: Some("goaway"),
        flag: None,
        tls: Some(TlsRecord {
            version: "TLSv1.3",
            sni: Some("shop.example.com"),
            client_certificate: Some("valid"),
        }),
        user_agent: Some(b"curl/8 \xff"),
        ..refused.clone()
    };
    let mut out = Vec::new();
    let mut formatter = Formatter::new(format);
    formatter.line(&mut out, &full);
    formatter.line(&mut out, &refused);
    String::from_utf8(out).unwrap()
}

#[test]
fn json_lines_are_objects_with_base_units() {
    let lines = lines(LogFormat::Json);
    for line in lines.lines() {
        serde_json::from_str::<serde_json::Value>(line).unwrap();
    }
    expect_file!["tests/lines.jsonl"].assert_eq(&lines);
}

#[test]
fn text_lines_have_every_field_in_its_place() {
    let lines = lines(LogFormat::Text);
    let names = |line: &str| -> Vec<String> {
        line.split(' ').filter_map(|part| Some(part.split_once('=')?.0.to_owned())).collect()
    };
    let all: Vec<_> = lines.lines().map(|line| names(&line.replace("?x=1", ""))).collect();
    assert_eq!(all[0], all[1]);
    expect_file!["tests/lines.txt"].assert_eq(&lines);
}

#[test]
fn times_keep_their_leading_zeros() {
    let mut out = Vec::new();
    seconds(&mut out, Duration::from_micros(3_000_042));
    assert_eq!(out, b"3.000042");
}
