//! A new process takes over from a running one: nothing is lost, and whoever cannot serve does not.

mod load;

use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::PathBuf;

use futures::{SinkExt, StreamExt};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

use crate::harness::client::{Client, connect};
use crate::harness::echo::Echo;
use crate::harness::grpc::Call;
use crate::harness::manifest::{everything_to, grpc_route, route, service};
use crate::harness::port;
use crate::harness::process::{Process, said};
use crate::harness::site::{Setup, Site};
use crate::harness::within;
use load::Load;

const HOST: &str = "a.example.com";
const CALLS: &str = "grpc.example.com";

/// A gateway that can be taken over from, with one backend.
struct Bed {
    site: Site,
    _echo: Echo,
    path: PathBuf,
    _run: TempDir,
}

impl Bed {
    async fn start() -> Self {
        let run = tempfile::tempdir().unwrap();
        Self::start_in(run).await
    }

    async fn start_in(run: TempDir) -> Self {
        let echo = Echo::start("v1").await;
        let path = run.path().join("handover.sock");
        let site = Setup::new()
            .file("v1.yaml", &service("v1", &[echo.address]))
            .file("route.yaml", &route("all", HOST, &everything_to("v1")))
            .file("grpc.yaml", &grpc_route("calls", CALLS, &everything_to("v1")))
            .arg(&format!("--handover={}", path.display()))
            .arg("--pre-drain=5s")
            .start()
            .await;
        Self { site, _echo: echo, path, _run: run }
    }

    /// Starts a new process, waits until it has taken over, and returns the old one.
    async fn upgrade(&mut self, args: &[&str]) -> Process {
        let new = self.site.another(args);
        new.logged("taken over").await;
        std::mem::replace(&mut self.site.process, new)
    }

    async fn websocket(&self) -> WebSocketStream<TcpStream> {
        let stream = connect(self.site.address()).await;
        let url = format!("ws://{HOST}/socket");
        tokio_tungstenite::client_async(url, stream).await.unwrap().0
    }

    async fn is_served(&self) {
        assert_eq!(self.site.get(HOST, "/").await.name(), "v1");
    }
}

/// A process that must not take over ends with 1, and says why.
async fn gives_up(mut process: Process, why: &str) {
    let end = process.ended().await;
    assert_eq!(end.code(), Some(1));
    assert!(process.stderr.text().contains(why), "{why} in {}", process.stderr.text());
}

#[tokio::test]
async fn upgrades_under_load_lose_nothing_and_streams_go_on() {
    let mut bed = Bed::start().await;
    let mut socket = bed.websocket().await;
    let mut calls = Client::http2(bed.site.address()).await;
    let mut call = Call::begin(&mut calls, CALLS, "/a.B/BidiStream", &[], &["begin"]).await;
    assert_eq!(call.next().await.as_deref(), Some("begin"));

    let load = Load::start(bed.site.address(), HOST);
    let mut first = None;
    for round in 0..4 {
        load.more().await;
        let mut old = bed.upgrade(&[]).await;
        load.more().await;
        let text = format!("round {round}");
        socket.send(Message::text(text.clone())).await.unwrap();
        let echoed = within("a WebSocket message", socket.next()).await.unwrap().unwrap();
        assert_eq!(echoed, Message::text(text.clone()));
        call.send(&text).await;
        assert_eq!(call.next().await, Some(text));
        if first.is_none() {
            assert!(!old.has_ended(), "it has two streams");
            first = Some(old);
        } else {
            assert!(old.ended().await.success());
        }
    }
    load.end().await;

    // The streams end by themselves, and with them the process that they began on.
    let mut first = first.expect("there were upgrades");
    drop(socket);
    assert_eq!(call.finish().await, (vec![], "0".to_owned()));
    drop(calls);
    assert!(first.ended().await.success());
    bed.is_served().await;
}

