//! One HTTP/1 connection to an endpoint: one request at a time.
//!
//! Promises: a line is fit for another request only after the response was read to its end and the
//! request was sent whole; an answer that could be read in two ways ends the line. What is on the
//! way is `exchange`'s, as bytes `sending`'s and `reading`'s.

#[cfg(feature = "bench")]
pub(crate) mod bench;
mod exchange;
mod head;
mod reading;
mod sending;

use std::cell::RefCell;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Instant;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body::{Frame, SizeHint};

use self::exchange::Exchange;
pub(crate) use self::reading::Broken;
use super::RequestBody;
use super::error::{SendError, Stage};
use super::message::to_http1;
use super::tunnel::Tunnel;
use crate::connect::{Probe, Transport, Wire};
use crate::settings::Upstream;
use crate::tasks::Tasks;

/// A connection, as the side that sends requests holds it. Dropped, the connection is closed.
pub(super) struct Line<B: RequestBody> {
    /// Shared with a task while one sends what is left of a request.
    exchange: Rc<RefCell<Exchange<B>>>,
    wire: Rc<Wire>,
    tasks: Tasks,
    /// Takes no request from then on.
    expires: Instant,
    used: bool,
}

/// What a request on a line led to.
pub(super) struct Answer<B: RequestBody> {
    pub(super) response: Response<()>,
    /// The line, for the response's body and then for its next request.
    pub(super) line: Line<B>,
    /// With a 101 that was asked for: HTTP is done with the connection.
    pub(super) switched: bool,
}

impl<B: RequestBody> Line<B> {
    /// Speaks HTTP/1 on a connection.
    pub(super) fn open(
        transport: Transport,
        expires: Instant,
        tasks: &Tasks,
        limits: &Upstream,
    ) -> Self {
        let wire = Rc::clone(transport.wire());
        let exchange = Rc::new(RefCell::new(Exchange::new(transport, limits)));
        Self { exchange, wire, tasks: tasks.clone(), expires, used: false }
    }

    /// Whether it has carried a request.
    pub(super) fn is_used(&self) -> bool {
        self.used
    }

    /// Whether it can take a request.
    pub(super) fn is_fit(&self, now: Instant) -> bool {
        now < self.expires && self.exchange.borrow_mut().is_at_rest()
    }

    /// Whether the peer has left it alone, as of now and not as of the last turn of the runtime.
    pub(super) fn is_quiet(&self) -> bool {
        self.wire.probe() == Probe::Quiet
    }

    /// The next of a response's body.
    pub(super) fn poll_frame(
        &self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        self.exchange.borrow_mut().poll_frame(cx)
    }

    /// Whether a response's body has ended.
    pub(super) fn is_ended(&self) -> bool {
        self.exchange.borrow().is_ended()
    }

    /// What is left of a response's body.
    pub(super) fn size_hint(&self) -> SizeHint {
        self.exchange.borrow().size_hint()
    }

    /// The connection itself, after a 101.
    pub(super) fn into_tunnel(self) -> Option<Tunnel> {
        self.exchange.borrow_mut().take()
    }

    /// Sends a request and waits for the head of its response.
    ///
    /// Cancel safe: dropped, the future takes the connection with it.
    pub(super) async fn send(mut self, mut request: Request<B>) -> Result<Answer<B>, SendError<B>> {
        to_http1(&mut request);
        self.used = true;
        let written = self.wire.written();
        self.exchange.borrow_mut().begin(request);
        let head = poll_fn(|cx| self.exchange.borrow_mut().poll_head(cx)).await;
        let response = head.map_err(|cause| {
            let wrote = self.wire.written() != written;
            let stage = match self.exchange.borrow().is_answered() {
                true => Stage::ResponseStarted,
                false if wrote => Stage::Sent,
                false => Stage::NotSent,
            };
            SendError { stage, cause, request: None }
        })?;
        let response = response.response;
        let switched = response.status() == StatusCode::SWITCHING_PROTOCOLS;
        if !switched && !self.exchange.borrow().is_sent() {
            self.send_away();
        }
        Ok(Answer { response, line: self, switched })
    }

    /// Lets a task send: who reads a response slowly must not hold up what is still to be sent.
    fn send_away(&self) {
        let exchange = Rc::clone(&self.exchange);
        self.tasks.spawn(async move {
            poll_fn(|cx| exchange.borrow_mut().poll_send(cx)).await;
        });
    }
}

impl<B: RequestBody> Drop for Line<B> {
    fn drop(&mut self) {
        self.exchange.borrow_mut().close();
    }
}
