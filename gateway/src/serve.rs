//! One client connection from accept to close.
//!
//! ```text
//! accepted -> TLS (SNI) -> HTTP/2 (ALPN, or its preface) -> hyper ----------> request
//!                       -> HTTP/1 ------------------> gate -> hyper -> request
//! ```
//! Promises: every wait for a client ends (`pace`); a connection that has grown old, has had many
//! requests or is idle closes in an orderly way, and so do all when the gateway stops; a client
//! that resets what it asks for is cut off; a panic in one request ends that one only. What a
//! request is answered is left to `request`.

mod answer;
mod glitches;
mod life;
mod sniff;
mod stream;
mod streams;

use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;
use std::time::Instant;

use futures::FutureExt;
use hyper::server::conn::{http1, http2};
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::AsyncWriteExt;

use crate::connection::Connection;
use crate::cork::Corked;
use crate::forwarding::origin::Origin;
use crate::gate::{self, Gate, Lease, Rules};
use crate::listen::accept::Accepted;
use crate::overload::Level;
use crate::pace::{Clock, Limits, Pace, Wait};
use crate::tls::{PortTls, TlsInfo};
use crate::worker::Worker;
use answer::answers;
use glitches::Watched;
pub(crate) use life::{Cut, Wish};
use life::{Life, Lives};
use sniff::Protocol;
use stream::{ClientStream, Paced};
use streams::Streams;

/// Bytes that hyper may buffer in each direction of an HTTP/1 connection. 64 KiB: the bound of one
/// stream everywhere, and room for the largest head.
const HTTP1_BUFFER: usize = 64 << 10;

/// What serves the connections of one thread.
pub(crate) struct Server {
    worker: Rc<Worker>,
    clock: Clock,
    limits: Limits,
    lives: Lives,
    http1: http1::Builder,
}

/// A connection whose handshakes are done.
struct Ready {
    stream: ClientStream,
    http2: bool,
    tls: Option<TlsInfo>,
}

impl Server {
    /// Serves for this worker. Someone must call [`Self::sweep`] once a second.
    pub(crate) fn new(worker: Rc<Worker>) -> Self {
        let mut http1 = http1::Builder::new();
        // Heads are complete when hyper sees them; `pace` has the time.
        http1
            .header_read_timeout(None)
            .max_header_size(worker.settings.head.bytes)
            .max_buf_size(HTTP1_BUFFER.max(2 * worker.settings.head.bytes));
        Self {
            clock: Clock::default(),
            limits: Limits::new(&worker.settings.client),
            lives: Lives::new(&worker.settings.client),
            http1,
            worker,
        }
    }

    /// Moves the clock on, to so many seconds since the thread began, and ends what is over its
    /// time.
    pub(crate) fn sweep(&self, now: u32) {
        self.clock.set(now);
        let tight = self.worker.overload.level() >= Level::Tight;
        self.lives.sweep(now, self.worker.stage(), tight);
    }

    /// Wishes this for all connections there are.
    pub(crate) fn wish(&self, wish: Wish) {
        self.lives.wish(wish);
    }

    /// What would be cut off now.
    pub(crate) fn would_cut(&self) -> Cut {
        self.lives.count()
    }

    /// Serves one connection to its end.
    pub(crate) async fn serve(self: Rc<Self>, accepted: Accepted) {
        let Accepted { stream, peer, port, slot, ticket } = accepted;
        let pace = Arc::new(Pace::new(self.clock.clone(), self.limits));
        let life = self.lives.begin(pace.clone(), self.clock.now());
        let port_tls = slot.load().tls.clone();
        let mut stream = Paced::new(stream, pace, ticket);
        let ready = match port_tls {
            None => {
                let http2 = life.unless_cut(pin!(sniffed(&mut stream))).await;
                http2.map(|http2| Ready { stream: ClientStream::Clear(stream), http2, tls: None })
            }
            // Boxed, because a handshake's state is large and soon over.
            Some(tls) => life.unless_cut(Box::pin(self.shake_hands(stream, &tls)).as_mut()).await,
        };
        let Some(Ready { stream, http2, tls }) = ready else { return };
        let trusted = &self.worker.settings.client.trusted_proxies;
        let connection = Rc::new(Connection {
            worker: self.worker.clone(),
            peer,
            port,
            origin: Origin::new(peer, port, tls.is_some(), trusted),
            slot,
            tls,
            h2: http2,
            gate: (!http2).then(gate::Handle::default),
        });
        if http2 {
            // Boxed, so that a connection without it is small.
            Box::pin(self.serve_http2(stream, connection, life)).await;
        } else {
            self.serve_http1(self.gate(stream, &connection, &life), connection, life).await;
        }
    }

    async fn shake_hands(&self, stream: Paced, tls: &PortTls) -> Option<Ready> {
        let metrics = self.worker.telemetry.connections();
        let begun = Instant::now();
        match tls.accept(stream).await {
            Ok((stream, info)) => {
                metrics.handshake_done(begun.elapsed());
                let http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
                let stream = ClientStream::Tls(Box::new(stream));
                Some(Ready { stream, http2, tls: Some(info) })
            }
            Err(error) => {
                metrics.handshake_failed();
                tracing::debug!(%error, "TLS handshake");
                None
            }
        }
    }

