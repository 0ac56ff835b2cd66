//! Bodies by hand: what tries send, what is kept, what breaks off.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue};
use http_body::{Body as HttpBody, Frame};

use super::pace::{Demand, Pace};
use super::{Body, Error, Replay};
use crate::failure::Failure;

/// What the client does next.
enum Step {
    Data(&'static str),
    Trailers(HeaderMap),
    Break(io::ErrorKind),
}

/// A client whose steps are given one by one; with none left it is silent, or at its end.
#[derive(Clone, Default)]
struct Client(Rc<RefCell<Script>>);

#[derive(Default)]
struct Script {
    steps: VecDeque<Step>,
    done: bool,
}

impl Client {
    fn sends(steps: impl IntoIterator<Item = Step>) -> Self {
        let client = Self::default();
        client.0.borrow_mut().steps.extend(steps);
        client
    }

    fn ends(self) -> Self {
        self.0.borrow_mut().done = true;
        self
    }

    fn then(&self, step: Step) {
        self.0.borrow_mut().steps.push_back(step);
    }
}

impl HttpBody for Client {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let mut script = self.0.borrow_mut();
        match script.steps.pop_front() {
            Some(Step::Data(text)) => Poll::Ready(Some(Ok(Frame::data(Bytes::from(text))))),
            Some(Step::Trailers(map)) => Poll::Ready(Some(Ok(Frame::trailers(map)))),
            Some(Step::Break(kind)) => Poll::Ready(Some(Err(io::Error::from(kind)))),
            None if script.done => Poll::Ready(None),
            None => Poll::Pending,
        }
    }
}

fn replay(client: Client, keep: usize) -> Replay<Client> {
    Replay::new(client, keep, None)
}

/// All that a body has now: its text, and how it stands afterwards.
fn drain(body: &mut Body<Client>) -> (String, Poll<Option<Result<HeaderMap, Error>>>) {
    let mut cx = Context::from_waker(Waker::noop());
    let mut text = String::new();
    loop {
        match Pin::new(&mut *body).poll_frame(&mut cx) {
            Poll::Pending => return (text, Poll::Pending),
            Poll::Ready(None) => return (text, Poll::Ready(None)),
            Poll::Ready(Some(Err(error))) => return (text, Poll::Ready(Some(Err(error)))),
            Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                Ok(data) => text.push_str(std::str::from_utf8(&data).unwrap()),
                Err(frame) => {
                    let map = frame.into_trailers().unwrap();
                    return (text, Poll::Ready(Some(Ok(map))));
                }
            },
        }
    }
}

#[test]
fn every_try_sends_the_whole_body() {
    let client = Client::sends([Step::Data("ab"), Step::Data("cd")]);
    let replay = replay(client.clone(), 10);
    let mut first = replay.start().unwrap();
    assert!(matches!(drain(&mut first), (text, Poll::Pending) if text == "abcd"));
    client.then(Step::Data("ef"));
    let mut second = replay.start().unwrap();
    assert!(matches!(drain(&mut second), (text, Poll::Pending) if text == "abcdef"));
    let late = drain(&mut first);
    assert!(matches!(late, (text, Poll::Ready(Some(Err(Error::Superseded)))) if text.is_empty()));
    client.ends();
    assert!(matches!(drain(&mut second), (text, Poll::Ready(None)) if text.is_empty()));
    assert!(second.is_end_stream() && replay.is_whole());
    let mut third = replay.start().unwrap();
    assert!(matches!(drain(&mut third), (text, Poll::Ready(None)) if text == "abcdef"));
    assert_eq!(replay.received(), 6);
}

#[test]
fn a_body_that_outgrows_the_limit_streams_on_and_is_not_replayed() {
    let client = Client::sends([Step::Data("abc"), Step::Data("def"), Step::Data("ghi")]).ends();
    let replay = replay(client, 6);
    let mut only = replay.start().unwrap();
    assert!(replay.is_replayable());
    assert!(matches!(drain(&mut only), (text, Poll::Ready(None)) if text == "abcdefghi"));
    assert!(!replay.is_replayable() && replay.start().is_none());
}

