//! The body of an upstream response, which gives its connection back at the end.

use std::fmt;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;

use super::RequestBody;
use super::http1::Line;
use super::http2::Stream;
use super::slot::Slot;
use super::tunnel::Tunnel;

/// A response body. Read to its end, it gives the connection back to the pool; dropped before,
/// the connection is closed or the stream reset.
pub(crate) struct ResponseBody<B: RequestBody> {
    incoming: Incoming,
    /// Gone once the body has ended.
    held: Option<Held<B>>,
    reused: bool,
}

/// What a response comes on.
pub(super) enum Held<B: RequestBody> {
    Line(Line<B>, Rc<Slot<B>>),
    /// A line that became a tunnel.
    Tunnel(Line<B>),
    Stream {
        _place: Stream<B>,
    },
}

impl<B: RequestBody> ResponseBody<B> {
    /// The body that comes on `held`, which is given back at once if there is none.
    pub(super) fn new(incoming: Incoming, held: Held<B>, reused: bool) -> Self {
        let mut body = Self { incoming, held: Some(held), reused };
        if body.incoming.is_end_stream() {
            body.give_back();
        }
        body
    }

    /// Whether the connection had carried a request before.
    #[cfg(test)]
    pub(super) fn reused(&self) -> bool {
        self.reused
    }

    /// After a 101 response to a request with `Upgrade`: the connection itself, and what the
    /// backend had sent after the head. `None` for any other response.
    pub(crate) fn into_tunnel(self) -> Option<Tunnel> {
        match self.held? {
            Held::Tunnel(line) => line.into_tunnel(),
            Held::Line(..) | Held::Stream { .. } => None,
        }
    }

    fn give_back(&mut self) {
        match self.held.take() {
            Some(Held::Line(line, slot)) => slot.park(line),
            Some(tunnel @ Held::Tunnel(_)) => self.held = Some(tunnel),
            Some(Held::Stream { .. }) | None => {}
        }
    }
}

impl<B: RequestBody> fmt::Debug for ResponseBody<B> {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.debug_struct("ResponseBody").field("reused", &self.reused).finish_non_exhaustive()
    }
}

impl<B: RequestBody> Body for ResponseBody<B> {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let this = &mut *self;
        let mut poll = |cx: &mut Context<'_>| Pin::new(&mut this.incoming).poll_frame(cx);
        let frame = ready!(match &this.held {
            Some(Held::Line(line, _)) => line.poll_beside(cx, poll),
            _ => poll(cx),
        });
        match &frame {
            // Readers stop at the end of the stream or at trailers, and ask for nothing after.
            Some(Ok(frame)) if frame.is_trailers() || self.incoming.is_end_stream() => {
                self.give_back();
            }
            Some(Ok(_)) => {}
            Some(Err(_)) => self.held = None,
            None => self.give_back(),
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}
