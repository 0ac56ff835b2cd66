//! What is counted, and how it shows to whoever scrapes.

use std::time::Duration;

use expect_test::expect;
use http::StatusCode;
use metrics::{Key, Label, Level, Metadata, Recorder};
use snapshot::{BackendKey, ObjectKey, RouteKey, RouteKind};

use super::{Finished, RetryBy, RetryReason, Telemetry, TryFailure};

fn route(name: &str) -> RouteKey {
    RouteKey { kind: RouteKind::Http, object: ObjectKey::new("shop", name), rule: 0 }
}

fn finished(status: u16) -> Finished {
    Finished {
        status: StatusCode::from_u16(status).ok(),
        duration: Duration::from_millis(3),
        received: 0,
        sent: 10,
    }
}

/// Our lines with this in them that are not zero, without heads and single buckets.
fn lines(telemetry: &Telemetry, part: &str) -> String {
    let text = telemetry.render();
    let lines = text.lines().filter(|line| line.contains(part) && !line.ends_with(" 0"));
    let lines = lines.filter(|line| line.starts_with("headgate_") && !line.contains("_bucket{"));
    lines.map(|line| format!("{line}\n")).collect()
}

#[test]
fn a_request_counts_for_its_route_and_in_the_total() {
    let telemetry = Telemetry::new();
    let metrics = telemetry.route(&route("cart"));
    metrics.begin();
    metrics.retry(RetryBy::Law, RetryReason::GoAway);
    metrics.finish(&finished(200));
    telemetry.unrouted().begin();
    telemetry.unrouted().finish(&finished(404));
    expect![[r#"
        headgate_route_requests_total{route="HTTPRoute/shop/cart/0",code="2xx"} 1
        headgate_requests_total{code="2xx"} 1
        headgate_requests_total{code="4xx"} 1
        headgate_route_retries_total{route="HTTPRoute/shop/cart/0",by="law",reason="goaway"} 1
        headgate_retries_total{by="law",reason="goaway"} 1
        headgate_route_sent_bytes_total{route="HTTPRoute/shop/cart/0"} 10
        headgate_sent_bytes_total 20
    "#]]
    .assert_eq(&lines(&telemetry, "_total"));
    expect![[r#"
        headgate_route_request_duration_seconds_sum{route="HTTPRoute/shop/cart/0"} 0.003
        headgate_route_request_duration_seconds_count{route="HTTPRoute/shop/cart/0"} 1
        headgate_request_duration_seconds_sum 0.006
        headgate_request_duration_seconds_count 2
    "#]]
    .assert_eq(&lines(&telemetry, "request_duration_seconds"));
}

#[test]
fn a_route_that_left_stays_in_the_total() {
    let telemetry = Telemetry::new();
    let metrics = telemetry.route(&route("cart"));
    metrics.begin();
    let in_flight = telemetry.route(&route("cart"));
    in_flight.begin();
    metrics.finish(&finished(200));
    drop(metrics);
    in_flight.finish(&finished(200));
    assert!(lines(&telemetry, "shop/cart").contains("headgate_route_requests_total"));
    drop(in_flight);
    assert_eq!(lines(&telemetry, "shop/cart"), "");
    let total = "headgate_requests_total{code=\"2xx\"} 2\n";
    assert_eq!(lines(&telemetry, "headgate_requests_total{"), total);
    assert!(lines(&telemetry, "headgate_request_duration_seconds_count").ends_with(" 2\n"));
    let again = telemetry.route(&route("cart"));
    again.begin();
    again.finish(&finished(200));
    assert!(lines(&telemetry, "headgate_requests_total{").ends_with(" 3\n"));
}

#[test]
fn an_idle_route_has_no_lines() {
    let telemetry = Telemetry::new();
    let _metrics = telemetry.route(&route("cart"));
    assert!(!telemetry.render().contains("shop/cart"));
}

#[test]
fn a_request_without_a_status_is_counted_apart() {
    let telemetry = Telemetry::new();
    telemetry.unrouted().begin();
    telemetry.unrouted().finish(&finished(0));
    let line = "headgate_requests_total{code=\"none\"} 1\n";
    assert_eq!(lines(&telemetry, "headgate_requests_total{"), line);
}

#[test]
fn a_backend_tells_tries_failures_and_connections() {
    let telemetry = Telemetry::new();
    let key = BackendKey { service: ObjectKey::new("shop", "cart"), port: 80 };
    let metrics = telemetry.backend(&key);
    metrics.opened(Duration::from_micros(700));
    metrics.opened(Duration::from_micros(700));
    metrics.connections(1, 1);
    metrics.begin();
    metrics.answered(StatusCode::IM_A_TEAPOT, Duration::from_millis(2));
    metrics.end();
    metrics.failed(TryFailure::Truncated);
    metrics.connections(0, -1);
    expect![[r#"
        headgate_backend_connect_seconds_sum{backend="shop/cart:80"} 0.0014
        headgate_backend_connect_seconds_count{backend="shop/cart:80"} 2
        headgate_backend_connections{backend="shop/cart:80",state="idle"} 1
        headgate_backend_connections_opened_total{backend="shop/cart:80"} 2
        headgate_backend_failures_total{backend="shop/cart:80",cause="truncated"} 1
        headgate_backend_response_seconds_sum{backend="shop/cart:80"} 0.002
        headgate_backend_response_seconds_count{backend="shop/cart:80"} 1
        headgate_backend_tries_total{backend="shop/cart:80",code="4xx"} 1
    "#]]
    .assert_eq(&lines(&telemetry, "backend="));
}

#[test]
fn buckets_are_cumulated_and_end_with_infinity() {
    let telemetry = Telemetry::new();
    for micros in [60, 400, 400, 9_000_000] {
        telemetry.config().change_live(Duration::from_micros(micros));
    }
    let text = telemetry.render();
    let all = text.lines().filter(|line| line.starts_with("headgate_change_live_seconds"));
    expect![[r#"
        headgate_change_live_seconds_bucket{le="0.00005"} 0
        headgate_change_live_seconds_bucket{le="0.0001"} 1
        headgate_change_live_seconds_bucket{le="0.00025"} 1
        headgate_change_live_seconds_bucket{le="0.0005"} 3
        headgate_change_live_seconds_bucket{le="0.001"} 3
        headgate_change_live_seconds_bucket{le="0.0025"} 3
        headgate_change_live_seconds_bucket{le="0.005"} 3
        headgate_change_live_seconds_bucket{le="0.01"} 3
        headgate_change_live_seconds_bucket{le="0.02"} 3
        headgate_change_live_seconds_bucket{le="0.05"} 3
        headgate_change_live_seconds_bucket{le="0.1"} 3
        headgate_change_live_seconds_bucket{le="0.25"} 3
        headgate_change_live_seconds_bucket{le="1"} 3
        headgate_change_live_seconds_bucket{le="5"} 3
        headgate_change_live_seconds_bucket{le="+Inf"} 4
        headgate_change_live_seconds_sum 9.00086
        headgate_change_live_seconds_count 4
    "#]]
    .assert_eq(&all.map(|line| format!("{line}\n")).collect::<String>());
}

#[test]
fn every_family_has_its_head_and_our_prefix() {
    let telemetry = Telemetry::new();
    telemetry.failure("no_route", "config").increment(1);
    let text = telemetry.render();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let name = line.split(['{', ' ']).next().unwrap();
        let family = ["_bucket", "_sum", "_count"]
            .iter()
            .find_map(|end| name.strip_suffix(end))
            .filter(|family| text.contains(&format!("# TYPE {family} histogram\n")))
            .unwrap_or(name);
        assert!(text.contains(&format!("# HELP {family} ")), "{family}");
        assert!(family.starts_with("headgate_") || family.starts_with("process_"), "{family}");
        let counter = text.contains(&format!("# TYPE {family} counter\n"));
        assert_eq!(counter, family.ends_with("_total"), "{family}");
    }
}

#[test]
fn other_crates_write_through_the_recorder() {
    let telemetry = Telemetry::new();
    let recorder = telemetry.recorder();
    let metadata = Metadata::new("t", Level::INFO, None);
    let key = Key::from_parts("headgate_watches_total", vec![Label::new("kind", "a\"b\n")]);
    recorder.describe_counter("headgate_watches_total".into(), None, "Watches\nbegun.".into());
    recorder.register_counter(&key, &metadata).increment(2);
    recorder.register_counter(&key, &metadata).increment(1);
    // A name has one kind; a second kind of it goes nowhere.
    recorder.register_gauge(&key, &metadata).set(9.0);
    expect![[r#"
        headgate_watches_total{kind="a\"b\n"} 3
    "#]]
    .assert_eq(&lines(&telemetry, "headgate_watches"));
}

#[test]
fn counters_kept_elsewhere_are_read_when_asked_for() {
    let telemetry = Telemetry::new();
    telemetry.show("headgate_status_writes_total", "Replaced below.", || 1);
    telemetry.show("headgate_status_writes_total", "Statuses written.", || 2);
    assert_eq!(lines(&telemetry, "headgate_status"), "headgate_status_writes_total 2\n");
}
