//! Acknowledged drain: who takes nothing new, when the answer comes, and what is cut.

mod deadline;
mod door;

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::{Method, Response};
use http_body_util::Full;
use serde_json::Value;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

use crate::harness::backend::Backend;
use crate::harness::client::{Answer, Client, full};
use crate::harness::echo::Echo;
use crate::harness::manifest::{everything_to, route, service};
use crate::harness::process::said;
use crate::harness::site::{Setup, Site};
use crate::harness::within;

const HOST: &str = "a.example.com";

/// A gateway with a drain listener, and two echoes behind one route.
struct Bed {
    site: Site,
    drain: SocketAddr,
    echoes: [Echo; 2],
}

impl Bed {
    async fn start() -> Self {
        // Each at an address of its own, as pods are.
        let echoes = [
            Echo::start_at("one", "127.0.0.1:0").await,
            Echo::start_at("two", "127.0.0.2:0").await,
        ];
        let site = Setup::new()
            .file("echoes.yaml", &service("echoes", &[echoes[0].address, echoes[1].address]))
            .file("route.yaml", &route("all", HOST, &everything_to("echoes")));
        let (site, drain) = serve(site).await;
        Self { site, drain, echoes }
    }

    /// The names of those who answer.
    async fn who(&self) -> Vec<String> {
        let mut names = Vec::new();
        for _ in 0..12 {
            names.push(self.site.get(HOST, "/").await.name());
        }
        names.sort();
        names.dedup();
        names
    }

    fn at(&self, index: usize) -> String {
        self.echoes[index].address.to_string()
    }
}

/// Starts a gateway with a drain listener.
async fn serve(setup: Setup) -> (Site, SocketAddr) {
    let site = setup.arg("--drain=127.0.0.1:0").start().await;
    let address = |line: &Value| {
        let fields = line.get("fields")?;
        let drain = fields.get("message")? == "drain";
        drain.then(|| fields["address"].as_str()?.parse().ok()).flatten()
    };
    let drain = site.process.stderr.wait_json("the drain listener's address", 0, address).await;
    (site, drain)
}

/// Asks `/v1/drain` at an address of the control side.
async fn ask(at: SocketAddr, method: Method, query: &str) -> Answer {
    let mut client = Client::http1(at).await;
    let request = client.request(method, "gateway", &format!("/v1/drain?{query}"));
    client.call(request.body(full("")).unwrap()).await
}

/// The same in the background.
fn asked(at: SocketAddr, query: &str) -> JoinHandle<Answer> {
    let query = query.to_owned();
    tokio::spawn(async move { ask(at, Method::POST, &query).await })
}

/// A backend that answers when it is let.
async fn held() -> (Backend, Arc<Semaphore>) {
    let (gate, its) = (Arc::new(Semaphore::new(0)), Arc::new(()));
    let opened = gate.clone();
    let backend = Backend::start(move |_| {
        let (opened, _its) = (opened.clone(), its.clone());
        async move {
            opened.acquire().await.unwrap().forget();
            Response::new(Full::new(Bytes::from("late")))
        }
    });
    (backend.await, gate)
}

/// A gateway in front of a held backend, with one request there.
async fn with_a_request() -> (Site, SocketAddr, Backend, Arc<Semaphore>, JoinHandle<Answer>) {
    let (backend, gate) = held().await;
    let setup = Setup::new()
        .file("held.yaml", &service("held", &[backend.address]))
        .file("route.yaml", &route("all", HOST, &everything_to("held")));
    let (site, drain) = serve(setup).await;
    let address = site.address();
    let request = tokio::spawn(async move { Client::http1(address).await.get(HOST, "/").await });
    backend.saw(1).await;
    (site, drain, backend, gate, request)
}

/// Waits until the drain of an address stands, and says what is in flight there.
async fn standing(at: SocketAddr) -> Value {
    let standing = async {
        loop {
            let list = ask(at, Method::GET, "").await.json();
            let laggard = &list["drains"][0]["laggards"][0];
            if laggard["behind"] == false {
                return laggard["in_flight"].clone();
            }
            tokio::task::yield_now().await;
        }
    };
    within("a drain that stands", standing).await
}

#[tokio::test]
async fn a_drained_endpoint_takes_nothing_new_until_the_drain_is_undone() {
    let bed = Bed::start().await;
    assert_eq!(bed.who().await, ["one", "two"]);
    let query = format!("address={}", bed.at(1));
    let answer = ask(bed.site.admin, Method::POST, &query).await;
    assert_eq!((answer.status.as_u16(), &answer.json()["answer"]), (200, &"drained".into()));
    assert_eq!(bed.who().await, ["one"]);
    let (text, _) = said(&["endpoints", "--admin", &bed.site.admin.to_string()]);
    let line = text.lines().find(|line| line.contains(&bed.at(1))).unwrap();
    assert!(line.contains("ready, drained (by admin)"), "{text}");

    // A change of something else does not undo it.
    let more = route("more", "b.example.com", &everything_to("echoes"));
    bed.site.change(|folder| folder.write("more.yaml", &more)).await;
    assert_eq!(bed.who().await, ["one"]);
    // Twice is once.
    let again = ask(bed.site.admin, Method::POST, &query).await.json();
    assert_eq!(again["version"], answer.json()["version"]);

    let undone = ask(bed.site.admin, Method::DELETE, &query).await;
    assert_eq!(undone.json()["answer"], "undone");
    within("both", async { while bed.who().await != ["one", "two"] {} }).await;
    assert_eq!(ask(bed.site.admin, Method::DELETE, &query).await.status, 404);
}

