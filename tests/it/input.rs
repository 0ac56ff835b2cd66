//! A folder in every bad state: what is wrong is named, the rest is served, the next good version
//! heals.

use std::fs;

use http::StatusCode;

use crate::harness::echo::Echo;
use crate::harness::manifest::{everything_to, gateway, http_listener, route, service};
use crate::harness::port;
use crate::harness::process::output;
use crate::harness::site::{Setup, Site};

const HOST: &str = "a.example.com";

async fn site(echo: &Echo) -> Site {
    Site::serve(&[
        ("v1.yaml", service("v1", &[echo.address])),
        ("route.yaml", route("all", HOST, &everything_to("v1"))),
    ])
    .await
}

#[tokio::test]
async fn what_is_wrong_is_named_and_what_was_live_stays() {
    let echo = Echo::start("v1").await;
    let site = site(&echo).await;
    let good = route("all", HOST, &everything_to("v1"));
    for (bad, named) in [
        ("apiVersion: [", "route.yaml"),
        (&*good.replace("backendRefs", "backendReffs"), "backendReffs"),
        (&*good.replace("port: 80", "port: eighty"), "backendRefs[0].port"),
    ] {
        site.folder.write("route.yaml", bad);
        let line = site.logged(named).await;
        assert!(line.to_string().contains("route.yaml"), "{line}");
        assert_eq!(site.get(HOST, "/").await.status, StatusCode::OK, "{bad}");
        assert_eq!(site.admin("/readyz").await.status, StatusCode::OK);
    }
    let healed = route("all", HOST, &everything_to("v1")).replace(HOST, "b.example.com");
    site.change(|folder| folder.write("route.yaml", &healed)).await;
    assert_eq!(site.get("b.example.com", "/").await.status, StatusCode::OK);
    site.logged("no longer so").await;
}

#[tokio::test]
async fn a_bad_file_beside_good_ones_costs_only_itself() {
    let echo = Echo::start("v1").await;
    let site = Setup::new()
        .file("v1.yaml", &service("v1", &[echo.address]))
        .file("bad.yaml", "kind: [")
        .file("unknown.yaml", "apiVersion: example.com/v1\nkind: Thing\nmetadata: {name: a}\n")
        .file("route.yaml", &route("all", HOST, &everything_to("v1")))
        .start()
        .await;
    assert_eq!(site.get(HOST, "/").await.status, StatusCode::OK);
    let status = site.admin("/v1/status").await.json();
    assert!(status["problems"].to_string().contains("bad.yaml"), "{status}");
}

#[tokio::test]
async fn a_bad_regex_is_refused_alone() {
    let echo = Echo::start("v1").await;
    let site = site(&echo).await;
    let rules = "  - matches: [{path: {type: RegularExpression, value: \"/(a\"}}]
    backendRefs: [{name: v1, port: 80}]";
    site.folder.write("bad.yaml", &route("bad", "bad.example.com", rules));
    site.logged("default/bad").await;
    assert_eq!(site.get(HOST, "/").await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_port_in_use_is_named_and_taken_when_it_is_free() {
    let echo = Echo::start("v1").await;
    let site = site(&echo).await;
    let second = port::free();
    let taken = std::net::TcpListener::bind(("::", second)).unwrap();
    let two = [http_listener("http", site.port), http_listener("more", second)];
    site.change(|folder| folder.write("gateway.yaml", &gateway(&two))).await;
    site.logged("cannot listen").await;
    assert_eq!(site.get(HOST, "/").await.status, StatusCode::OK);
    // The listener says so, and the Gateway does not: its other listener is served.
    let status = site.admin("/v1/status").await.json();
    let conditions = status["conditions"].as_array().unwrap();
    let [condition] = &conditions[..] else { panic!("{status}") };
    assert_eq!(condition["about"], "listener more");
    assert_eq!(
        (&condition["condition"], &condition["status"]),
        (&"Programmed".into(), &"False".into())
    );
    assert_eq!(condition["reason"], "Pending");
    assert!(condition["message"].as_str().unwrap().contains("in use"), "{condition}");
    drop(taken);
    let healed = |status: &serde_json::Value| {
        status["unbound"].as_object().is_some_and(serde_json::Map::is_empty)
            && status["conditions"].as_array().is_some_and(Vec::is_empty)
    };
    crate::harness::within("the port to be bound", async {
        while !healed(&site.admin("/v1/status").await.json()) {}
    })
    .await;
}

#[tokio::test]
async fn a_folder_that_vanishes_leaves_everything_live() {
    let echo = Echo::start("v1").await;
    let outer = tempfile::tempdir().unwrap();
    let folder = outer.path().join("manifests");
    fs::create_dir(&folder).unwrap();
    let port = port::free();
    fs::write(folder.join("g.yaml"), gateway(&[http_listener("http", port)])).unwrap();
    fs::write(folder.join("s.yaml"), service("v1", &[echo.address])).unwrap();
    fs::write(folder.join("r.yaml"), route("all", HOST, &everything_to("v1"))).unwrap();
    let site = Setup::new().arg("--manifests").arg(folder.to_str().unwrap());
    let site = site.port(port).start().await;
    assert_eq!(site.get(HOST, "/").await.status, StatusCode::OK);
    fs::rename(&folder, outer.path().join("gone")).unwrap();
    site.logged("bring it back").await;
    assert_eq!(site.get(HOST, "/").await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_folder_that_comes_later_is_served_then_and_not_ready_before() {
    let echo = Echo::start("v1").await;
    let outer = tempfile::tempdir().unwrap();
    let (folder, made) = (outer.path().join("manifests"), outer.path().join("made"));
    let setup = Setup::new().arg("--manifests").arg(folder.to_str().unwrap());
    let port = port::free();
    let site = setup.port(port).spawn().await;
    site.logged("bring it back").await;
    assert_eq!(site.admin("/readyz").await.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(site.admin("/healthz").await.status, StatusCode::OK);
    fs::create_dir(&made).unwrap();
    fs::write(made.join("g.yaml"), gateway(&[http_listener("http", port)])).unwrap();
    fs::write(made.join("s.yaml"), service("v1", &[echo.address])).unwrap();
    fs::write(made.join("r.yaml"), route("all", HOST, &everything_to("v1"))).unwrap();
    fs::rename(&made, &folder).unwrap();
    site.live_from(0).await;
    assert_eq!(site.admin("/readyz").await.status, StatusCode::OK);
    assert_eq!(site.get(HOST, "/").await.name(), "v1");
}

#[tokio::test]
async fn an_admin_address_in_use_is_named_with_the_way_out() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().to_str().unwrap();
    let output = output(&["run", "--manifests", folder, "--admin", &address]);
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains(&address) && text.contains("off"), "{text}");
}

#[tokio::test]
async fn a_gateway_none_of_whose_addresses_is_to_be_had_is_not_programmed() {
    let echo = Echo::start("v1").await;
    let site = site(&echo).await;
    let other = port::free();
    let _taken = std::net::TcpListener::bind(("::", other)).unwrap();
    let only = [http_listener("http", other)];
    site.change(|folder| folder.write("gateway.yaml", &gateway(&only))).await;
    let status = site.admin("/v1/status").await.json();
    let about: Vec<_> = status["conditions"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|it| it["condition"] == "Programmed" && it["status"] == "False")
        .map(|it| it["about"].as_str().unwrap())
        .collect();
    assert_eq!(about, ["", "listener http"], "{status}");
}