    /// The gate in front of a client's HTTP/1. Boxed, as it moves in and out of a parser.
    fn gate(
        &self,
        stream: ClientStream,
        connection: &Connection,
        life: &Life,
    ) -> Box<Gate<ClientStream>> {
        let settings = &self.worker.settings;
        let rules = Rules {
            head: settings.head.clone(),
            secure: connection.tls.is_some(),
            linger_bytes: settings.client.linger_bytes,
        };
        let handle = connection.gate.clone().unwrap_or_default();
        Box::new(Gate::new(stream, rules, life.pace.clone(), handle))
    }

    async fn serve_http1(
        &self,
        mut gate: Box<Gate<ClientStream>>,
        connection: Rc<Connection>,
        life: Rc<Life>,
    ) {
        let peer = connection.peer;
        let answers = answers(connection, life.clone());
        loop {
            let (lease, back) = Lease::new(gate);
            let serving = self.http1.serve_connection(TokioIo::new(lease), answers.clone());
            // A client that finds its connection closed may have sent a request already: it is told
            // with a response, and one that asks for none is cut when it was silent for a while.
            drive(Box::pin(serving.with_upgrades()), &life, peer, None).await;
            match back.take() {
                Some(back) => gate = back,
                None => break,
            }
            if !doze(gate.stream(), &life).await {
                // What a moment does not allow is not worth more.
                let _ = gate.stream().shutdown().now_or_never();
                break;
            }
        }
        life.ends();
    }

    async fn serve_http2(&self, stream: ClientStream, connection: Rc<Connection>, life: Rc<Life>) {
        let client = &self.worker.settings.client;
        let settings = &self.worker.settings.http2;
        let streams = Streams::new(self.worker.tasks.clone(), life.clone());
        let mut http2 = http2::Builder::new(streams);
        http2
            .timer(TokioTimer::new())
            .max_concurrent_streams(settings.streams)
            .initial_stream_window_size(settings.stream_window)
            .initial_connection_window_size(settings.connection_window)
            .max_send_buf_size(settings.send_buffer)
            .max_header_list_size(settings.header_list)
            .max_pending_accept_reset_streams(settings.pending_reset)
            .max_local_error_reset_streams(settings.error_reset)
            .keep_alive_interval(settings.ping_interval)
            .keep_alive_timeout(settings.ping_timeout);
        life.pace.wait_for(Wait::Request);
        let peer = connection.peer;
        let answers = answers(connection, life.clone());
        // Boxed: hyper moves the answer into its stream, and the stream into a task.
        let answers = service_fn(move |request| Box::pin(answers.call(request)));
        let stream = Corked::new(Watched::new(stream, life.clone(), client));
        let serving = http2.serve_connection(TokioIo::new(stream), answers);
        let goaway = http2::Connection::graceful_shutdown;
        drive(Box::pin(serving), &life, peer, Some(goaway)).await;
        life.ends();
    }
}

/// Finds out whether a client in the clear speaks HTTP/2.
async fn sniffed(stream: &mut Paced) -> Option<bool> {
    stream.pace().wait_for(Wait::Request);
    Some(sniff::protocol(stream).await.ok()? == Protocol::Http2)
}

/// Runs a connection to its end, or until it is cut off. `tell_to_go` is called once, when it is to
/// end soon; `None` where a client can be told with a response only.
async fn drive<C>(
    mut serving: Pin<Box<C>>,
    life: &Life,
    peer: SocketAddr,
    tell_to_go: Option<fn(Pin<&mut C>)>,
) where
    C: Future<Output = hyper::Result<()>>,
{
    poll_fn(|cx| {
        life.pace.read_by(cx.waker());
        if life.pace.wait() == Wait::Request && life.pace.expired() {
            life.wish(Wish::Leave);
        }
        if life.wished() == Wish::Cut {
            return Poll::Ready(());
        }
        if let Some(tell_to_go) = tell_to_go
            && life.wished() >= Wish::Leave
            && life.tell()
        {
            tell_to_go(serving.as_mut());
        }
        serving.as_mut().poll(cx).map(|end| {
            if let Err(error) = end {
                tracing::debug!(%peer, %error, "connection");
            }
        })
    })
    .await;
}

/// Waits for the client to go on; false when it does not in time, or shall not.
async fn doze(stream: &mut ClientStream, life: &Life) -> bool {
    life.pace.set_dozing(true);
    let awake = poll_fn(|cx| {
        life.pace.read_by(cx.waker());
        if life.wished() >= Wish::Close {
            return Poll::Ready(false);
        }
        stream.poll_news(cx).map(|news| news.is_ok())
    });
    let awake = awake.await;
    life.pace.set_dozing(false);
    awake
}

#[cfg(test)]
mod tests;