#[tokio::test]
async fn the_admin_address_is_the_new_process_and_tells_of_the_old_one() {
    let mut bed = Bed::start().await;
    let admin = format!("--admin={}", bed.site.admin);
    let mut held = connect(bed.site.address()).await;
    let mut old = bed.upgrade(&[]).await;
    let (text, code) = said(&["status", &admin]);
    assert_eq!(code, 0, "{text}");
    assert!(text.starts_with("ready"), "{text}");
    let line = format!("took over from process {}", old.id());
    assert!(text.contains(&line) && text.contains("finishes what runs"), "{text}");
    held.shutdown().await.unwrap();
    assert!(old.ended().await.success());
    within("the status to say so", async {
        while !said(&["status", &admin]).0.contains("which has ended") {}
    })
    .await;
}

#[tokio::test]
async fn a_new_process_serves_by_its_own_configuration() {
    let mut bed = Bed::start().await;
    let (kept, added) = (bed.site.port, port::free());
    let gateway = |ports: &[u16]| {
        let listeners = ports
            .iter()
            .map(|port| crate::harness::manifest::http_listener(&format!("p{port}"), *port));
        crate::harness::manifest::gateway(&listeners.collect::<Vec<_>>())
    };
    // The old process has both ports when the new one is started with one of them and another.
    let gone = port::free();
    bed.site.change(|folder| folder.write("gateway.yaml", &gateway(&[kept, gone]))).await;
    let folder = tempfile::tempdir().unwrap();
    for file in ["v1.yaml", "route.yaml"] {
        std::fs::copy(bed.site.folder.path().join(file), folder.path().join(file)).unwrap();
    }
    std::fs::write(folder.path().join("gateway.yaml"), gateway(&[kept, added])).unwrap();
    let manifests = format!("--manifests={}", folder.path().display());
    let mut old = bed.upgrade(&[&manifests]).await;
    assert!(old.ended().await.success());
    for port in [kept, added] {
        let mut client = Client::http1(([127, 0, 0, 1], port).into()).await;
        assert_eq!(client.get(HOST, "/").await.name(), "v1");
    }
    assert!(TcpStream::connect(("127.0.0.1", gone)).await.is_err(), "nobody wants it");
}

#[tokio::test]
async fn a_process_that_cannot_serve_does_not_take_over() {
    let bed = Bed::start().await;
    let empty = tempfile::tempdir().unwrap();
    let nothing = format!("--manifests={}", empty.path().display());
    gives_up(bed.site.another(&[&nothing]), "no listener of this configuration").await;
    std::fs::copy(bed.site.folder.path().join("gateway.yaml"), empty.path().join("gateway.yaml"))
        .unwrap();
    std::fs::write(empty.path().join("broken.yaml"), "kind: [").unwrap();
    gives_up(bed.site.another(&[&nothing]), "broken.yaml").await;
    bed.is_served().await;
    let mut bed = bed;
    assert!(bed.upgrade(&[]).await.ended().await.success(), "a good one does");
    bed.is_served().await;
}

#[tokio::test]
async fn a_process_that_dies_before_it_is_ready_changes_nothing() {
    let mut bed = Bed::start().await;
    let waits = tempfile::tempdir().unwrap();
    // A folder that is not there is not complete: the process waits for it.
    let missing = format!("--manifests={}", waits.path().join("later").display());
    let hangs = bed.site.another(&[&missing]);
    bed.site.logged("a process begins to take over").await;
    bed.is_served().await;
    gives_up(bed.site.another(&[]), "another process is taking over").await;
    hangs.signal("KILL");
    bed.site.logged("the connection to the other process broke").await;
    bed.is_served().await;
    assert!(bed.upgrade(&[]).await.ended().await.success());
    bed.is_served().await;
}