#[tokio::test]
async fn the_answer_comes_when_the_last_request_has_ended_and_not_before() {
    let (site, _, backend, gate, request) = with_a_request().await;
    let query = format!("address={}", backend.address);
    let call = asked(site.admin, &query);
    assert_eq!(standing(site.admin).await["requests"], 1);
    // The second call joins the first, and a caller that goes away leaves the order in place.
    let second = asked(site.admin, &query);
    let third = asked(site.admin, &query);
    third.abort();
    assert_eq!(standing(site.admin).await["requests"], 1);
    assert!(!call.is_finished() && !second.is_finished());

    gate.add_permits(1);
    assert_eq!(within("the request", request).await.unwrap().text(), "late");
    for call in [call, second] {
        let answer = within("the drain", call).await.unwrap().json();
        assert_eq!(answer["answer"], "drained");
        assert_eq!(answer["cut"]["requests"], 0);
    }
}

#[tokio::test]
async fn requests_wait_where_the_last_endpoint_is_drained_and_go_on_with_an_undo() {
    let (site, _, backend, gate, request) = with_a_request().await;
    let query = format!("address={}", backend.address);
    let call = asked(site.admin, &query);
    standing(site.admin).await;
    let address = site.address();
    let waiting = tokio::spawn(async move { Client::http1(address).await.get(HOST, "/2").await });
    let waits = async {
        let one = "headgate_backend_waiting{backend=\"default/held:80\"} 1";
        while !site.admin("/metrics").await.text().contains(one) {}
    };
    within("a request that waits", waits).await;
    assert_eq!(backend.seen().len(), 1);

    // An undo in the middle of a drain ends the call, not the request.
    assert_eq!(ask(site.admin, Method::DELETE, &query).await.status, 200);
    assert_eq!(within("the drain", call).await.unwrap().json()["answer"], "undone");
    backend.saw(2).await;
    gate.add_permits(2);
    for request in [request, waiting] {
        assert_eq!(within("the request", request).await.unwrap().text(), "late");
    }
}

#[tokio::test]
async fn drains_and_their_listener_go_to_the_process_that_takes_over() {
    let run = tempfile::tempdir().unwrap();
    let echoes = [Echo::start("one").await, Echo::start_at("two", "127.0.0.2:0").await];
    let setup = Setup::new()
        .file("echoes.yaml", &service("echoes", &[echoes[0].address, echoes[1].address]))
        .file("route.yaml", &route("all", HOST, &everything_to("echoes")))
        .arg(&format!("--handover={}", run.path().join("handover.sock").display()));
    let (site, drain) = serve(setup).await;
    let mut bed = Bed { site, drain, echoes };
    let query = format!("address={}", bed.at(0));
    assert_eq!(ask(bed.drain, Method::POST, &query).await.json()["answer"], "drained");

    let new = bed.site.another(&[]);
    new.logged("taken over").await;
    let mut old = std::mem::replace(&mut bed.site.process, new);
    assert!(old.ended().await.success());
    assert_eq!(bed.who().await, ["two"]);
    let list = ask(bed.drain, Method::GET, &query).await.json();
    assert_eq!(list["drains"][0]["drained"], true, "{list}");
    assert_eq!(ask(bed.drain, Method::DELETE, &query).await.status, 200);
    within("both", async { while bed.who().await != ["one", "two"] {} }).await;
}

#[tokio::test]
async fn the_command_says_who_still_has_what() {
    let (site, drain, backend, gate, request) = with_a_request().await;
    let (address, gateway) = (backend.address.to_string(), format!("http://{drain}"));
    let (admin, run) = (site.admin.to_string(), |args: &[&str]| {
        let args: Vec<_> = args.iter().map(|arg| (*arg).to_owned()).collect();
        tokio::task::spawn_blocking(move || said(&args.iter().map(|a| &**a).collect::<Vec<_>>()))
    });
    let args = ["drain", &address, "--timeout=1s", "--admin", &admin];
    let (text, code) = run(&args).await.unwrap();
    assert_eq!(code, 1, "{text}");
    assert!(text.contains(&format!("{address} is not drained: ")), "{text}");
    assert!(text.contains(" has 1 request in flight"), "{text}");
    gate.add_permits(1);
    assert_eq!(request.await.unwrap().text(), "late", "no plain request is cut");

    // A pod by itself: the backend of this test has its address.
    let (text, code) = run(&["drain", "--self", "--gateway", &gateway]).await.unwrap();
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("127.0.0.1 is drained after "), "{text}");
    let (text, code) = run(&["drain", "--list", "--admin", &admin]).await.unwrap();
    assert_eq!((code, text.lines().count()), (0, 3), "{text}");
    assert!(text.contains("by itself"), "{text}");
    assert_eq!(run(&["drain", "--undo", &address, "--admin", &admin]).await.unwrap().1, 0);
    assert_eq!(run(&["drain", "10.9.9.9", "--admin", &admin]).await.unwrap().1, 1);
    assert_eq!(run(&["drain", "pod-1", "--admin", &admin]).await.unwrap().1, 2);
    assert_eq!(run(&["drain"]).await.unwrap().1, 2);
    drop(site);
    assert_eq!(run(&["drain", "--self", "--gateway", &gateway]).await.unwrap().1, 1);
}