#[tokio::test]
async fn what_has_come_is_gathered_up_to_the_limit_and_sent_whole() {
    let steps = || [Step::Data("abc"), Step::Data("def"), Step::Data("ghi")];
    for (keep, gathered) in [(0, 0), (4, 6), (6, 6), (7, 9), (100, 9)] {
        let client = Client::sends(steps());
        let replay = replay(client.clone(), keep);
        replay.gather().await;
        assert_eq!(replay.received(), gathered, "of {keep}");
        client.then(Step::Data("jkl"));
        let mut body = replay.start().expect("nothing was thrown away");
        let sent = drain(&mut body);
        assert!(matches!(sent, (text, Poll::Pending) if text == "abcdefghijkl"));
    }
}

#[tokio::test]
async fn trailers_that_were_gathered_are_sent_by_every_try() {
    let trailers = HeaderMap::from_iter([("grpc-x".parse().unwrap(), "1".parse().unwrap())]);
    let client = Client::sends([Step::Data("ab"), Step::Trailers(trailers)]).ends();
    let replay = replay(client, 10);
    replay.gather().await;
    for _ in 0..2 {
        let mut body = replay.start().unwrap();
        let mut cx = Context::from_waker(Waker::noop());
        assert!(matches!(Pin::new(&mut body).poll_frame(&mut cx), Poll::Ready(Some(Ok(_)))));
        assert!(!body.is_end_stream());
        assert!(matches!(drain(&mut body), (_, Poll::Ready(Some(Ok(map)))) if map.len() == 1));
        assert!(body.is_end_stream());
    }
}

#[test]
fn once_a_response_has_begun_nothing_more_is_kept() {
    let client = Client::sends([Step::Data("abc")]);
    let replay = replay(client.clone(), 100);
    let _ = drain(&mut replay.start().unwrap());
    let mut second = replay.start().unwrap();
    replay.release();
    client.then(Step::Data("def"));
    assert!(matches!(drain(&mut second), (text, Poll::Pending) if text == "abcdef"));
    assert!(!replay.is_replayable());
    assert!(replay.0.borrow().kept.iter().all(Bytes::is_empty));
}

#[test]
fn a_client_that_breaks_off_never_looks_whole() {
    for (kind, failure) in [
        (io::ErrorKind::UnexpectedEof, Failure::ClientGone),
        (io::ErrorKind::InvalidInput, Failure::BadBody),
        (io::ErrorKind::InvalidData, Failure::BadBody),
    ] {
        let client = Client::sends([Step::Data("abc"), Step::Break(kind)]).ends();
        let replay = replay(client, 100);
        let mut only = replay.start().unwrap();
        assert!(matches!(drain(&mut only).1, Poll::Ready(Some(Err(Error::Client(_))))));
        assert!(matches!(drain(&mut only).1, Poll::Ready(Some(Err(Error::GivenUp(_))))));
        assert!(!only.is_end_stream());
        assert_eq!(replay.failure(), Some(failure));
        assert!(replay.start().is_none());
    }
}

fn trailers(lines: &[(&'static str, &str)]) -> HeaderMap {
    lines
        .iter()
        .map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_str(value).unwrap()))
        .collect()
}

#[test]
fn trailers_pass_the_filter_and_come_with_every_try() {
    let given = trailers(&[("grpc-x", "1"), ("host", "evil")]);
    let client = Client::sends([Step::Data("a"), Step::Trailers(given)]).ends();
    let replay = replay(client, 100);
    for _ in 0..2 {
        let mut body = replay.start().unwrap();
        let (text, Poll::Ready(Some(Ok(map)))) = drain(&mut body) else { panic!("no trailers") };
        assert_eq!((text.as_str(), map.len()), ("a", 1));
        assert!(body.is_end_stream());
        assert!(matches!(drain(&mut body).1, Poll::Ready(None)));
    }
}