#[tokio::test]
async fn the_socket_of_a_dead_process_is_replaced_and_ours_is_for_us_alone() {
    let run = tempfile::tempdir().unwrap();
    let path = run.path().join("handover.sock");
    drop(UnixListener::bind(&path).unwrap());
    let mut bed = Bed::start_in(run).await;
    let mode = std::fs::metadata(&bed.path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert!(bed.upgrade(&[]).await.ended().await.success());
    bed.site.process.signal("KILL");
    bed.site.process.ended().await;
    let next = bed.site.another(&[]);
    next.logged("\"live\"").await;
    bed.site.process = next;
    bed.is_served().await;
    bed.site.process.signal("TERM");
    assert!(bed.site.process.ended().await.success());
    assert!(!bed.path.exists(), "it leaves nothing behind");
}

#[tokio::test]
async fn a_path_that_is_a_file_is_left_alone() {
    let bed = Bed::start().await;
    let file = bed.path.with_extension("txt");
    std::fs::write(&file, "mine").unwrap();
    let other = format!("--handover={}", file.display());
    gives_up(bed.site.another(&[&other]), "is no socket").await;
    assert_eq!(std::fs::read(&file).unwrap(), b"mine");
}

#[tokio::test]
async fn what_is_no_process_of_ours_is_refused_and_nothing_changes() {
    let mut bed = Bed::start().await;
    for said in [&b"GET / HTTP/1.1\r\n\r\n"[..], b"\xff\xff\xff\xff", b"\0\0\0\x02{}", b""] {
        let mut stream = UnixStream::connect(&bed.path).await.unwrap();
        stream.write_all(said).await.unwrap();
        stream.shutdown().await.unwrap();
        let mut answer = Vec::new();
        let read = stream.read_to_end(&mut answer);
        let _ = within("the end", read).await;
        assert_eq!(answer, b"", "{said:?}");
    }
    let hello = br#"{"hello":{"protocol":99,"release":"0"}}"#;
    let mut stream = UnixStream::connect(&bed.path).await.unwrap();
    let message = [&u32::try_from(hello.len()).unwrap().to_be_bytes()[..], hello].concat();
    stream.write_all(&message).await.unwrap();
    let mut answer = String::new();
    let mut head = [0; 4];
    stream.read_exact(&mut head).await.unwrap();
    let read = stream.read_to_string(&mut answer);
    within("the end", read).await.unwrap();
    assert!(answer.contains("protocol 1, not 99"), "{answer}");
    assert!(bed.upgrade(&[]).await.ended().await.success());
    bed.is_served().await;
}

#[tokio::test]
async fn streams_are_cut_at_the_deadline_for_upgrades() {
    let mut bed = Bed::start().await;
    assert!(bed.upgrade(&["--upgrade-deadline=300ms"]).await.ended().await.success());
    let mut socket = bed.websocket().await;
    let mut old = bed.upgrade(&[]).await;
    let last = within("a farewell", socket.next()).await.unwrap().unwrap();
    assert!(matches!(last, Message::Close(Some(frame)) if u16::from(frame.code) == 1001));
    assert!(old.ended().await.success());
}

#[tokio::test]
async fn a_signal_to_the_old_process_makes_its_end_shorter() {
    let mut bed = Bed::start().await;
    let held = bed.websocket().await;
    let mut old = bed.upgrade(&[]).await;
    assert!(!old.has_ended());
    old.signal("TERM");
    old.logged("ending by --deadline").await;
    old.signal("TERM");
    assert!(old.ended().await.success());
    drop(held);
    bed.is_served().await;
}

#[tokio::test]
async fn a_service_manager_hears_of_the_take_over_and_of_the_end() {
    let mut bed = Bed::start().await;
    let socket = bed.path.with_extension("notify");
    let manager = tokio::net::UnixDatagram::bind(&socket).unwrap();
    let hears = async || {
        let mut said = [0; 64];
        let length = within("a message", manager.recv(&mut said)).await.unwrap();
        String::from_utf8(said[..length].to_vec()).unwrap()
    };
    let new = bed.site.another_in(&[("NOTIFY_SOCKET", socket.to_str().unwrap())]);
    assert_eq!(hears().await, "READY=1");
    let mut old = std::mem::replace(&mut bed.site.process, new);
    assert!(old.ended().await.success(), "ready means that it has taken over");
    bed.is_served().await;
    assert!(bed.upgrade(&[]).await.ended().await.success());
    assert_eq!(hears().await, "STOPPING=1");
}
