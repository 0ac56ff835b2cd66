//! The body of an upstream response, which gives its connection back at the end.

use std::fmt;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;

use super::RequestBody;
use super::error::BodyError;
use super::http1::Line;
use super::http2::Stream;
use super::slot::Slot;
use super::tunnel::Tunnel;

/// A response body. Read to its end, it gives the connection back to the pool; dropped before,
/// the connection is closed or the stream reset.
pub(crate) struct ResponseBody<B: RequestBody> {
    source: Source<B>,
    reused: bool,
}

/// Where a body comes from.
pub(super) enum Source<B: RequestBody> {
    Line(Line<B>, Rc<Slot<B>>),
    /// A line that became a tunnel: no body.
    Tunnel(Line<B>),
    Stream {
        incoming: Incoming,
        _place: Stream<B>,
    },
    /// It has come.
    Ended,
}

impl<B: RequestBody> ResponseBody<B> {
    /// The body that comes from `source`, which is given back at once if there is none.
    pub(super) fn new(source: Source<B>, reused: bool) -> Self {
        let mut body = Self { source, reused };
        if body.is_end_stream() {
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
        match self.source {
            Source::Tunnel(line) => line.into_tunnel(),
            Source::Line(..) | Source::Stream { .. } | Source::Ended => None,
        }
    }

    fn give_back(&mut self) {
        match std::mem::replace(&mut self.source, Source::Ended) {
            Source::Line(line, slot) => slot.park(line),
            tunnel @ Source::Tunnel(_) => self.source = tunnel,
            Source::Stream { .. } | Source::Ended => {}
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
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let frame = match &mut self.source {
            Source::Line(line, _) => ready!(line.poll_frame(cx)).map(|frame| Ok(frame?)),
            Source::Stream { incoming, .. } => {
                ready!(Pin::new(incoming).poll_frame(cx)).map(|frame| Ok(frame?))
            }
            Source::Tunnel(_) | Source::Ended => None,
        };
        match &frame {
            // Readers stop at the end of the stream or at trailers, and ask for nothing after.
            Some(Ok(frame)) if frame.is_trailers() || self.is_end_stream() => self.give_back(),
            Some(Ok(_)) => {}
            Some(Err(_)) => self.source = Source::Ended,
            None => self.give_back(),
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        match &self.source {
            Source::Line(line, _) => line.is_ended(),
            Source::Stream { incoming, .. } => incoming.is_end_stream(),
            Source::Tunnel(_) | Source::Ended => true,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.source {
            Source::Line(line, _) => line.size_hint(),
            Source::Stream { incoming, .. } => incoming.size_hint(),
            Source::Tunnel(_) | Source::Ended => SizeHint::with_exact(0),
        }
    }
}
