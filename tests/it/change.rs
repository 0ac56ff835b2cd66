//! Changes go live while requests run, and none is lost.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use http::StatusCode;

use crate::harness::backend::Backend;
use crate::harness::client::Client;
use crate::harness::echo::Echo;
use crate::harness::manifest::{
    everything_to, gateway, http_listener, route, service, service_with,
};
use crate::harness::port;
use crate::harness::site::Site;
use crate::harness::within;

const HOST: &str = "a.example.com";

async fn site(echo: &Echo) -> Site {
    Site::serve(&[
        ("v1.yaml", service("v1", &[echo.address])),
        ("route.yaml", route("all", HOST, &everything_to("v1"))),
    ])
    .await
}

#[tokio::test]
async fn a_new_route_is_served_and_a_deleted_one_is_not() {
    let echo = Echo::start("v1").await;
    let site = site(&echo).await;
    assert_eq!(site.get("new.example.com", "/").await.status, StatusCode::NOT_FOUND);
    let text = route("new", "new.example.com", &everything_to("v1"));
    site.change(|folder| folder.write("new.yaml", &text)).await;
    assert_eq!(site.get("new.example.com", "/").await.status, StatusCode::OK);
    site.change(|folder| folder.remove("new.yaml")).await;
    assert_eq!(site.get("new.example.com", "/").await.status, StatusCode::NOT_FOUND);
    assert_eq!(site.get(HOST, "/").await.status, StatusCode::OK);
}

#[tokio::test]
async fn listeners_come_and_go_while_connections_stay() {
    let echo = Echo::start("v1").await;
    let site = site(&echo).await;
    let mut kept = Client::http1(site.address()).await;
    assert_eq!(kept.get(HOST, "/").await.status, StatusCode::OK);
    let second = port::free();
    let two = [http_listener("http", site.port), http_listener("more", second)];
    site.change(|folder| folder.write("gateway.yaml", &gateway(&two))).await;
    let mut other = Client::http1(([127, 0, 0, 1], second).into()).await;
    assert_eq!(other.get(HOST, "/").await.status, StatusCode::OK);
    let only = [http_listener("http", site.port)];
    site.change(|folder| folder.write("gateway.yaml", &gateway(&only))).await;
    // Each thread closes its socket when its queue is empty, soon after the change is live.
    within("the port to be closed", async {
        while tokio::net::TcpStream::connect(("127.0.0.1", second)).await.is_ok() {}
    })
    .await;
    assert_eq!(kept.get(HOST, "/").await.status, StatusCode::OK);
}

/// Asks over keep-alive connections until told to stop; the statuses that were no 200.
async fn load(site: &Site, stop: Arc<AtomicBool>) -> Vec<StatusCode> {
    let mut clients = [Client::http1(site.address()).await, Client::http2(site.address()).await];
    let mut bad = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        for client in &mut clients {
            let status = client.get(HOST, "/").await.status;
            if status != StatusCode::OK {
                bad.push(status);
            }
        }
    }
    bad
}

#[tokio::test]
async fn endpoints_move_under_load_without_a_lost_request() {
    let (a, b) = (Backend::saying("a").await, Backend::saying("b").await);
    let echo = Echo::start("unused").await;
    let site = site(&echo).await;
    site.change(|folder| folder.write("v1.yaml", &service("v1", &[a.address]))).await;
    let stop = Arc::new(AtomicBool::new(false));
    let changes = async {
        for round in 0..20 {
            let (now, other) = if round % 2 == 0 { (&b, &a) } else { (&a, &b) };
            let text = service("v1", &[now.address]);
            site.change(|folder| folder.write("v1.yaml", &text)).await;
            // After the change is live, only the new endpoint is asked.
            let before = other.seen().len();
            site.get(HOST, "/").await;
            now.saw(now.seen().len()).await;
            assert!(other.seen().len() <= before + 2, "requests in flight at the change at most");
        }
        stop.store(true, Ordering::Relaxed);
    };
    let (bad, ()) = tokio::join!(load(&site, stop.clone()), changes);
    assert!(bad.is_empty(), "{bad:?}");
}

#[tokio::test]
async fn calls_on_one_connection_reach_an_endpoint_that_is_new() {
    let (old, new) = (Echo::start("old").await, Echo::start("new").await);
    let h2c = "appProtocol: kubernetes.io/h2c";
    let only = service_with("v1", h2c, &[(old.address, "{}")]);
    let site =
        Site::serve(&[("v1.yaml", only), ("route.yaml", route("all", HOST, &everything_to("v1")))])
            .await;
    // Neither the client's connection nor ours to the old endpoint ends on the way.
    let mut client = Client::http2(site.address()).await;
    for _ in 0..5 {
        assert_eq!(client.get(HOST, "/").await.name(), "old");
    }
    let both = service_with("v1", h2c, &[(old.address, "{}"), (new.address, "{}")]);
    site.change(|folder| folder.write("v1.yaml", &both)).await;
    let mut seen = std::collections::BTreeSet::new();
    within("calls to both", async {
        while seen.len() < 2 {
            seen.insert(client.get(HOST, "/").await.name());
        }
    })
    .await;
}

#[tokio::test]
async fn routes_change_under_load_without_a_lost_request() {
    let echo = Echo::start("v1").await;
    let site = site(&echo).await;
    let stop = Arc::new(AtomicBool::new(false));
    let changes = async {
        for round in 0..20 {
            let value = format!("round-{round}");
            let rules = format!(
                "  - filters:
    - {{type: ResponseHeaderModifier, responseHeaderModifier:
        {{set: [{{name: x-round, value: {value}}}]}}}}
    backendRefs: [{{name: v1, port: 80}}]"
            );
            let text = route("all", HOST, &rules);
            site.change(|folder| folder.write("route.yaml", &text)).await;
            assert_eq!(site.get(HOST, "/").await.header("x-round"), value);
        }
        stop.store(true, Ordering::Relaxed);
    };
    let (bad, ()) = tokio::join!(load(&site, stop.clone()), changes);
    assert!(bad.is_empty(), "{bad:?}");
}

#[tokio::test]
async fn a_request_waits_for_the_endpoint_that_is_about_to_come() {
    let backend = Backend::saying("late").await;
    let site = Site::serve(&[
        ("v1.yaml", service("v1", &[])),
        ("route.yaml", route("all", HOST, &everything_to("v1"))),
    ])
    .await;
    let arrival = async {
        // Not before the request is known to wait.
        within("the wait", async {
            while !site.admin("/v1/endpoints").await.text().contains("\"waiting\":1") {}
        })
        .await;
        site.change(|folder| folder.write("v1.yaml", &service("v1", &[backend.address]))).await;
    };
    let (answer, ()) = tokio::join!(site.get(HOST, "/"), arrival);
    assert_eq!((answer.status, answer.text().as_str()), (StatusCode::OK, "late"));
}

#[tokio::test]
async fn a_terminating_endpoint_is_used_only_when_no_other_is_left() {
    let (old, new) = (Backend::saying("old").await, Backend::saying("new").await);
    let leaving = "{ready: false, serving: true, terminating: true}";
    let site = Site::serve(&[
        ("v1.yaml", service_with("v1", "", &[(old.address, leaving)])),
        ("route.yaml", route("all", HOST, &everything_to("v1"))),
    ])
    .await;
    assert_eq!(site.get(HOST, "/").await.text(), "old");
    let both = service_with("v1", "", &[(old.address, leaving), (new.address, "{}")]);
    site.change(|folder| folder.write("v1.yaml", &both)).await;
    for _ in 0..10 {
        assert_eq!(site.get(HOST, "/").await.text(), "new");
    }
}
