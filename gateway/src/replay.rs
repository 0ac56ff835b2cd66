//! The body of a request on its way to a backend, kept so that a try can be repeated.
//!
//! Until the first byte of a response, up to a limit of bytes is kept; a body that outgrows it
//! streams on and can be sent no second time. After [`Replay::release`] nothing is kept. The
//! client is read only as fast as the backend takes, and a client that sends nothing while we wait
//! for it is given up. Request trailers pass through a filter.
//!
//! Promises: what every try sends is the same bytes in the same order, or an error, never a
//! shorter body that looks whole. Memory is flat: the limit, plus one frame.

mod body;
pub(crate) mod pace;
mod tee;
#[cfg(test)]
mod tests;

use std::cell::RefCell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::HeaderMap;
use http_body::Body as HttpBody;
use hyper::body::Incoming;

use crate::failure::Failure;
use crate::forwarding::trailers;
pub(crate) use body::Body;
use pace::Pace;
use tee::Feed;

/// Why a request's body ends without being whole. The connection to the backend that carries it is
/// reset or closed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The client's side failed.
    #[error("the client's body broke off")]
    Client(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The client is too slow, or its trailers are too large.
    #[error("the client's body was given up: {}", .0.row().flag)]
    GivenUp(Failure),
    /// Another try has taken the body over.
    #[error("another try has the body")]
    Superseded,
    /// A copy's reader was too slow, or the original broke off.
    #[error("the copy was abandoned")]
    Abandoned,
}

/// A request's body, owned by the one that forwards it.
pub(crate) struct Replay<S = Incoming>(Rc<RefCell<State<S>>>);

struct State<S> {
    source: S,
    /// What was read while it was kept, from the start.
    kept: Vec<Bytes>,
    kept_bytes: usize,
    /// Most bytes to keep; `None` once nothing is kept any more.
    keep: Option<usize>,
    /// The source's end was seen.
    ended: bool,
    trailers: Option<HeaderMap>,
    failed: Option<Failure>,
    received: u64,
    total: Option<u64>,
    /// Counts the tries; only the newest may read.
    generation: u32,
    pace: Option<Pace>,
    feeds: Vec<Feed>,
}

impl<S> Replay<S>
where
    S: HttpBody<Data = Bytes> + Unpin,
    S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    /// Takes `source` over and keeps up to `keep` bytes of it. `pace` watches the client.
    pub(crate) fn new(source: S, keep: usize, pace: Option<Pace>) -> Self {
        let total = source.size_hint().exact();
        Self(Rc::new(RefCell::new(State {
            source,
            kept: Vec::new(),
            kept_bytes: 0,
            keep: Some(keep),
            ended: false,
            trailers: None,
            failed: None,
            received: 0,
            total,
            generation: 0,
            pace,
            feeds: Vec::new(),
        })))
    }

    /// A copy of the whole body, which may fall behind by up to `limit` bytes. Nothing has been
    /// read yet.
    pub(crate) fn copy(&self, limit: usize) -> Body<S> {
        let mut state = self.0.borrow_mut();
        let (feed, copy) = tee::tee(limit, state.total);
        state.feeds.push(feed);
        Body::copy(copy)
    }

    /// Reads what the client has sent already, as far as it is kept, so that it goes on in one
    /// piece; before the first try. hyper gives a frame in each turn of the connection: a turn that
    /// brings none is the end.
    pub(crate) async fn gather(&self) {
        let mut before = None;
        std::future::poll_fn(|cx| {
            let mut state = self.0.borrow_mut();
            while state.keep.is_some_and(|limit| state.kept_bytes < limit) {
                match state.poll_source(cx) {
                    Poll::Ready(Some(Ok(_))) => {}
                    Poll::Ready(_) => return Poll::Ready(()),
                    Poll::Pending if before == Some(state.received) => return Poll::Ready(()),
                    Poll::Pending => {
                        before = Some(state.received);
                        cx.waker().wake_by_ref();
                        return Poll::Pending;
                    }
                }
            }
            Poll::Ready(())
        })
        .await;
    }

    /// Reads up to `most` bytes more and throws them away; returns at the end, whatever it is.
    pub(crate) async fn discard(self, most: usize) {
        let limit = self.received() + most as u64;
        // Whatever try still holds the body gets no more of it.
        self.0.borrow_mut().generation += 1;
        let next = || std::future::poll_fn(|cx| self.0.borrow_mut().poll_source(cx));
        while let Some(Ok(_)) = next().await {
            if self.received() > limit {
                return;
            }
        }
    }

    /// The whole body for one try; whatever an earlier try still holds of it ends with an error.
    /// `None` when the beginning is not kept any more.
    pub(crate) fn start(&self) -> Option<Body<S>> {
        let mut state = self.0.borrow_mut();
        if !state.replayable() {
            return None;
        }
        state.generation += 1;
        let generation = state.generation;
        drop(state);
        Some(Body::of(self.0.clone(), generation))
    }

    /// Whether another try could send it from its beginning.
    pub(crate) fn is_replayable(&self) -> bool {
        self.0.borrow().replayable()
    }

    /// A response has begun: nothing needs to be kept for another try.
    pub(crate) fn release(&self) {
        self.0.borrow_mut().keep = None;
    }

    /// What the client did wrong, where it did.
    pub(crate) fn failure(&self) -> Option<Failure> {
        self.0.borrow().failed
    }

    /// Bytes that came from the client.
    pub(crate) fn received(&self) -> u64 {
        self.0.borrow().received
    }

    /// Whether all of it came from the client.
    pub(crate) fn is_whole(&self) -> bool {
        self.0.borrow().ended
    }
}

