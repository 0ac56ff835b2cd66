//! The gateway as a whole: threads, sockets, and the stop.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::num::NonZeroUsize;
use std::time::Duration;

use snapshot::Version;
use tokio::time::timeout;

use super::{Gateway, Stopped};
use crate::sample::listening;
use crate::settings::{Settings, Stop};
use crate::telemetry::{AccessLog, Telemetry};

const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";

fn start(stop: Stop) -> Gateway {
    let workers = NonZeroUsize::new(2).unwrap();
    let settings = Settings { workers, stop, ..Settings::default() };
    Gateway::start(settings, Telemetry::new(), AccessLog::off()).unwrap()
}

/// An address on which nothing listens.
fn free() -> SocketAddr {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap()
}

fn client(address: SocketAddr) -> TcpStream {
    let client = TcpStream::connect(address).unwrap();
    client.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    client
}

/// The head of the answer to a request without a route.
fn ask(client: &mut TcpStream) -> String {
    client.write_all(GET).unwrap();
    let mut answer = Vec::new();
    let mut some = [0; 1024];
    while !answer.ends_with(b"no route\n") {
        let read = client.read(&mut some).unwrap();
        assert_ne!(read, 0, "closed in {}", String::from_utf8_lossy(&answer));
        answer.extend_from_slice(&some[..read]);
    }
    String::from_utf8(answer).unwrap()
}

#[test]
fn listeners_come_and_go_while_connections_stay() {
    let mut gateway = start(Stop::default());
    let (one, other) = (free(), free());
    let applied = gateway.apply(listening(1, &[one]));
    assert_eq!((applied.version, applied.bound), (Version(1), vec![one]));
    let mut clients: Vec<_> = (0..8).map(|_| client(one)).collect();
    for client in &mut clients {
        assert!(ask(client).starts_with("HTTP/1.1 404"));
    }
    gateway.apply(listening(2, &[other]));
    assert!(ask(&mut client(other)).starts_with("HTTP/1.1 404"));
    for client in &mut clients {
        assert!(ask(client).starts_with("HTTP/1.1 404"), "what was open stays open");
    }
}

#[test]
fn an_address_that_is_taken_is_named_and_served_when_it_is_free() {
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = taken.local_addr().unwrap();
    let mut gateway = start(Stop::default());
    let applied = gateway.apply(listening(1, &[address]));
    assert_eq!(applied.unbound[0].0, address);
    drop(taken);
    let applied = gateway.apply(listening(2, &[address]));
    assert_eq!(applied.bound, [address]);
    assert!(ask(&mut client(address)).starts_with("HTTP/1.1 404"));
}

#[tokio::test]
async fn a_stop_serves_on_for_a_while_and_then_ends_with_the_last_connection() {
    let farewell = Duration::from_millis(200);
    let stop = Stop {
        pre_drain: Duration::from_secs(1),
        farewell,
        deadline: Duration::from_secs(60),
        ..Stop::default()
    };
    let mut gateway = start(stop);
    let address = free();
    gateway.apply(listening(1, &[address]));
    let mut old = client(address);
    assert!(!ask(&mut old).contains("connection: close"));

    let stopping = tokio::spawn(gateway.stop());
    assert!(ask(&mut old).contains("connection: close"));
    assert!(ask(&mut client(address)).contains("connection: close"), "still accepted");
    let stopped = timeout(Duration::from_secs(20), stopping).await.unwrap().unwrap();
    assert_eq!(stopped, Stopped::default(), "nothing was cut");
    assert!(TcpStream::connect(address).is_err());
}

#[tokio::test]
async fn what_is_not_done_at_the_deadline_is_cut_and_counted() {
    let farewell = Duration::from_millis(100);
    let (pre_drain, deadline) = (Duration::ZERO, Duration::from_millis(500));
    let stop = Stop { pre_drain, deadline, farewell, ..Stop::default() };
    let mut gateway = start(stop);
    let address = free();
    gateway.apply(listening(1, &[address]));
    let mut held = client(address);
    held.write_all(b"GET /held HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    let mut idle = client(address);
    ask(&mut idle);
    let stopped = gateway.stop().await;
    assert_eq!(stopped, Stopped { connections: 1, requests: 1 }, "the idle one is not cut");
    assert_eq!(held.read(&mut [0; 64]).unwrap_or(0), 0);
}

#[tokio::test]
async fn after_a_hand_over_the_end_comes_with_the_last_connection() {
    let mut gateway = start(Stop::default());
    let address = free();
    gateway.apply(listening(1, &[address]));
    let copies = gateway.sockets().copies();
    let mut old = client(address);
    ask(&mut old);
    let ending = tokio::spawn(gateway.hand_over(std::future::pending()));
    assert!(ask(&mut old).contains("connection: close"));
    let stopped = timeout(Duration::from_secs(10), ending).await.unwrap().unwrap();
    assert_eq!(stopped, Stopped::default(), "sooner than after pre_drain");
    assert!(TcpStream::connect(address).is_ok(), "the next process has the socket");
    drop(copies);
}

#[tokio::test]
async fn what_a_hand_over_leaves_is_cut_when_there_is_a_hurry() {
    let farewell = Duration::from_millis(100);
    let (pre_drain, deadline) = (Duration::ZERO, Duration::from_millis(500));
    let mut gateway = start(Stop { pre_drain, deadline, farewell, ..Stop::default() });
    let address = free();
    gateway.apply(listening(1, &[address]));
    let mut held = client(address);
    ask(&mut held);
    held.write_all(b"GET /held HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    let stopped = gateway.hand_over(std::future::ready(())).await;
    assert_eq!(stopped, Stopped { connections: 1, requests: 1 });
}
