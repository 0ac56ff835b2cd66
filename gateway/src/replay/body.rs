//! What one try sends: the kept beginning, then what still comes from the client.

use std::cell::RefCell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use hyper::body::Incoming;

use super::{Error, State, tee};

/// What one try sends. Also the type of bodies that need no replay, so that connections to
/// backends carry a single type.
pub(crate) struct Body<S = Incoming>(Kind<S>);

enum Kind<S> {
    Empty,
    Try(Try<S>),
    Copy(tee::Copy),
}

struct Try<S> {
    state: Rc<RefCell<State<S>>>,
    generation: u32,
    /// Index of the next kept frame.
    next: usize,
    sent: u64,
}

impl<S> Body<S> {
    /// No body at all.
    pub(crate) fn empty() -> Self {
        Self(Kind::Empty)
    }

    /// A mirror's.
    pub(super) fn copy(copy: tee::Copy) -> Self {
        Self(Kind::Copy(copy))
    }

    /// The whole of what `state` keeps and reads, for the try of this number.
    pub(super) fn of(state: Rc<RefCell<State<S>>>, generation: u32) -> Self {
        Self(Kind::Try(Try { state, generation, next: 0, sent: 0 }))
    }
}

impl<S> Try<S>
where
    S: HttpBody<Data = Bytes> + Unpin,
    S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let state = &mut *self.state.borrow_mut();
        if self.generation != state.generation {
            return Poll::Ready(Some(Err(Error::Superseded)));
        }
        let data = if self.next < state.kept.len() {
            let slot = &mut state.kept[self.next];
            Some(Ok(if state.keep.is_some() { slot.clone() } else { std::mem::take(slot) }))
        } else {
            ready!(state.poll_source(cx))
        };
        Poll::Ready(match data {
            Some(Ok(data)) => {
                self.next += 1;
                self.sent += data.len() as u64;
                Some(Ok(Frame::data(data)))
            }
            Some(Err(error)) => Some(Err(error)),
            // Trailers come once: the next poll sees the plain end.
            None if self.next != usize::MAX => {
                self.next = usize::MAX;
                state.trailers.clone().map(|map| Ok(Frame::trailers(map)))
            }
            None => None,
        })
    }

    fn is_end(&self) -> bool {
        let state = self.state.borrow();
        let read = self.next >= state.kept.len();
        let told = self.next == usize::MAX || state.trailers.is_none();
        let at_end = if state.ended { told } else { state.source.is_end_stream() };
        read && at_end && state.failed.is_none()
    }
}

impl<S> HttpBody for Body<S>
where
    S: HttpBody<Data = Bytes> + Unpin,
    S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        match &mut self.0 {
            Kind::Empty => Poll::Ready(None),
            Kind::Try(body) => body.poll(cx),
            Kind::Copy(copy) => copy.poll(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Kind::Empty => true,
            Kind::Try(body) => body.is_end(),
            Kind::Copy(copy) => copy.is_end(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Kind::Empty => SizeHint::with_exact(0),
            Kind::Try(body) => match body.state.borrow().total {
                Some(total) => SizeHint::with_exact(total.saturating_sub(body.sent)),
                None => SizeHint::new(),
            },
            Kind::Copy(copy) => copy.size_hint(),
        }
    }
}
