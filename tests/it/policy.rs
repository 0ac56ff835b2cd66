//! What routes and policies ask for beyond matching: retries, sessions, CORS, TLS to backends.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use http::{Method, Response, StatusCode};
use http_body_util::Full;

use crate::harness::backend::Backend;
use crate::harness::client::{Client, full};
use crate::harness::echo::Echo;
use crate::harness::manifest::{everything_to, route, service};
use crate::harness::site::Site;
use crate::harness::tls::{Certificate, TlsFront};

const HOST: &str = "a.example.com";

#[tokio::test]
async fn a_route_may_ask_for_another_try_after_a_status() {
    let count = Arc::new(AtomicUsize::new(0));
    let backend = Backend::start(move |_| {
        let first = count.fetch_add(1, Ordering::Relaxed) == 0;
        let mut response = Response::new(Full::new(Bytes::from("done")));
        if first {
            *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
        }
        async move { response }
    })
    .await;
    let rules = "  - retry: {codes: [503], attempts: 2}\n    backendRefs: [{name: v1, port: 80}]";
    let site = Site::serve(&[
        ("v1.yaml", service("v1", &[backend.address])),
        ("route.yaml", route("all", HOST, rules)),
    ])
    .await;
    assert_eq!(site.get(HOST, "/again").await.text(), "done");
    let line = site.access("/again").await;
    assert_eq!((&line["tries"], &line["retry"]), (&2.into(), &"route".into()), "{line}");
}

#[tokio::test]
async fn a_session_stays_with_its_endpoint() {
    let (a, b) = (Echo::start("a").await, Echo::start("b").await);
    let rules = "  - sessionPersistence: {type: Cookie, cookie: {name: sticky}}
    backendRefs: [{name: v1, port: 80}]";
    let site = Site::serve(&[
        ("v1.yaml", service("v1", &[a.address, b.address])),
        ("route.yaml", route("all", HOST, rules)),
    ])
    .await;
    let first = site.get(HOST, "/").await;
    let cookie = first.header("set-cookie").split(';').next().unwrap().to_owned();
    assert!(cookie.starts_with("sticky="), "{cookie}");
    let mut client = Client::http1(site.address()).await;
    for _ in 0..20 {
        let request = client.request(Method::GET, HOST, "/").header("cookie", &cookie);
        assert_eq!(client.call(request.body(full("")).unwrap()).await.name(), first.name());
    }
}

#[tokio::test]
async fn a_preflight_is_answered_here() {
    let backend = Backend::saying("hello").await;
    let rules = "  - filters:
    - {type: CORS, cors: {allowOrigins: [\"https://app.example.com\"], allowMethods: [PUT]}}
    backendRefs: [{name: v1, port: 80}]";
    let site = Site::serve(&[
        ("v1.yaml", service("v1", &[backend.address])),
        ("route.yaml", route("all", HOST, rules)),
    ])
    .await;
    let mut client = Client::http1(site.address()).await;
    for (origin, allowed) in [("https://app.example.com", true), ("https://evil.com", false)] {
        let preflight = client
            .request(Method::OPTIONS, HOST, "/")
            .header("origin", origin)
            .header("access-control-request-method", "PUT");
        let answer = client.call(preflight.body(full("")).unwrap()).await;
        let expected = if allowed { origin } else { "" };
        assert_eq!(answer.header("access-control-allow-origin"), expected);
    }
    assert_eq!(backend.seen().len(), 0);
}

/// A BackendTLSPolicy for the Service `v1`, with its authority.
fn policy(hostname: &str, authority: &Certificate) -> String {
    let pem = authority.pem();
    let pem: String = pem.lines().map(|line| format!("    {line}\n")).collect();
    format!(
        "apiVersion: gateway.networking.k8s.io/v1
kind: BackendTLSPolicy
metadata: {{name: v1, namespace: default}}
spec:
  targetRefs: [{{group: \"\", kind: Service, name: v1}}]
  validation:
    hostname: {hostname}
    caCertificateRefs: [{{group: \"\", kind: ConfigMap, name: authority}}]
---
apiVersion: v1
kind: ConfigMap
metadata: {{name: authority, namespace: default}}
data:
  ca.crt: |
{pem}"
    )
}

#[tokio::test]
async fn backends_are_reached_over_tls_and_only_the_right_ones() {
    let echo = Echo::start("v1").await;
    let (inner, other) = ("inner.example.com", "other.example.com");
    let certificate = Certificate::new(&[inner]);
    let front = TlsFront::start(&certificate, echo.address).await;
    let site = Site::serve(&[
        ("v1.yaml", service("v1", &[front.address])),
        ("policy.yaml", policy(inner, &certificate)),
        ("route.yaml", route("all", HOST, &everything_to("v1"))),
    ])
    .await;
    assert_eq!(site.get(HOST, "/").await.name(), "v1");
    for wrong in [policy(other, &certificate), policy(inner, &Certificate::new(&[inner]))] {
        site.change(|folder| folder.write("policy.yaml", &wrong)).await;
        let status = site.get(HOST, "/").await.status;
        assert!(status == 502 || status == 503, "{status}");
    }
}