#[test]
fn trailers_that_are_too_large_end_the_request() {
    let given = trailers(&[("grpc-x", &"x".repeat(9_000))]);
    let replay = replay(Client::sends([Step::Trailers(given)]).ends(), 100);
    let (_, end) = drain(&mut replay.start().unwrap());
    assert!(matches!(end, Poll::Ready(Some(Err(Error::GivenUp(Failure::BadBody))))));
}

#[test]
fn a_copy_gets_what_the_original_gets() {
    let client = Client::sends([Step::Data("ab"), Step::Data("cd")]).ends();
    let replay = replay(client, 100);
    let mut copy = replay.copy(100);
    assert!(matches!(drain(&mut copy).1, Poll::Pending));
    let _ = drain(&mut replay.start().unwrap());
    assert!(matches!(drain(&mut copy), (text, Poll::Ready(None)) if text == "abcd"));
    // A second try reads what was kept; the copy has it already.
    let _ = drain(&mut replay.start().unwrap());
    assert!(copy.is_end_stream());
}

#[test]
fn a_copy_that_falls_behind_is_abandoned_and_the_original_is_not() {
    let client = Client::sends([Step::Data("ab"), Step::Data("cd")]).ends();
    let replay = replay(client, 100);
    let mut copy = replay.copy(3);
    let (text, _) = drain(&mut replay.start().unwrap());
    assert_eq!(text, "abcd");
    let (_, end) = drain(&mut copy);
    assert!(matches!(end, Poll::Ready(Some(Err(Error::Abandoned)))));
}

#[tokio::test]
async fn what_is_discarded_is_read_to_the_limit_and_no_further() {
    let steps = || [Step::Data("abcd"), Step::Data("efgh"), Step::Data("ijkl")];
    for (most, read) in [(100, 12), (5, 8)] {
        let replay = replay(Client::sends(steps()).ends(), 100);
        let watch = replay.clone();
        replay.discard(most).await;
        assert_eq!(watch.received(), read);
    }
}

#[test]
fn a_copy_of_what_broke_off_breaks_off() {
    let replay = replay(Client::sends([Step::Data("ab")]), 100);
    let mut copy = replay.copy(100);
    let _ = drain(&mut replay.start().unwrap());
    drop(replay);
    let (text, end) = drain(&mut copy);
    assert!(matches!(end, Poll::Ready(Some(Err(Error::Abandoned)))), "{text}");
}

fn demand() -> Demand {
    Demand { idle: Duration::from_secs(30), rate: 240, grace: Duration::from_secs(30) }
}

#[tokio::test(start_paused = true)]
async fn a_silent_client_is_given_up() {
    let pace = Some(Pace::new(demand()));
    let replay = Replay::new(Client::default(), 100, pace);
    let mut body = replay.start().unwrap();
    let begun = tokio::time::Instant::now();
    let frame = std::future::poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await;
    assert!(matches!(frame, Some(Err(Error::GivenUp(Failure::ClientSlow)))));
    assert_eq!(begun.elapsed().as_secs(), 30);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_drips_is_given_up_after_the_grace() {
    let client = Client::default();
    let replay = Replay::new(client.clone(), 100, Some(Pace::new(demand())));
    let mut body = replay.start().unwrap();
    let mut seconds = 0;
    while !matches!(drain(&mut body).1, Poll::Ready(Some(Err(_)))) {
        tokio::time::advance(Duration::from_secs(5)).await;
        seconds += 5;
        client.then(Step::Data("x"));
    }
    assert_eq!(replay.failure(), Some(Failure::ClientSlow));
    assert_eq!(seconds, 35);
}

#[tokio::test(start_paused = true)]
async fn the_time_that_a_backend_takes_is_not_the_clients() {
    let client = Client::sends([Step::Data("a")]);
    let replay = Replay::new(client.clone(), 100, Some(Pace::new(demand())));
    let mut body = replay.start().unwrap();
    let mut cx = Context::from_waker(Waker::noop());
    assert!(Pin::new(&mut body).poll_frame(&mut cx).is_ready());
    tokio::time::advance(Duration::from_secs(600)).await;
    client.then(Step::Data("b"));
    assert!(matches!(drain(&mut body), (text, Poll::Pending) if text == "b"));
}
