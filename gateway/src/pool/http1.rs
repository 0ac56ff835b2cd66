//! One HTTP/1 connection to an endpoint: one request at a time.
//!
//! Promises: a line is fit for another request only after the response was read to its end and the
//! request was sent whole; an answer that could be read in two ways ends the line.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Poll, Waker};
use std::time::Instant;

use http::header::UPGRADE;
use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::client::conn::http1::{Builder, Connection, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::sync::oneshot;

use super::RequestBody;
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
pub(super) struct Line<B> {
    sender: SendRequest<B>,
    wire: Rc<Wire>,
    control: Rc<Control>,
    /// Takes no request from then on.
    expires: Instant,
    used: bool,
}

/// What the two sides of a line tell each other, besides requests and responses.
#[derive(Default)]
struct Control {
    /// Where the connection goes when it becomes a tunnel.
    tunnel: RefCell<Option<oneshot::Sender<Tunnel>>>,
    cut: Cell<bool>,
    /// The task that drives the connection.
    driver: RefCell<Option<Waker>>,
}

/// What a request on a line led to.
pub(super) struct Answer<B> {
    pub(super) response: Response<Incoming>,
    /// The line, for its next request once this response has ended.
    pub(super) line: Line<B>,
    /// With a 101: the connection, as soon as HTTP is done with it.
    pub(super) tunnel: Option<oneshot::Receiver<Tunnel>>,
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
        let control = Rc::default();
        tasks.spawn(drive(connection, Rc::clone(&control)));
        Ok(Self { sender, wire, control, expires, used: false })
    }

    /// Whether it has carried a request.
    pub(super) fn is_used(&self) -> bool {
        self.used
    }

    /// Whether its connection is gone.
    pub(super) fn is_closed(&self) -> bool {
        self.sender.is_closed()
    }

    /// Whether it can take a request. hyper says so only once it is back at rest; before its first
    /// request a line is at rest without saying so.
    pub(super) fn is_fit(&self, now: Instant) -> bool {
        now < self.expires && !self.is_closed() && (!self.used || self.sender.is_ready())
    }

    /// Whether the peer has left it alone, as of now and not as of the last turn of the runtime.
    pub(super) fn is_quiet(&self) -> bool {
        self.wire.probe() == Probe::Quiet
    }

    /// Closes the connection now. Dropping the line is enough at rest; where a response has ended
    /// before its request, hyper would go on sending.
    pub(super) fn cut(self) {
        self.control.cut.set(true);
        if let Some(driver) = self.control.driver.take() {
            driver.wake();
        }
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
        let tunnel = upgrading.then(|| {
            let (to, tunnel) = oneshot::channel();
            self.control.tunnel.replace(Some(to));
            tunnel
        });
        let seen = Arc::clone(self.wire.count_informational(limits.informational));
        hyper::ext::on_informational(&mut request, move |_| {
            seen.fetch_add(1, Ordering::Relaxed);
        });
        let (written, read) = (self.wire.written(), self.wire.read());
        self.used = true;
        let sent = self.sender.try_send_request(request).await;
        if self.wire.is_flooded() {
            return Err(SendError::malformed("too many 1xx"));
        }
        let response = sent.map_err(|failed| {
            let wrote = self.wire.written() != written;
            SendError::http1(failed, wrote, self.wire.read() != read)
        })?;
        if let Err(text) = check_http1(&response, upgrading) {
            return Err(SendError::malformed(text));
        }
        let switched = response.status() == StatusCode::SWITCHING_PROTOCOLS;
        if !switched {
            self.control.tunnel.take();
        }
        Ok(Answer { response, line: self, tunnel: tunnel.filter(|_| switched) })
    }
}

/// Runs a connection to its end. Its errors are told to the request that met them.
async fn drive<B: RequestBody>(
    mut connection: Connection<TokioIo<Transport>, B>,
    control: Rc<Control>,
) {
    let ended = poll_fn(|cx| {
        if control.cut.get() {
            return Poll::Ready(None);
        }
        // A task's waker stays the same: it is taken once.
        control.driver.borrow_mut().get_or_insert_with(|| cx.waker().clone());
        connection.poll_without_shutdown(cx).map(Some)
    });
    if !matches!(ended.await, Some(Ok(()))) {
        return;
    }
    let parts = connection.into_parts();
    let mut transport = parts.io.into_inner();
    match control.tunnel.take() {
        // Nobody waits for it when the response was no 101 after all: then this closes it.
        Some(to) => drop(to.send(Tunnel::new(transport, parts.read_buf))),
        None => transport.farewell(),
    }
}
