//! Slices in, endpoints out: states, families, ports, merging, refused addresses.

use snapshot::{EndpointState, Endpoints};

use super::merge;
use crate::api::core::EndpointSlice;

fn slices(json: &str) -> Vec<EndpointSlice> {
    serde_json::from_str(json).unwrap()
}

fn merged(port: &str, json: &str) -> Endpoints {
    merge(port, slices(json).iter(), false)
}

/// `address state uid zone` of each endpoint.
fn show(endpoints: &Endpoints) -> Vec<String> {
    let line = |endpoint: &snapshot::Endpoint| {
        let uid = endpoint.uid.as_deref().unwrap_or("-");
        let zone = endpoint.zone.as_deref().unwrap_or("-");
        format!("{} {:?} {uid} {zone}", endpoint.address, endpoint.state)
    };
    endpoints.list.iter().map(line).collect()
}

fn one_slice(endpoints: &str) -> String {
    format!(r#"[{{"addressType": "IPv4", "ports": [{{"port": 80}}], "endpoints": [{endpoints}]}}]"#)
}

#[test]
fn absent_conditions_mean_what_kubernetes_says() {
    use EndpointState::{Draining, NotReady, Ready};
    for (conditions, state) in [
        ("{}", Ready),
        (r#"{"ready": true}"#, Ready),
        (r#"{"ready": null, "serving": null, "terminating": null}"#, Ready),
        (r#"{"ready": false}"#, NotReady),
        (r#"{"ready": false, "serving": true}"#, NotReady),
        (r#"{"ready": false, "serving": true, "terminating": true}"#, Draining),
        (r#"{"ready": false, "serving": false, "terminating": true}"#, NotReady),
        (r#"{"ready": false, "terminating": true}"#, NotReady),
        (r#"{"terminating": true}"#, Draining),
        (r#"{"ready": true, "serving": false, "terminating": true}"#, Draining),
    ] {
        let endpoint = format!(r#"{{"addresses": ["10.0.0.1"], "conditions": {conditions}}}"#);
        let found = merged("", &one_slice(&endpoint));
        assert_eq!(found.list[0].state, state, "{conditions}");
    }
}

#[test]
fn slices_of_both_families_are_merged_in_order() {
    let found = merged(
        "web",
        r#"[{"addressType": "IPv6", "ports": [{"name": "web", "port": 81}], "endpoints":
                [{"addresses": ["fd00::1"], "zone": "a"}]},
            {"addressType": "IPv4", "ports": [{"name": "admin", "port": 1},
                {"name": "web", "port": 80, "protocol": "TCP"}], "endpoints": [
                {"addresses": ["10.0.0.2", "10.0.0.9"], "targetRef": {"kind": "Pod", "uid": "u"}},
                {"addresses": ["10.0.0.1"]}]}]"#,
    );
    let expected = ["10.0.0.1:80 Ready - -", "10.0.0.2:80 Ready u -", "[fd00::1]:81 Ready - a"];
    assert_eq!(show(&found), expected);
    assert!(found.ignored.is_empty());
}

#[test]
fn ports_are_joined_by_name_and_only_tcp_counts() {
    let slice = |ports| {
        format!(
            r#"[{{"addressType": "IPv4", "ports": {ports},
                  "endpoints": [{{"addresses": ["10.0.0.1"]}}]}}]"#
        )
    };
    for (port, ports, number) in [
        ("", r#"[{"port": 1}]"#, Some(1)),
        ("", r#"[{"name": "", "port": 2}]"#, Some(2)),
        ("a", r#"[{"name": "b", "port": 1}, {"name": "a", "port": 3}]"#, Some(3)),
        (
            "a",
            r#"[{"name": "a", "port": 1, "protocol": "UDP"}, {"name": "a", "port": 4}]"#,
            Some(4),
        ),
        ("a", r#"[{"port": 1}]"#, None),
        ("", r#"[{"name": "a", "port": 1}]"#, None),
        ("a", r#"[{"name": "a", "port": 1, "protocol": "SCTP"}]"#, None),
        ("a", r#"[{"name": "a"}]"#, None),
        ("a", "null", None),
    ] {
        let found = merged(port, &slice(ports));
        let ports: Vec<_> = found.list.iter().map(|endpoint| endpoint.address.port()).collect();
        assert_eq!(ports, Vec::from_iter(number), "{port} {ports:?}");
    }
}

#[test]
fn an_address_in_several_slices_has_its_best_state_whatever_their_order() {
    let slice = |conditions: &str, uid: &str| {
        format!(
            r#"{{"addressType": "IPv4", "ports": [{{"port": 80}}], "endpoints": [
                {{"addresses": ["10.0.0.1"], "conditions": {conditions}, "targetRef": {uid}}}]}}"#
        )
    };
    let gone = slice(r#"{"ready": false}"#, r#"{"uid": "a"}"#);
    let leaving = slice(r#"{"ready": false, "serving": true, "terminating": true}"#, "null");
    let ready = slice("{}", r#"{"uid": "b"}"#);
    let bare = slice("{}", "null");
    for (slices, expected) in [
        ([&gone, &ready], "10.0.0.1:80 Ready b -"),
        ([&gone, &leaving], "10.0.0.1:80 Draining - -"),
        ([&ready, &bare], "10.0.0.1:80 Ready b -"),
        ([&gone, &gone], "10.0.0.1:80 NotReady a -"),
    ] {
        let there = merged("", &format!("[{}, {}]", slices[0], slices[1]));
        let back = merged("", &format!("[{}, {}]", slices[1], slices[0]));
        assert_eq!(show(&there), [expected]);
        assert_eq!(there, back);
    }
}

#[test]
fn addresses_that_are_no_pods_are_refused_and_named() {
    for (address, what) in [
        ("127.0.0.1", "loopback"),
        ("127.8.8.8", "loopback"),
        ("::1", "loopback"),
        ("::ffff:127.0.0.1", "loopback"),
        ("169.254.169.254", "link-local"),
        ("::ffff:169.254.169.254", "link-local"),
        ("fe80::1", "link-local"),
        ("febf::1", "link-local"),
        ("0.0.0.0", "unspecified"),
        ("0.1.2.3", "unspecified"),
        ("::", "unspecified"),
        ("224.0.0.1", "multicast"),
        ("ff02::1", "multicast"),
        ("255.255.255.255", "broadcast"),
        ("::127.0.0.1", "IPv4-compatible"),
    ] {
        let found = merged("", &one_slice(&format!(r#"{{"addresses": ["{address}"]}}"#)));
        assert!(found.list.is_empty(), "{address}");
        let expected = format!("`{address}`: {what} addresses are refused");
        assert_eq!(*found.ignored, [expected.into()]);
    }
    let served = ["10.0.0.1", "192.168.0.1", "100.64.0.1", "203.0.113.1", "fd00::1", "2001:db8::1"];
    for address in served {
        let found = merged("", &one_slice(&format!(r#"{{"addresses": ["{address}"]}}"#)));
        assert_eq!(found.list.len(), 1, "{address}");
    }
}

#[test]
fn loopback_is_served_where_the_operator_says_so_and_nothing_else_is() {
    let json = one_slice(
        r#"{"addresses": ["127.0.0.1"]}, {"addresses": ["169.254.1.1"]}, {"addresses": []}"#,
    );
    let found = merge("", slices(&json).iter(), true);
    assert_eq!(show(&found), ["127.0.0.1:80 Ready - -"]);
    assert_eq!(found.ignored.len(), 2);
}

#[test]
fn names_are_not_resolved_and_not_silently_dropped() {
    let found = merged(
        "",
        r#"[{"addressType": "FQDN", "ports": [{"port": 80}], "endpoints":
                [{"addresses": ["a.example"]}]},
            {"addressType": "IPv4", "ports": [{"port": 80}], "endpoints": null},
            {"addressType": "IPv4", "ports": [{"port": 80}], "endpoints":
                [{"addresses": ["10.0.0"]}]}]"#,
    );
    assert!(found.list.is_empty());
    let expected = ["`10.0.0`: no IP address", "`a.example`: addressType `FQDN` is not resolved"];
    assert_eq!(found.ignored.iter().map(|text| &**text).collect::<Vec<_>>(), expected);
}

#[test]
fn of_many_ignored_addresses_a_few_are_named() {
    let many: Vec<_> = (1..=20).map(|i| format!(r#"{{"addresses": ["127.0.0.{i}"]}}"#)).collect();
    let found = merged("", &one_slice(&many.join(",")));
    assert_eq!(found.ignored.len(), 9);
    assert_eq!(found.ignored.last().map(|text| &**text), Some("and 12 more"));
}
