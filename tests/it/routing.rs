//! Which backend a request reaches, and in what form.

use http::{Method, StatusCode};

use crate::harness::backend::Backend;
use crate::harness::client::{Client, full};
use crate::harness::echo::Echo;
use crate::harness::manifest::{everything_to, route, service};
use crate::harness::site::Site;

#[tokio::test]
async fn host_path_header_and_method_decide() {
    let (a, b, c) = (Echo::start("a").await, Echo::start("b").await, Echo::start("c").await);
    let rules = "  - matches: [{path: {type: PathPrefix, value: /api}}]
    backendRefs: [{name: b, port: 80}]
  - matches: [{headers: [{name: x-version, value: beta}]}, {method: DELETE}]
    backendRefs: [{name: c, port: 80}]
  - backendRefs: [{name: a, port: 80}]";
    let site = Site::serve(&[
        ("a.yaml", service("a", &[a.address])),
        ("b.yaml", service("b", &[b.address])),
        ("c.yaml", service("c", &[c.address])),
        ("one.yaml", route("one", "one.example.com", rules)),
        ("two.yaml", route("two", "*.two.example.com", &everything_to("b"))),
    ])
    .await;
    for (host, path, name) in [
        ("one.example.com", "/", "a"),
        ("ONE.example.com.", "/", "a"),
        ("one.example.com", "/api", "b"),
        ("one.example.com", "/api/x?y=1", "b"),
        ("one.example.com", "/apis", "a"),
        ("x.two.example.com", "/api", "b"),
        ("x.y.two.example.com", "/", "b"),
        ("two.example.com", "/", ""),
        ("three.example.com", "/", ""),
    ] {
        let answer = site.get(host, path).await;
        assert_eq!(answer.name(), name, "{host}{path}: {}", answer.text());
        assert_eq!(answer.status == StatusCode::NOT_FOUND, name.is_empty(), "{host}{path}");
    }
    let mut client = Client::http1(site.address()).await;
    let beta = client.request(Method::GET, "one.example.com", "/").header("x-version", "beta");
    assert_eq!(client.call(beta.body(full("")).unwrap()).await.name(), "c");
    let delete = client.request(Method::DELETE, "one.example.com", "/").body(full("")).unwrap();
    assert_eq!(client.call(delete).await.name(), "c");
}

#[tokio::test]
async fn weights_share_requests_out() {
    let (most, few) = (Backend::saying("most").await, Backend::saying("few").await);
    let rules = "  - backendRefs:
    - {name: most, port: 80, weight: 9}
    - {name: few, port: 80, weight: 1}
    - {name: none, port: 80, weight: 0}";
    let site = Site::serve(&[
        ("most.yaml", service("most", &[most.address])),
        ("few.yaml", service("few", &[few.address])),
        ("none.yaml", service("none", &[])),
        ("route.yaml", route("shares", "a.example.com", rules)),
    ])
    .await;
    let mut client = Client::http1(site.address()).await;
    let total = 1_000;
    for _ in 0..total {
        assert_eq!(client.get("a.example.com", "/").await.status, StatusCode::OK);
    }
    let few = few.seen().len();
    assert_eq!(most.seen().len() + few, total);
    // Expected 100 with a deviation of 9.5: this is six deviations to either side.
    assert!((43..=157).contains(&few), "{few} of {total}");
}

#[tokio::test]
async fn filters_change_what_is_sent_and_what_comes_back() {
    let backend = Backend::saying("hello").await;
    let rules = "  - matches: [{path: {type: PathPrefix, value: /old}}]
    filters:
    - {type: RequestRedirect, requestRedirect: {statusCode: 301, path:
        {type: ReplacePrefixMatch, replacePrefixMatch: /new}}}
  - matches: [{path: {type: PathPrefix, value: /api}}]
    filters:
    - {type: RequestHeaderModifier, requestHeaderModifier: {set: [{name: x-team, value: red}]}}
    - {type: ResponseHeaderModifier, responseHeaderModifier: {add: [{name: x-seen, value: yes}]}}
    - {type: URLRewrite, urlRewrite: {hostname: inner.example.com, path:
        {type: ReplacePrefixMatch, replacePrefixMatch: /}}}
    backendRefs: [{name: v1, port: 80}]"
        .replace("value: yes", "value: \"yes\"");
    let site = Site::serve(&[
        ("v1.yaml", service("v1", &[backend.address])),
        ("route.yaml", route("filters", "a.example.com", &rules)),
    ])
    .await;
    let answer = site.get("a.example.com", "/old/x?y=1").await;
    assert_eq!(answer.status, StatusCode::MOVED_PERMANENTLY);
    let location = format!("http://a.example.com:{}/new/x?y=1", site.port);
    assert_eq!(answer.header("location"), location);
    let answer = site.get("a.example.com", "/api/x?y=1").await;
    assert_eq!((answer.text().as_str(), answer.header("x-seen")), ("hello", "yes"));
    let seen = &backend.saw(1).await[0];
    assert_eq!(seen.path, "/x?y=1");
    assert_eq!((seen.header("host"), seen.header("x-team")), ("inner.example.com", "red"));
}

#[tokio::test]
async fn a_backend_learns_who_asked_and_nothing_forged() {
    let backend = Backend::saying("hello").await;
    let site = Site::serve(&[
        ("v1.yaml", service("v1", &[backend.address])),
        ("route.yaml", route("all", "a.example.com", &everything_to("v1"))),
    ])
    .await;
    let mut client = Client::http1(site.address()).await;
    let request = client
        .request(Method::GET, "a.example.com", "/")
        .header("x-forwarded-for", "6.6.6.6")
        .header("x-forwarded-proto", "https")
        .header("connection", "x-secret")
        .header("x-secret", "1")
        .body(full("body"))
        .unwrap();
    client.call(request).await;
    let seen = &backend.saw(1).await[0];
    assert_eq!(seen.body, "body");
    assert_eq!(seen.header("x-forwarded-for"), "127.0.0.1");
    assert_eq!(seen.header("x-forwarded-proto"), "http");
    assert_eq!(seen.header("x-forwarded-host"), "a.example.com");
    assert_eq!(seen.header("x-secret"), "");
    assert!(!seen.header("x-request-id").is_empty());
}

#[tokio::test]
async fn a_mirror_gets_a_copy_and_its_answer_is_forgotten() {
    let (main, copy) = (Backend::saying("main").await, Backend::saying("copy").await);
    let rules = "  - filters:
    - {type: RequestMirror, requestMirror: {backendRef: {name: copy, port: 80}}}
    backendRefs: [{name: main, port: 80}]";
    let site = Site::serve(&[
        ("main.yaml", service("main", &[main.address])),
        ("copy.yaml", service("copy", &[copy.address])),
        ("route.yaml", route("mirrored", "a.example.com", rules)),
    ])
    .await;
    assert_eq!(site.get("a.example.com", "/x").await.text(), "main");
    assert_eq!(copy.saw(1).await[0].path, "/x");
    assert_eq!(main.seen().len(), 1);
}
