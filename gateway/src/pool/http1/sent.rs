//! The body of a request, watched: was it sent to its end?

use std::cell::Cell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use super::super::RequestBody;

/// Whether the last body that was given away has been read to its end.
#[derive(Default)]
pub(super) struct Whole(Rc<Cell<bool>>);

impl Whole {
    /// Whether it has.
    pub(super) fn get(&self) -> bool {
        self.0.get()
    }

    /// Watches a body.
    pub(super) fn watch<B: RequestBody>(&self, body: B) -> Sent<B> {
        self.0.set(body.is_end_stream());
        Sent { body, whole: Rc::clone(&self.0) }
    }
}

/// A body on its way.
pub(super) struct Sent<B> {
    body: B,
    whole: Rc<Cell<bool>>,
}

impl<B> Sent<B> {
    /// The body itself.
    pub(super) fn into_inner(self) -> B {
        self.body
    }
}

impl<B: RequestBody> Body for Sent<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        if frame.is_none() || self.body.is_end_stream() {
            self.whole.set(true);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
