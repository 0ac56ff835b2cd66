//! Sockets that come and go, with real clients.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::LocalSet;

use super::accept::{Accepted, Acceptor};
use super::ticket::Counts;
use super::{Listeners, Slot};
use crate::apply::Applier;
use crate::backend::Backends;
use crate::overload::Overload;
use crate::sample::listening;
use crate::settings::{Limits, Settings};
use crate::telemetry::Telemetry;

/// An address on which nothing listens.
fn free() -> SocketAddr {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap()
}

/// The slots of a snapshot with one listener on each of these addresses.
fn slots(addresses: &[SocketAddr]) -> BTreeMap<SocketAddr, Arc<Slot>> {
    let (settings, telemetry) = (Arc::<Settings>::default(), Telemetry::new());
    let backends = Backends::new(settings, telemetry.clone());
    Applier::new(backends, telemetry).apply(listening(1, addresses)).slots
}

#[test]
fn sockets_follow_what_is_wanted() {
    let (mut listeners, follow) = Listeners::new(16);
    let (one, other) = (free(), free());
    listeners.sync(&slots(&[one]));
    assert_eq!(listeners.bound().bound, [one]);
    assert!(TcpStream::connect(one).is_ok());
    let before = follow.borrow()[&one].socket.clone();

    listeners.sync(&slots(&[one, other]));
    assert!(TcpStream::connect(other).is_ok());
    assert!(Arc::ptr_eq(&before, &follow.borrow()[&one].socket), "it was not touched");

    drop(before);
    listeners.sync(&slots(&[other]));
    assert_eq!(follow.borrow().keys().collect::<Vec<_>>(), [&other]);
    assert!(TcpStream::connect(one).is_err(), "nobody held it any more");
}

#[test]
fn an_address_that_is_taken_is_reported_and_heals() {
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = taken.local_addr().unwrap();
    let good = free();
    let (mut listeners, follow) = Listeners::new(16);
    listeners.sync(&slots(&[address, good]));
    let bound = listeners.bound();
    assert_eq!(bound.bound, [good]);
    assert_eq!(bound.unbound[0].0, address);
    assert!(bound.unbound[0].1.contains("in use"), "{}", bound.unbound[0].1);

    listeners.retry();
    assert_eq!(listeners.bound(), bound);
    drop(taken);
    listeners.retry();
    assert_eq!(listeners.bound().unbound, []);
    assert!(follow.borrow().contains_key(&address));
}

#[test]
fn a_socket_that_is_still_being_closed_is_taken_back() {
    let address = free();
    let (mut listeners, follow) = Listeners::new(16);
    listeners.sync(&slots(&[address]));
    let held = follow.borrow()[&address].clone();
    listeners.sync(&slots(&[]));
    assert!(follow.borrow().is_empty());
    listeners.sync(&slots(&[address]));
    assert!(Arc::ptr_eq(&held.socket, &follow.borrow()[&address].socket));
    assert_eq!(listeners.bound().unbound, []);
}

#[test]
fn without_an_address_both_families_are_taken() {
    let (mut listeners, _follow) = Listeners::new(16);
    listeners.sync(&slots(&["[::]:0".parse().unwrap()]));
    let port = listeners.bound().bound[0].port();
    assert!(TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok());
}

#[test]
fn what_is_closed_stays_closed() {
    let address = free();
    let (mut listeners, follow) = Listeners::new(16);
    listeners.sync(&slots(&[address]));
    listeners.close();
    listeners.sync(&slots(&[address]));
    listeners.retry();
    assert!(follow.borrow().is_empty());
    assert!(TcpStream::connect(address).is_err());
}

#[test]
fn what_is_inherited_is_not_bound_again_and_nothing_is_accepted_before_it_is_time() {
    let (inherited, unwanted) = (free(), free());
    let sockets =
        [inherited, unwanted].map(|address| (address, TcpListener::bind(address).unwrap()));
    let before = sockets[0].1.try_clone().unwrap();
    let (mut listeners, follow) = Listeners::new(16);
    listeners.inherit(sockets.into());
    let new = free();
    listeners.sync(&slots(&[inherited, new]));
    assert_eq!(listeners.bound().unbound, []);
    assert!(follow.borrow().is_empty(), "the process before accepts");
    assert!(TcpStream::connect(unwanted).is_ok());

    listeners.open();
    let follow = follow.borrow();
    assert_eq!(follow.keys().collect::<BTreeSet<_>>(), BTreeSet::from([&inherited, &new]));
    assert!(TcpStream::connect(unwanted).is_err(), "nobody has it any more");
    drop(before);
    assert!(TcpStream::connect(inherited).is_ok());
    let copies = listeners.copies();
    assert_eq!(copies.len(), 2);
    drop(copies);
}

#[tokio::test]
async fn what_waits_in_a_socket_is_accepted_before_it_is_closed() {
    let address = free();
    let (mut listeners, follow) = Listeners::new(64);
    listeners.sync(&slots(&[address]));
    let socket = follow.borrow()[&address].clone();
    let limits = Limits::default();
    let counts = Arc::new(Counts::new(&limits, 1, Telemetry::new()));
    let accepted = Arc::new(Mutex::new(Vec::new()));
    let (hold, held) = watch::channel(());

    // All of them wait before the acceptor first runs, and it is let go of at once.
    let clients: Vec<_> = (0..40).map(|_| TcpStream::connect(address).unwrap()).collect();
    listeners.sync(&slots(&[]));
    drop(hold);
    let list = accepted.clone();
    let acceptor = Acceptor::new(counts, 0, &limits, Overload::default());
    let deliver = move |one: Accepted| list.lock().unwrap().push(one);
    acceptor.run(socket, held, deliver).await;
    assert_eq!(accepted.lock().unwrap().len(), clients.len());
    assert!(TcpStream::connect(address).is_err(), "then it is closed");
}

#[tokio::test]
async fn connections_beyond_the_limit_are_closed_at_once() {
    let address = free();
    let (mut listeners, follow) = Listeners::new(64);
    listeners.sync(&slots(&[address]));
    let limits = Limits { per_listener: 2, ..Limits::default() };
    let counts = Arc::new(Counts::new(&limits, 1, Telemetry::new()));
    let (hold, held) = watch::channel(());
    let (deliver, mut delivered) = tokio::sync::mpsc::channel::<Accepted>(8);
    let socket = follow.borrow()[&address].clone();
    let local = LocalSet::new();
    local
        .run_until(async {
            let acceptor = Acceptor::new(counts, 0, &limits, Overload::default());
            let running = tokio::task::spawn_local(acceptor.run(socket, held, move |one| {
                assert!(deliver.try_send(one).is_ok(), "there is room");
            }));
            let mut clients = Vec::new();
            for _ in 0..3 {
                clients.push(tokio::net::TcpStream::connect(address).await.unwrap());
            }
            let kept = [delivered.recv().await.unwrap(), delivered.recv().await.unwrap()];
            let mut byte = [0];
            let read = tokio::io::AsyncReadExt::read(&mut clients[2], &mut byte);
            let closed = tokio::time::timeout(Duration::from_secs(5), read).await.unwrap();
            assert!(closed.is_ok_and(|read| read == 0), "the third is closed");

            drop(kept);
            clients.push(tokio::net::TcpStream::connect(address).await.unwrap());
            assert!(delivered.recv().await.is_some(), "there is room again");
            drop(hold);
            running.await.unwrap();
        })
        .await;
}