impl<S> Clone for Replay<S> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<S> State<S>
where
    S: HttpBody<Data = Bytes> + Unpin,
    S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    fn replayable(&self) -> bool {
        self.failed.is_none() && (self.received == 0 || self.keep.is_some())
    }

    /// Reads one frame from the client. `None` is the end.
    fn poll_source(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Error>>> {
        loop {
            if self.ended {
                return Poll::Ready(None);
            }
            if let Some(failure) = self.failed {
                return Poll::Ready(Some(Err(Error::GivenUp(failure))));
            }
            let Poll::Ready(next) = Pin::new(&mut self.source).poll_frame(cx) else {
                if let Some(pace) = &mut self.pace
                    && pace.poll_late(cx).is_ready()
                {
                    return Poll::Ready(Some(Err(self.give_up(Failure::ClientSlow))));
                }
                return Poll::Pending;
            };
            match next {
                None => self.end(None),
                Some(Err(error)) => {
                    let error = error.into();
                    self.failed = Some(blame(&*error));
                    self.feeds.clear();
                    return Poll::Ready(Some(Err(Error::Client(error))));
                }
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => return Poll::Ready(Some(self.take(data))),
                    Err(frame) => match frame.into_trailers() {
                        Ok(map) if trailers::to_backend(&map).is_none() => {
                            return Poll::Ready(Some(Err(self.give_up(Failure::BadBody))));
                        }
                        Ok(map) => self.end(trailers::to_backend(&map)),
                        Err(_) => {} // no other kind of frame exists today: nothing to pass on
                    },
                },
            }
        }
    }

    fn take(&mut self, data: Bytes) -> Result<Bytes, Error> {
        self.received += data.len() as u64;
        if let Some(pace) = &mut self.pace
            && pace.is_too_slow(self.received)
        {
            return Err(self.give_up(Failure::ClientSlow));
        }
        self.feeds.retain(|feed| feed.push(data.clone()));
        // What was gathered and not sent yet is not thrown away, so one frame may pass the limit.
        match self.keep {
            Some(limit) if self.kept_bytes < limit => {
                self.kept_bytes += data.len();
                self.kept.push(data.clone());
            }
            _ => {
                self.keep = None;
                self.kept = Vec::new();
            }
        }
        Ok(data)
    }

    fn end(&mut self, trailers: Option<HeaderMap>) {
        self.ended = true;
        for feed in self.feeds.drain(..) {
            feed.finish(trailers.clone());
        }
        self.trailers = trailers.filter(|map| !map.is_empty());
    }

    fn give_up(&mut self, failure: Failure) -> Error {
        self.failed = Some(failure);
        self.feeds.clear();
        Error::GivenUp(failure)
    }
}

/// Broken framing is told from a connection that ended by the kind of the error beneath hyper's.
fn blame(error: &(dyn std::error::Error + 'static)) -> Failure {
    use std::io::ErrorKind::{InvalidData, InvalidInput};
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(io) = error.downcast_ref::<std::io::Error>()
            && matches!(io.kind(), InvalidData | InvalidInput)
        {
            return Failure::BadBody;
        }
        next = error.source();
    }
    Failure::ClientGone
}
