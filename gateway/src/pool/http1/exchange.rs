//! An HTTP/1 connection and the one request on it: both directions, each as far as it can go.
//!
//! Promises: driven by whoever waits for the response, without a task and without a lock; what
//! fails on one side does not hide what came on the other.

use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};

use bytes::Bytes;
use http::header::UPGRADE;
use http::{Method, Request};
use http_body::{Frame, SizeHint};

use super::super::RequestBody;
use super::super::error::Cause;
use super::super::tunnel::Tunnel;
use super::head::{Asked, Head};
use super::reading::{Broken, Reading};
use super::sending::{Sending, Unsent};
use crate::connect::Transport;
use crate::settings::Upstream;

/// The connection, and what is on its way there and back.
pub(super) struct Exchange<B> {
    /// Gone once it was closed or taken.
    transport: Option<Transport>,
    sending: Sending<B>,
    reading: Reading,
    /// The task that sends, while one does.
    sender: Option<Waker>,
    /// Who waits for the response while a task sends.
    reader: Option<Waker>,
}

impl<B: RequestBody> Exchange<B> {
    /// On a connection that has carried nothing yet.
    pub(super) fn new(transport: Transport, limits: &Upstream) -> Self {
        Self {
            transport: Some(transport),
            sending: Sending::new(),
            reading: Reading::new(limits),
            sender: None,
            reader: None,
        }
    }

    /// Begins with a request in its HTTP/1 form. The one before has ended.
    pub(super) fn begin(&mut self, request: Request<B>) {
        let head_only = *request.method() == Method::HEAD;
        let upgrade = request.headers().contains_key(UPGRADE);
        self.reading.begin(Asked { head_only, upgrade });
        self.sending.begin(request);
    }

    /// Whether another request can follow: both sides are through with the last one, and the
    /// endpoint has said nothing since, as far as the runtime knows.
    pub(super) fn is_at_rest(&mut self) -> bool {
        let whole = self.sending.is_whole();
        let transport = self.transport.as_mut().filter(|_| whole);
        transport.is_some_and(|transport| self.reading.is_at_rest(Pin::new(transport)))
    }

    /// Whether all of the request was sent.
    pub(super) fn is_sent(&self) -> bool {
        self.sending.is_over()
    }

    /// Whether a byte of the response has come.
    pub(super) fn is_answered(&self) -> bool {
        self.reading.has_begun()
    }

    /// Sends the request and waits for the head of the response.
    pub(super) fn poll_head(&mut self, cx: &mut Context<'_>) -> Poll<Result<Head, Cause>> {
        let Some(transport) = &mut self.transport else { return Poll::Ready(Err(Cause::Closed)) };
        if !self.sending.is_over() {
            match self.sending.poll(cx, Pin::new(&mut *transport)) {
                Poll::Ready(Err(Unsent::Body)) => return Poll::Ready(Err(Cause::RequestBody)),
                // It may have answered before it stopped to listen.
                Poll::Ready(Err(Unsent::Refused)) => self.sending.give_up(),
                Poll::Ready(Ok(())) | Poll::Pending => {}
            }
        }
        self.reading.poll_head(cx, Pin::new(transport)).map_err(Cause::from)
    }

    /// The next of the response's body. What is left of the request is sent by a task.
    pub(super) fn poll_frame(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        let Some(transport) = &mut self.transport else {
            return Poll::Ready(Some(Err(Broken::Closed)));
        };
        if !self.sending.is_over() {
            self.reader = Some(cx.waker().clone());
        }
        self.reading.poll_frame(cx, Pin::new(transport))
    }

    /// Sends what is left of the request. A body that fails takes the connection with it: its
    /// end would look like a whole one, or never come.
    pub(super) fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(transport) = &mut self.transport else { return Poll::Ready(()) };
        self.sender = Some(cx.waker().clone());
        match ready!(self.sending.poll(cx, Pin::new(transport))) {
            Ok(()) => {}
            Err(Unsent::Refused) => self.sending.give_up(),
            Err(Unsent::Body) => {
                self.close();
                if let Some(reader) = self.reader.take() {
                    reader.wake();
                }
            }
        }
        Poll::Ready(())
    }

    /// Whether the response's body has ended.
    pub(super) fn is_ended(&self) -> bool {
        self.reading.is_ended()
    }

    /// What is left of the response's body.
    pub(super) fn size_hint(&self) -> SizeHint {
        self.reading.size_hint()
    }

    /// The connection itself, and what was read behind the last head.
    pub(super) fn take(&mut self) -> Option<Tunnel> {
        let transport = self.transport.take()?;
        Some(Tunnel::new(transport, self.reading.take_rest()))
    }

    /// Closes the connection, whatever is on it. A task that sends ends.
    pub(super) fn close(&mut self) {
        if let Some(mut transport) = self.transport.take() {
            transport.farewell();
        }
        if let Some(sender) = self.sender.take() {
            sender.wake();
        }
    }
}
