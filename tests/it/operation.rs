//! What operators see: health, metrics, views, the access log; and how it ends.

use std::time::Duration;

use http::{Method, StatusCode};
use tokio::net::TcpStream;

use crate::harness::client::{Client, full};
use crate::harness::echo::Echo;
use crate::harness::manifest::{everything_to, route, service};
use crate::harness::process::said;
use crate::harness::site::{Setup, Site};
use crate::harness::within;

const HOST: &str = "a.example.com";

fn setup(echo: &Echo) -> Setup {
    Setup::new()
        .file("v1.yaml", &service("v1", &[echo.address]))
        .file("route.yaml", &route("all", HOST, &everything_to("v1")))
}

async fn site(echo: &Echo) -> Site {
    setup(echo).start().await
}

#[tokio::test]
async fn metrics_count_requests_by_route_and_backend() {
    let echo = Echo::start("v1").await;
    let site = site(&echo).await;
    for path in ["/", "/status/503", "/"] {
        site.get(HOST, path).await;
    }
    site.get("none.example.com", "/").await;
    // The end of a request is a moment behind its last byte.
    let text = within("the numbers", async {
        loop {
            let text = site.admin("/metrics").await.text();
            if text.contains("headgate_requests_total{code=\"4xx\"} 1\n")
                && text.contains("headgate_requests_in_flight 0\n")
            {
                return text;
            }
        }
    })
    .await;
    for line in [
        "headgate_route_requests_total{route=\"HTTPRoute/default/all/0\",code=\"2xx\"} 2",
        "headgate_route_requests_total{route=\"HTTPRoute/default/all/0\",code=\"5xx\"} 1",
        "headgate_requests_total{code=\"2xx\"} 2",
        "headgate_backend_tries_total{backend=\"default/v1:80\",code=\"2xx\"} 2",
        "headgate_backend_endpoints{backend=\"default/v1:80\",state=\"ready\"} 1",
        "headgate_snapshot_version 1",
        "headgate_change_live_seconds_count 1",
    ] {
        assert!(text.lines().any(|found| found == line), "{line} in\n{text}");
    }
}

#[tokio::test]
async fn series_leave_with_their_route_and_totals_stay() {
    let echo = Echo::start("v1").await;
    let site = site(&echo).await;
    site.get(HOST, "/").await;
    site.access("/").await;
    assert!(site.admin("/metrics").await.text().contains("HTTPRoute/default/all/0"));
    site.change(|folder| folder.remove("route.yaml")).await;
    let text = within("the series to leave", async {
        loop {
            let text = site.admin("/metrics").await.text();
            if !text.contains("HTTPRoute/default/all/0") {
                return text;
            }
        }
    })
    .await;
    assert!(text.contains("headgate_requests_total{code=\"2xx\"} 1\n"));
}

#[tokio::test]
async fn the_access_log_tells_route_endpoint_and_times() {
    let echo = Echo::start("v1").await;
    let site = site(&echo).await;
    let mut client = Client::http2(site.address()).await;
    let request = client.request(Method::POST, HOST, "/sink?x=1");
    let request = request.header("user-agent", "a \"quoted\" one").body(full("12345")).unwrap();
    client.call(request).await;
    let line = site.access("/sink?x=1").await;
    for (field, value) in [
        ("method", "POST"),
        ("host", HOST),
        ("protocol", "HTTP/2"),
        ("route", "HTTPRoute/default/all/0"),
        ("backend", "default/v1:80"),
        ("endpoint", &echo.address.to_string()),
        ("listener", "Gateway/default/web/http"),
        ("user_agent", "a \"quoted\" one"),
    ] {
        assert_eq!(line[field], value, "{line}");
    }
    assert_eq!((&line["status"], &line["received_bytes"]), (&200.into(), &5.into()));
    assert_eq!((&line["sent_bytes"], &line["tries"]), (&2.into(), &1.into()));
    let time = |name: &str| line[name].as_f64().unwrap();
    assert!(time("upstream_seconds") <= time("first_byte_seconds"), "{line}");
    assert!(time("first_byte_seconds") <= time("duration_seconds"), "{line}");
    assert!(line["client"].as_str().unwrap().starts_with("127.0.0.1:"), "{line}");
    assert!(!line["id"].as_str().unwrap().is_empty());
}

