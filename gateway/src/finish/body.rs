//! Bodies of responses on their way to the client: counted, timed, and never complete-looking when
//! they are not.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue};
use http_body::{Body as HttpBody, Frame, SizeHint};
use tokio::time::{Instant, Sleep, sleep_until};

use super::{Cut, Finish, Trying};
use crate::endpoint;
use crate::failure::Failure;
use crate::forwarding::trailers;
use crate::pool::ResponseBody;
use crate::replay;

/// The body of a response.
pub(crate) struct Body(Kind);

enum Kind {
    Empty,
    Text(Bytes),
    Upstream(Box<Stream>),
}

/// A response that a backend began.
pub(crate) struct Upstream {
    /// Its body.
    pub(crate) body: ResponseBody<replay::Body>,
    /// Who sends it; counted in there until the body is at its end.
    pub(crate) trying: Trying,
    /// When a timeout of the route ends it.
    pub(crate) deadline: Option<Instant>,
    /// When a drain does, which a gRPC client is told in trailers.
    pub(crate) cut: Option<Cut>,
}

struct Stream {
    body: ResponseBody<replay::Body>,
    /// Gone once the response is finished.
    open: Option<Open>,
    deadline: Option<Pin<Box<Sleep>>>,
    /// The backend broke off. hyper drops what it has buffered when a body fails, so it gets a turn
    /// to send what came before.
    broken: bool,
    cut: Option<Cut>,
}

struct Open {
    finish: Finish,
    trying: Trying,
}

/// A response that cannot be brought to its end. The connection is closed without the last chunk,
/// or the stream reset: the client sees that something is missing.
#[derive(Debug, thiserror::Error)]
#[error("the response broke off: {}", .0.row().flag)]
pub(crate) struct BrokenOff(Failure);

impl Body {
    /// No body; the request is finished elsewhere.
    pub(crate) fn none() -> Self {
        Self(Kind::Empty)
    }

    /// No body. The request is finished.
    pub(crate) fn empty(mut finish: Finish) -> Self {
        finish.completes();
        Self(Kind::Empty)
    }

    /// A text of ours. The request is finished.
    pub(crate) fn text(mut finish: Finish, text: impl Into<Bytes>) -> Self {
        let text = text.into();
        finish.sends(text.len() as u64);
        finish.completes();
        Self(Kind::Text(text))
    }

    /// What a backend sends. The request is finished at its end, or when this is dropped.
    pub(crate) fn upstream(finish: Finish, from: Upstream) -> Self {
        if from.body.is_end_stream() {
            return Self::empty(finish);
        }
        Self(Kind::Upstream(Box::new(Stream {
            body: from.body,
            open: Some(Open { finish, trying: from.trying }),
            deadline: from.deadline.map(|deadline| Box::pin(sleep_until(deadline))),
            broken: false,
            cut: from.cut,
        })))
    }
}

impl Stream {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BrokenOff>>> {
        let Some(open) = &mut self.open else { return Poll::Ready(None) };
        let late = self.deadline.as_mut().is_some_and(|timer| timer.as_mut().poll(cx).is_ready());
        if late {
            return self.break_off(Failure::BodyTimeout);
        }
        if self.broken {
            return self.break_off(Failure::Incomplete);
        }
        let Poll::Ready(next) = Pin::new(&mut self.body).poll_frame(cx) else {
            return Poll::Pending;
        };
        let frame = match next {
            None => {
                self.end();
                return Poll::Ready(None);
            }
            Some(Err(_)) => {
                self.broken = true;
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            Some(Ok(frame)) => frame,
        };
        match frame.into_data() {
            Ok(data) => {
                open.finish.sends(data.len() as u64);
                if self.body.is_end_stream() {
                    self.end();
                }
                Poll::Ready(Some(Ok(Frame::data(data))))
            }
            Err(frame) => self.trailers(&frame.into_trailers().unwrap_or_default()),
        }
    }

    /// Whether a drain cuts it.
    fn is_cut(&mut self, cx: &mut Context<'_>) -> bool {
        let cut = self.cut.as_mut().filter(|_| self.open.is_some());
        cut.is_some_and(|cut| cut.as_mut().poll(cx).is_ready())
    }

    /// Ends it for a drain: a call with a status that its client may try again elsewhere, anything
    /// else in the middle.
    fn end_early(&mut self) -> Poll<Option<Result<Frame<Bytes>, BrokenOff>>> {
        let call =
            self.open.as_ref().is_some_and(|open| open.trying.kind() == endpoint::Kind::Stream);
        if !call {
            return self.break_off(Failure::Drained);
        }
        if let Some(mut open) = self.open.take() {
            open.finish.fails(Failure::Drained);
        }
        let row = Failure::Drained.row();
        let mut status = HeaderMap::with_capacity(2);
        status.insert("grpc-status", HeaderValue::from(u16::from(row.grpc)));
        status.insert("grpc-message", HeaderValue::from_static(row.text));
        Poll::Ready(Some(Ok(Frame::trailers(status))))
    }

    fn trailers(&mut self, given: &HeaderMap) -> Poll<Option<Result<Frame<Bytes>, BrokenOff>>> {
        let Some(passed) = trailers::to_client(given) else {
            return self.break_off(Failure::Garbage);
        };
        self.end();
        Poll::Ready((!passed.is_empty()).then(|| Ok(Frame::trailers(passed))))
    }

    fn end(&mut self) {
        if let Some(mut open) = self.open.take() {
            open.finish.completes();
        }
    }

    fn break_off(&mut self, failure: Failure) -> Poll<Option<Result<Frame<Bytes>, BrokenOff>>> {
        if let Some(mut open) = self.open.take()
            && open.finish.breaks(failure) == Failure::Incomplete
        {
            open.trying.truncated();
        }
        Poll::Ready(Some(Err(BrokenOff(failure))))
    }
}

impl HttpBody for Body {
    type Data = Bytes;
    type Error = BrokenOff;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BrokenOff>>> {
        match &mut self.0 {
            Kind::Empty => Poll::Ready(None),
            Kind::Text(text) => {
                let text = std::mem::take(text);
                self.0 = Kind::Empty;
                Poll::Ready(Some(Ok(Frame::data(text))))
            }
            Kind::Upstream(stream) => {
                if stream.is_cut(cx) {
                    let end = stream.end_early();
                    // The endpoint hears of it now.
                    self.0 = Kind::Empty;
                    return end;
                }
                stream.poll(cx)
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Kind::Empty => true,
            Kind::Text(_) => false,
            Kind::Upstream(stream) => stream.open.is_none() && stream.body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Kind::Empty => SizeHint::with_exact(0),
            Kind::Text(text) => SizeHint::with_exact(text.len() as u64),
            Kind::Upstream(stream) => stream.body.size_hint(),
        }
    }
}
