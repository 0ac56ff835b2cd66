//! Heads in, heads out.

use std::net::SocketAddr;

use http::header::{HeaderMap, HeaderName, HeaderValue};
use ipnet::IpNet;

use super::origin::Origin;
use super::{request_id, strip_request, strip_response, trailers};

/// `name: value` lines, in order.
fn head(lines: &[&str]) -> HeaderMap {
    let mut map = HeaderMap::new();
    for line in lines {
        let (name, value) = line.split_once(": ").unwrap();
        map.append(HeaderName::try_from(name).unwrap(), HeaderValue::from_str(value).unwrap());
    }
    map
}

fn lines(map: &HeaderMap) -> Vec<String> {
    let mut lines: Vec<_> =
        map.iter().map(|(n, v)| format!("{n}: {}", v.to_str().unwrap())).collect();
    lines.sort();
    lines
}

#[track_caller]
fn strips(trusted: bool, before: &[&str], after: &[&str]) {
    let mut map = head(before);
    strip_request(&mut map, trusted);
    assert_eq!(lines(&map), after, "{before:?}");
}

#[test]
fn fields_of_the_connection_end_here() {
    for (before, after) in [
        (&["connection: close", "a: b"][..], &["a: b"][..]),
        (&["keep-alive: timeout=5", "proxy-connection: x", "upgrade: h2c"], &[]),
        (&["connection: upgrade, http2-settings", "http2-settings: AAA"], &[]),
        (&["transfer-encoding: chunked", "expect: 100-continue"], &[]),
        (&["proxy-authorization: Basic x", "authorization: Basic y"], &["authorization: Basic y"]),
        (&["connection: x-a, X-B ,", "connection: x-c", "x-a: 1", "x-b: 2", "x-c: 3"], &[]),
        (&["connection: host, a", "host: a.com", "a: b"], &["host: a.com"]),
        (&["trailer: grpc-status"], &["trailer: grpc-status"]),
        (&["via: 1.1 other"], &["via: 1.1 other"]),
    ] {
        strips(false, before, after);
    }
}

#[test]
fn a_connection_field_that_names_nothing_strips_nothing_else() {
    let mut map = head(&["a: b"]);
    map.insert("connection", HeaderValue::from_bytes(b"\xff, , {}").unwrap());
    strip_request(&mut map, false);
    assert_eq!(lines(&map), ["a: b"]);
}

#[test]
fn of_te_only_trailers_is_left() {
    for (before, after) in [
        (&["te: trailers"][..], &["te: trailers"][..]),
        (&["te: deflate, Trailers;q=0.5"], &["te: trailers"]),
        (&["te: gzip", "te: trailers"], &["te: trailers"]),
        (&["te: gzip"], &[]),
        (&["te: trailers", "connection: te"], &["te: trailers"]),
    ] {
        strips(false, before, after);
    }
}

#[test]
fn names_that_a_backend_may_read_as_others_are_dropped() {
    strips(true, &["x_forwarded_for: 1.2.3.4", "content_length: 4", "a-b: c"], &["a-b: c"]);
}

#[test]
fn claims_about_the_client_count_only_from_trusted_proxies() {
    let claims = [
        "forwarded: for=1.2.3.4",
        "true-client-ip: 1.2.3.4",
        "x-envoy-external-address: 1.2.3.4",
        "x-forwarded-client-cert: x",
        "x-forwarded-for: 1.2.3.4",
        "x-forwarded-prefix: /admin",
        "x-original-uri: /admin",
        "x-real-ip: 1.2.3.4",
        "x-ssl-client-verify: SUCCESS",
    ];
    strips(false, &claims, &[]);
    strips(true, &claims, &claims);
}

#[test]
fn cookie_crumbs_become_one_field() {
    strips(false, &["cookie: a=1", "cookie: b=2; c=3"], &["cookie: a=1; b=2; c=3"]);
}

#[test]
fn responses_lose_what_spoke_of_the_backends_connection() {
    let mut map = head(&[
        "connection: x-hop, close",
        "x-hop: 1",
        "keep-alive: timeout=5",
        "transfer-encoding: chunked",
        "upgrade: h2",
        "proxy-authenticate: Basic",
        "content-length: 3",
        "trailer: grpc-status",
    ]);
    strip_response(&mut map);
    assert_eq!(lines(&map), ["content-length: 3", "trailer: grpc-status"]);
}

fn net(text: &str) -> Vec<IpNet> {
    vec![text.parse().unwrap()]
}

fn told(peer: &str, https: bool, trusted: &[IpNet], before: &[&str], host: &str) -> Vec<String> {
    let origin = Origin::new(peer.parse().unwrap(), 8443, https, trusted);
    let mut map = head(before);
    strip_request(&mut map, origin.is_trusted());
    origin.tell(&mut map, &HeaderValue::from_str(host).unwrap());
    lines(&map)
}