#[tokio::test]
async fn commands_show_what_is_live() {
    let echo = Echo::start("v1").await;
    let site = site(&echo).await;
    let admin = format!("--admin={}", site.admin);
    let (text, code) = said(&["status", &admin]);
    assert_eq!(code, 0, "{text}");
    assert!(text.starts_with("ready, version v1"), "{text}");
    assert!(text.contains("Gateway/default/web/http"), "{text}");
    let (text, code) = said(&["routes", &admin]);
    assert_eq!(code, 0);
    assert!(text.contains("HTTPRoute/default/all/0") && text.contains("default/v1:80 x1"));
    let (text, code) = said(&["endpoints", &admin]);
    assert_eq!(code, 0);
    assert!(text.contains(&echo.address.to_string()) && text.contains("ready"), "{text}");
    let url = format!("http://{HOST}:{}/", site.port);
    let (text, code) = said(&["explain", &admin, "GET", &url]);
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("rule      HTTPRoute/default/all/0"), "{text}");
    let (text, code) = said(&["explain", &admin, "-o", "json", "GET", &url]);
    assert_eq!(code, 0, "{text}");
    assert!(serde_json::from_str::<serde_json::Value>(&text).unwrap().is_array());
}

#[tokio::test]
async fn views_never_show_a_key() {
    let echo = Echo::start("v1").await;
    let certificate = crate::harness::tls::Certificate::new(&[HOST]);
    let port = crate::harness::port::free();
    let listener = crate::harness::manifest::https_listener("https", port, HOST, "a");
    let site = setup(&echo)
        .file("secret.yaml", &certificate.secret("a"))
        .file("gateway.yaml", &crate::harness::manifest::gateway(&[listener]))
        .start()
        .await;
    for path in ["/v1/snapshot", "/v1/status", "/v1/routes", "/v1/endpoints"] {
        let answer = site.admin(path).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}");
        let text = answer.text();
        assert!(!text.contains("PRIVATE") && !text.contains("BEGIN"), "{path}: {text}");
    }
    assert!(site.admin("/v1/snapshot").await.json()["certificates"]["default/a"].is_string());
}

#[tokio::test]
async fn a_signal_finishes_what_runs_and_takes_nothing_new() {
    let echo = Echo::start("v1").await;
    let mut site = site(&echo).await;
    let mut client = Client::http1(site.address()).await;
    let request = client.request(Method::GET, HOST, "/stream/20").body(full("")).unwrap();
    let response = client.send(request).await.unwrap();
    site.process.signal("TERM");
    site.logged("a second signal").await;
    // The answer that had begun is finished, two seconds later.
    let answer = crate::harness::client::Answer::of(response).await.unwrap();
    assert!(answer.text().ends_with("line 20\n"), "{}", answer.text());
    assert!(site.process.ended().await.success());
    assert!(TcpStream::connect(site.address()).await.is_err());
}

#[tokio::test]
async fn while_it_ends_it_is_not_ready_and_still_serves() {
    let echo = Echo::start("v1").await;
    let site = setup(&echo).arg("--pre-drain=600s").arg("--deadline=600s").start().await;
    let mut kept = Client::http2(site.address()).await;
    kept.get(HOST, "/").await;
    site.process.signal("INT");
    site.logged("a second signal").await;
    assert_eq!(site.admin("/readyz").await.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(site.admin("/healthz").await.status, StatusCode::OK);
    let answer = site.get(HOST, "/").await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.header("connection"), "close");
    // Endpoints still follow their manifests.
    let second = Echo::start("v2").await;
    site.change(|folder| folder.write("v1.yaml", &service("v1", &[second.address]))).await;
    assert_eq!(site.get(HOST, "/").await.name(), "v2");
}

#[tokio::test]
async fn a_second_signal_ends_it_at_once() {
    let echo = Echo::start("v1").await;
    let mut site = setup(&echo).arg("--pre-drain=600s").arg("--deadline=600s").start().await;
    site.process.signal("TERM");
    site.logged("a second signal").await;
    site.process.signal("TERM");
    assert!(site.process.ended().await.success());
}

#[tokio::test]
async fn what_outlives_the_deadline_is_cut() {
    let echo = Echo::start("v1").await;
    let mut site = setup(&echo).arg("--deadline=300ms").start().await;
    let mut client = Client::http1(site.address()).await;
    let request = client.request(Method::GET, HOST, "/stream/100000").body(full("")).unwrap();
    let response = client.send(request).await.unwrap();
    site.process.signal("TERM");
    assert!(crate::harness::client::Answer::of(response).await.is_err());
    let ended = tokio::time::timeout(Duration::from_secs(20), site.process.ended()).await;
    assert!(ended.unwrap().success());
}
