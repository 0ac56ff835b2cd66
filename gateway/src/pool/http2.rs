//! One HTTP/2 connection to an endpoint: many requests at a time.
//!
//! Promises: never more streams than the endpoint allows (a stream too many would wait inside h2,
//! and be lost there if the connection ended); a connection that is taken out of use ends when
//! its last stream has.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::Instant;

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::client::conn::http2::{Builder, Connection, SendRequest};
use hyper::rt::Executor;
use hyper_util::rt::{TokioIo, TokioTimer};

use super::RequestBody;
use super::error::{Cause, SendError};
use super::limit::Limit;
use super::message::to_http2;
use crate::connect::{Probe, Transport, Wire};
use crate::cork::Corked;
use crate::settings::Upstream;
use crate::tasks::Tasks;

type Driver<B> = RefCell<Option<Connection<TokioIo<Corked<Transport>>, B, Streams>>>;

/// What hyper starts besides the connection itself: bodies and responses that take their time.
#[derive(Clone)]
struct Streams(Tasks);

impl<F: Future<Output = ()> + 'static> Executor<F> for Streams {
    fn execute(&self, task: F) {
        self.0.spawn(task);
    }
}

/// A connection, as all its streams share it.
pub(super) struct Trunk<B: RequestBody> {
    sender: SendRequest<B>,
    wire: Rc<Wire>,
    /// Driven by a task of its own, and gone with it; here to be asked how many streams the
    /// endpoint allows.
    driver: Rc<Driver<B>>,
    https: bool,
    /// Takes no request from then on.
    expires: Instant,
    streams: Cell<usize>,
    used: Cell<bool>,
    /// When the last stream ended.
    idle_since: Cell<Instant>,
    limit: Rc<Limit>,
}

impl<B: RequestBody> Trunk<B> {
    /// Speaks HTTP/2 on a connection.
    pub(super) async fn open(
        transport: Transport,
        https: bool,
        expires: Instant,
        tasks: &Tasks,
        limit: &Rc<Limit>,
        limits: &Upstream,
    ) -> Result<Rc<Self>, Cause> {
        let wire = Rc::clone(transport.wire());
        let mut builder = Builder::new(Streams(tasks.clone()));
        builder
            .timer(TokioTimer::new())
            .keep_alive_interval(limits.ping_interval)
            .keep_alive_timeout(limits.ping_timeout)
            .initial_stream_window_size(limits.http2_stream_window)
            .initial_connection_window_size(limits.http2_connection_window)
            .max_send_buf_size(usize::try_from(limits.http2_stream_window).unwrap_or(usize::MAX))
            .max_header_list_size(u32::try_from(limits.head_bytes).unwrap_or(u32::MAX));
        let shaken = builder.handshake(TokioIo::new(Corked::new(transport))).await;
        let (sender, driver) = shaken.map_err(|_| Cause::Closed)?;
        let driver = Rc::new(RefCell::new(Some(driver)));
        tasks.spawn(drive(Rc::clone(&driver)));
        Ok(Rc::new(Self {
            sender,
            wire,
            driver,
            https,
            expires,
            streams: Cell::new(0),
            used: Cell::new(false),
            idle_since: Cell::new(Instant::now()),
            limit: Rc::clone(limit),
        }))
    }

    /// Whether it has carried a request.
    pub(super) fn is_used(&self) -> bool {
        self.used.get()
    }

    /// Whether its connection is gone, or takes nothing new.
    pub(super) fn is_over(&self, now: Instant) -> bool {
        self.sender.is_closed() || now >= self.expires
    }

    /// Whether the peer has closed it while it had no stream. Asks the kernel: where there are
    /// streams, the runtime has been told.
    pub(super) fn is_idle_and_closed(&self) -> bool {
        self.streams.get() == 0 && self.wire.probe() == Probe::Closed
    }

    /// Since when it has had no stream.
    pub(super) fn idle_since(&self) -> Option<Instant> {
        (self.streams.get() == 0).then(|| self.idle_since.get())
    }

    /// Streams that the endpoint allows at a time.
    pub(super) fn allowed(&self) -> usize {
        // Borrowed elsewhere only while h2 runs, which asks for no stream.
        let driver = self.driver.try_borrow().ok();
        let allowed = driver.and_then(|driver| Some(driver.as_ref()?.current_max_send_streams()));
        allowed.unwrap_or(0)
    }

    /// Whether there is room for one more stream: `most` of our own, and as many as the endpoint
    /// allows.
    pub(super) fn has_room(&self, most: usize) -> bool {
        self.streams.get() < self.allowed().min(most)
    }

    /// A place for one more stream, if there is room.
    pub(super) fn stream(self: &Rc<Self>, most: usize) -> Option<Stream<B>> {
        if !self.has_room(most) {
            return None;
        }
        self.streams.set(self.streams.get() + 1);
        Some(Stream(Rc::clone(self)))
    }
}

/// A place for one stream; dropped when the stream has ended.
pub(super) struct Stream<B: RequestBody>(Rc<Trunk<B>>);

impl<B: RequestBody> Stream<B> {
    /// The connection it is on.
    pub(super) fn trunk(&self) -> &Trunk<B> {
        &self.0
    }

    /// Sends a request and waits for the head of its response.
    ///
    /// Cancel safe: dropped, the future resets the stream.
    pub(super) async fn send(
        &self,
        mut request: Request<B>,
        fallback: SocketAddr,
    ) -> Result<Response<Incoming>, SendError<B>> {
        let trunk = &self.0;
        to_http2(&mut request, trunk.https, fallback);
        trunk.used.set(true);
        let written = trunk.wire.written();
        let sent = trunk.sender.clone().try_send_request(request);
        sent.await.map_err(|failed| SendError::http2(failed, trunk.wire.written() != written))
    }
}

impl<B: RequestBody> Drop for Stream<B> {
    fn drop(&mut self) {
        let trunk = &self.0;
        trunk.streams.set(trunk.streams.get() - 1);
        if trunk.streams.get() == 0 {
            trunk.idle_since.set(Instant::now());
        }
        trunk.limit.freed();
    }
}

/// Runs a connection to its end. Its errors are told to the streams that met them.
async fn drive<B: RequestBody>(driver: Rc<Driver<B>>) {
    let _ = poll_fn(|cx| match &mut *driver.borrow_mut() {
        Some(connection) => Pin::new(connection).poll(cx),
        None => Poll::Ready(Ok(())),
    })
    .await;
    // Requests that it has not looked at come back when it is dropped.
    let ended = driver.take();
    drop(ended);
}