#[test]
fn a_backend_hears_of_the_peer_that_we_saw() {
    assert_eq!(
        told("192.0.2.7:999", true, &[], &["x-forwarded-for: 6.6.6.6"], "a.com:8443"),
        [
            "forwarded: for=192.0.2.7;host=\"a.com:8443\";proto=https",
            "x-forwarded-for: 192.0.2.7",
            "x-forwarded-host: a.com:8443",
            "x-forwarded-port: 8443",
            "x-forwarded-proto: https",
        ]
    );
    let mapped = told("[::ffff:192.0.2.7]:999", false, &[], &[], "a.com");
    assert_eq!(mapped[0], "forwarded: for=192.0.2.7;host=\"a.com\";proto=http");
    let six = told("[2001:db8::1]:999", false, &[], &[], "a.com");
    assert_eq!(six[0], "forwarded: for=\"[2001:db8::1]\";host=\"a.com\";proto=http");
    assert_eq!(six[1], "x-forwarded-for: 2001:db8::1");
}

#[test]
fn a_trusted_proxys_chain_is_continued() {
    let before = [
        "x-forwarded-for: 6.6.6.6",
        "x-forwarded-for: 10.0.0.9",
        "x-forwarded-proto: https",
        "x-forwarded-host: public.com",
    ];
    assert_eq!(
        told("10.0.0.1:999", false, &net("10.0.0.0/8"), &before, "a.com"),
        [
            "forwarded: for=10.0.0.1;host=\"a.com\";proto=http",
            "x-forwarded-for: 6.6.6.6, 10.0.0.9, 10.0.0.1",
            "x-forwarded-host: public.com",
            "x-forwarded-port: 8443",
            "x-forwarded-proto: https",
        ]
    );
}

#[test]
fn the_client_is_the_nearest_address_that_is_not_a_trusted_proxy() {
    let trusted = net("10.0.0.0/8");
    for (peer, chain, expected) in [
        ("192.0.2.7:1", "6.6.6.6", ""),
        ("10.0.0.1:1", "6.6.6.6", "6.6.6.6"),
        ("10.0.0.1:1", "6.6.6.6, 7.7.7.7:80, 10.0.0.2", "7.7.7.7"),
        ("10.0.0.1:1", "[2001:db8::5]:80, 10.0.0.2", "2001:db8::5"),
        ("10.0.0.1:1", "10.0.0.3, 10.0.0.2", "10.0.0.3"),
        ("10.0.0.1:1", "6.6.6.6, unknown, 10.0.0.2", "10.0.0.2"),
    ] {
        let peer: SocketAddr = peer.parse().unwrap();
        let map = head(&[&format!("x-forwarded-for: {chain}")]);
        let client = Origin::new(peer, 80, false, &trusted).client(&map, &trusted);
        let client = client.map(|client| client.to_string()).unwrap_or_default();
        assert_eq!(client, expected, "{peer} with {chain}");
    }
}

#[test]
fn the_scheme_and_port_that_the_client_sees_are_the_trusted_proxys() {
    let peer = "10.0.0.1:1".parse().unwrap();
    for (trusted, fields, expected) in [
        (true, &[][..], (false, 8080)),
        (true, &["x-forwarded-proto: https"], (true, 443)),
        (true, &["x-forwarded-proto: https", "x-forwarded-port: 8443"], (true, 8443)),
        (true, &["x-forwarded-proto: http"], (false, 8080)),
        (false, &["x-forwarded-proto: https", "x-forwarded-port: 8443"], (false, 8080)),
    ] {
        let nets = if trusted { net("10.0.0.0/8") } else { Vec::new() };
        let origin = Origin::new(peer, 8080, false, &nets);
        assert_eq!(origin.front(&head(fields), 8080), expected, "{fields:?}");
    }
}

#[test]
fn a_request_id_is_ours_unless_a_trusted_proxy_gave_one() {
    let mut map = head(&["x-request-id: from-the-client"]);
    strip_request(&mut map, false);
    let made = request_id(&mut map, false, 0xabc);
    assert_eq!(made, "cba00000000000000000000000000000");
    assert_eq!(map["x-request-id"], made);
    assert!(map["x-request-id"].is_sensitive(), "it is in no table of HPACK");
    for (given, taken) in [("edge-1", true), ("with space", false), (&"x".repeat(129), false)] {
        let mut map = head(&[&format!("x-request-id: {given}")]);
        assert_eq!(request_id(&mut map, true, 1) == given, taken, "{given}");
        assert_eq!(map.get_all("x-request-id").iter().count(), 1);
    }
}

#[test]
fn request_trailers_pass_by_an_allow_list() {
    let smuggled = head(&[
        "content-length: 3",
        "transfer-encoding: chunked",
        "host: evil",
        "authorization: x",
        "cookie: a=b",
        "x-forwarded-for: 1.2.3.4",
        "x-user: root",
        "grpc-status: 0",
        "content-md5: x",
    ]);
    let left = trailers::to_backend(&smuggled).unwrap();
    assert_eq!(lines(&left), ["content-md5: x", "grpc-status: 0"]);
    assert!(trailers::to_backend(&head(&[&format!("grpc-x: {}", "x".repeat(9_000))])).is_none());
}

#[test]
fn response_trailers_lose_what_only_means_something_in_a_head() {
    let given = head(&["grpc-status: 0", "my-meta: 1", "set-cookie: a=b", "content-length: 9"]);
    let left = trailers::to_client(&given).unwrap();
    assert_eq!(lines(&left), ["grpc-status: 0", "my-meta: 1"]);
}
