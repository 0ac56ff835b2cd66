//! Two sides in one process, over a real socket.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;

use tempfile::TempDir;

use super::wire::{MAX_FDS, Message, Wire};
use snapshot::{ByKind, Drain, DrainCause, DrainKey};

use super::{Error, Handed, Handover, MAX_OLDER, Offer, Predecessor, Purpose};
use crate::settings::SessionKey;

struct Place {
    path: PathBuf,
    _folder: TempDir,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { path: folder.path().join("handover.sock"), _folder: folder }
    }

    /// A process that can be taken over from.
    async fn first(&self) -> Handover {
        let (mut first, nobody) = Handover::begin(&self.path, "1").await.unwrap();
        assert!(nobody.is_none());
        first.publish().unwrap();
        first
    }

    async fn next(&self) -> Result<Predecessor, Error> {
        Handover::begin(&self.path, "2").await.map(|(_, found)| found.unwrap())
    }
}

fn offer(sockets: usize) -> Offer {
    let sockets = (0..sockets).map(|_| {
        let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = socket.local_addr().unwrap();
        Handed { purpose: Purpose::Traffic, address, socket }
    });
    Offer { sockets: sockets.collect(), session_key: Some(SessionKey([7; 32])), older: 3 }
}

/// More than fit into one message.
fn drains() -> Vec<(DrainKey, Drain)> {
    let drain = |host: u8| {
        let key = DrainKey::whole([10, 0, 0, host].into());
        let pods = [Some(format!("00000000-0000-0000-0000-{host:012}").into()), None].into();
        let cause = DrainCause::Api { by: "itself".into() };
        (key, Drain { pods, cause, cut: ByKind::all(true) })
    };
    (0..200).map(drain).collect()
}

/// Runs `next` beside a process that gives `sockets` sockets and must not be taken over from.
async fn beside<T>(
    first: &Handover,
    offer: impl Fn() -> Offer,
    next: impl Future<Output = T>,
) -> T {
    tokio::select! {
        given = first.given("1", || Ok(offer()), Vec::new) => panic!("taken over by {}", given.pid),
        result = next => result,
    }
}

#[tokio::test]
async fn more_sockets_than_fit_into_one_message_arrive_and_listen() {
    let place = Place::new();
    let first = place.first().await;
    let count = 2 * MAX_FDS + 1;
    let mut next = beside(&first, || offer(count), place.next()).await.unwrap();
    let Offer { sockets, session_key, older } = &next.offer;
    assert_eq!((sockets.len(), *older, next.release.as_str()), (count, 3, "1"));
    assert_eq!(session_key.as_ref().unwrap().0, [7; 32]);
    for Handed { address, socket, .. } in sockets {
        assert_eq!(socket.local_addr().unwrap(), *address);
    }
    let address: SocketAddr = sockets[count - 1].address;
    assert!(TcpStream::connect(address).is_ok(), "the giver's copy is closed, ours listens");
    drop(first);
    assert!(next.ready().await.is_err(), "there is nobody to give leave any more");
}

#[tokio::test]
async fn one_that_is_ready_serves_and_sees_the_end_of_the_other() {
    let place = Place::new();
    let first = place.first().await;
    let next = async {
        let mut next = place.next().await.unwrap();
        assert_eq!(next.ready().await.unwrap(), drains());
        next.serving().await.unwrap()
    };
    let (given, mut leaving) = tokio::join!(first.given("1", || Ok(offer(1)), drains), next);
    assert_eq!((given.release.as_str(), given.pid.unsigned_abs()), ("2", std::process::id()));
    drop(given);
    leaving.ended().await;
}

#[tokio::test]
async fn whoever_gives_nothing_says_why() {
    let place = Place::new();
    let first = place.first().await;
    let many = || Offer { older: MAX_OLDER, ..offer(1) };
    let refused = beside(&first, many, place.next()).await.map(|_| ()).unwrap_err();
    assert!(refused.to_string().contains("still finish what runs"), "{refused}");
    let refused = tokio::select! {
        _ = first.given("1", || Err("not today".to_owned()), Vec::new) => {
            unreachable!("it gives nothing")
        }
        refused = place.next() => refused.map(|_| ()).unwrap_err(),
    };
    assert_eq!(refused.to_string(), "refused: not today");
}

#[tokio::test(start_paused = true)]
async fn one_that_hangs_is_given_up_and_another_may_take_over() {
    let place = Place::new();
    let first = place.first().await;
    let error = beside(&first, || offer(1), async {
        let mut hangs = place.next().await.unwrap();
        let busy = place.next().await.map(|_| ()).unwrap_err();
        assert!(busy.to_string().contains("another process"), "{busy}");
        hangs.gone().await
    });
    let error = error.await;
    assert!(error.to_string().contains("not ready within"), "{error}");
    assert!(beside(&first, || offer(1), place.next()).await.is_ok());
}

#[tokio::test]
async fn what_is_no_listening_socket_is_not_taken() {
    let place = Place::new();
    let first = place.first().await;
    let wrong = || {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let fd = std::os::fd::OwnedFd::from(client);
        let mut offer = offer(1);
        offer.sockets[0].socket = fd.into();
        offer
    };
    let error = beside(&first, wrong, place.next()).await.map(|_| ()).unwrap_err();
    assert!(error.to_string().contains("no listening socket"), "{error}");
}

#[tokio::test]
async fn a_purpose_of_a_later_release_is_unknown_and_no_error() {
    let (one, other) = tokio::net::UnixStream::pair().unwrap();
    let (mut wire, _) = Wire::new(other).unwrap();
    let text = br#"{"sockets":{"sockets":[["tomorrow","127.0.0.1:1"]]}}"#;
    let length = u32::try_from(text.len()).unwrap().to_be_bytes();
    one.try_write(&[&length[..], text].concat()).unwrap();
    let Message::Sockets { sockets } = wire.receive().await.unwrap() else { panic!("sockets") };
    assert_eq!(sockets[0].0, Purpose::Unknown);
}

#[tokio::test]
async fn a_process_leaves_its_socket_to_the_next_and_takes_its_own_away() {
    let place = Place::new();
    let first = place.first().await;
    let (mut second, found) =
        beside(&first, || offer(1), Handover::begin(&place.path, "2")).await.unwrap();
    assert!(found.is_some());
    second.publish().unwrap();
    drop(first);
    assert!(place.path.exists(), "it is the second's");
    drop(second);
    assert!(!place.path.exists());
}
