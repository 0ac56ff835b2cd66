//! One HTTP/1 connection to an endpoint: one request at a time.
//!
//! Promises: a line is fit for another request only after the response was read to its end and the
//! request was sent whole; an answer that could be read in two ways ends the line.

mod sent;

use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Instant;

use http::header::UPGRADE;
use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::client::conn::http1::{Builder, SendRequest};
use hyper_util::rt::TokioIo;

use self::sent::{Sent, Whole};
use super::RequestBody;
use super::driven::Driven;
use super::error::{Cause, SendError};
use super::message::{check_http1, to_http1};
use super::tunnel::Tunnel;
use crate::connect::{Probe, Transport, Wire};
use crate::settings::Upstream;
use crate::tasks::Tasks;

/// Smallest buffer that hyper accepts.
const LEAST_BUFFER: usize = 8 << 10;
/// Fields that hyper parses without an allocation of its own, its default.
const FIELDS_ON_STACK: usize = 100;

/// A connection, as the side that sends requests holds it. Dropped, the connection is closed.
pub(super) struct Line<B: RequestBody> {
    sender: SendRequest<Sent<B>>,
    wire: Rc<Wire>,
    /// Shared with a task while one drives it.
    driven: Rc<RefCell<Driven<Sent<B>>>>,
    /// Whether the last request was sent to its end.
    whole: Whole,
    tasks: Tasks,
    /// Takes no request from then on.
    expires: Instant,
    used: bool,
}

/// What a request on a line led to.
pub(super) struct Answer<B: RequestBody> {
    pub(super) response: Response<Incoming>,
    /// The line, for its next request once this response has ended.
    pub(super) line: Line<B>,
    /// With a 101 that was asked for: HTTP is done with the connection.
    pub(super) switched: bool,
}

impl<B: RequestBody> Line<B> {
    /// Speaks HTTP/1 on a connection.
    pub(super) async fn open(
        transport: Transport,
        expires: Instant,
        tasks: &Tasks,
        limits: &Upstream,
    ) -> Result<Self, Cause> {
        let mut builder = Builder::new();
        builder.max_header_size(limits.head_bytes);
        builder.max_buf_size(limits.head_bytes.max(LEAST_BUFFER));
        if limits.head_fields != FIELDS_ON_STACK {
            builder.max_headers(limits.head_fields);
        }
        let wire = Rc::clone(transport.wire());
        let shaken = builder.handshake(TokioIo::new(transport)).await;
        let (sender, connection) = shaken.map_err(|_| Cause::Closed)?;
        let driven = Rc::new(RefCell::new(Driven::new(connection)));
        let (tasks, whole) = (tasks.clone(), Whole::default());
        Ok(Self { sender, wire, driven, whole, tasks, expires, used: false })
    }

    /// Whether it has carried a request.
    pub(super) fn is_used(&self) -> bool {
        self.used
    }

    /// Whether it can take a request. hyper says so only once it is back at rest; before its first
    /// request a line is at rest without saying so.
    pub(super) fn is_fit(&self, now: Instant) -> bool {
        self.driven.borrow_mut().look_if_nudged();
        now < self.expires && !self.sender.is_closed() && (!self.used || self.sender.is_ready())
    }

    /// Whether the peer has left it alone, as of now and not as of the last turn of the runtime.
    pub(super) fn is_quiet(&self) -> bool {
        self.wire.probe() == Probe::Quiet
    }

    /// Polls what waits for something that the line brings, and sees to it that it comes.
    pub(super) fn poll_beside<T>(
        &self,
        cx: &mut Context<'_>,
        what: impl FnMut(&mut Context<'_>) -> Poll<T>,
    ) -> Poll<T> {
        self.driven.borrow_mut().poll_beside(cx, what)
    }

    /// Nobody waits for it any more: the response has ended.
    pub(super) fn rest(&self) {
        self.driven.borrow_mut().rest();
    }

    /// The connection itself, after a 101.
    pub(super) fn into_tunnel(self) -> Option<Tunnel> {
        let taken = self.driven.borrow_mut().take();
        taken.map(|(transport, early)| Tunnel::new(transport, early))
    }

    /// Sends a request and waits for the head of its response.
    ///
    /// Cancel safe: dropped, the future takes the connection with it.
    pub(super) async fn send(
        mut self,
        mut request: Request<B>,
        limits: &Upstream,
    ) -> Result<Answer<B>, SendError<B>> {
        to_http1(&mut request);
        let upgrading = request.headers().contains_key(UPGRADE);
        self.wire.count_interim(limits.informational);
        let (written, read) = (self.wire.written(), self.wire.read());
        self.used = true;
        let request = request.map(|body| self.whole.watch(body));
        let sent = {
            let mut sending = pin!(self.sender.try_send_request(request));
            let driven = &self.driven;
            poll_fn(|cx| driven.borrow_mut().poll_beside(cx, |own| sending.as_mut().poll(own)))
                .await
        };
        if self.wire.is_flooded() {
            return Err(SendError::malformed("too many 1xx"));
        }
        let response = sent.map_err(|failed| {
            let wrote = self.wire.written() != written;
            SendError::http1(failed, Sent::into_inner, wrote, self.wire.read() != read)
        })?;
        if let Err(text) = check_http1(&response, upgrading) {
            return Err(SendError::malformed(text));
        }
        let switched = response.status() == StatusCode::SWITCHING_PROTOCOLS;
        if !switched && !self.whole.get() {
            self.send_away();
        }
        Ok(Answer { response, line: self, switched })
    }

    /// Lets a task drive: who reads a response slowly must not hold up what is still to be sent.
    fn send_away(&self) {
        self.driven.borrow_mut().send_away();
        let driven = Rc::clone(&self.driven);
        self.tasks.spawn(async move {
            poll_fn(|cx| driven.borrow_mut().poll_away(cx)).await;
        });
    }
}

impl<B: RequestBody> Drop for Line<B> {
    fn drop(&mut self) {
        let mut driven = self.driven.borrow_mut();
        driven.rest();
        if let Some((mut transport, _)) = driven.take() {
            transport.farewell();
        }
    }
}
