//! The bytes of an upstream connection: plain or TLS, counted, and looked at from the side.
//!
//! Promises: the count of written bytes is what the kernel took, so that "nothing was sent" is a
//! fact. The pool can look whether a peer has closed an idle connection, while the connection
//! itself is owned by whoever speaks the protocol.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use crate::gather;

/// What can be seen of a connection from outside.
#[derive(Debug)]
pub(crate) struct Wire {
    /// Empty once the connection is closed.
    stream: RefCell<Option<TcpStream>>,
    written: Cell<u64>,
}

/// What a look at an idle connection shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Probe {
    /// Open, nothing to read.
    Quiet,
    /// Bytes that nobody asked for.
    Data,
    /// Closed or broken.
    Closed,
}

impl Wire {
    /// Bytes that the kernel took.
    pub(crate) fn written(&self) -> u64 {
        self.written.get()
    }

    /// Asks the kernel what has arrived. Costs a system call, but knows what the runtime has not
    /// been told yet.
    pub(crate) fn probe(&self) -> Probe {
        let stream = self.stream.borrow();
        let Some(stream) = &*stream else { return Probe::Closed };
        match SockRef::from(stream).peek(&mut [MaybeUninit::uninit()]) {
            Ok(0) => Probe::Closed,
            Ok(_) => Probe::Data,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Probe::Quiet,
            Err(_) => Probe::Closed,
        }
    }
}

/// A TCP connection whose [`Wire`] others can see. Dropped, it is closed, whoever holds the wire.
#[derive(Debug)]
pub(super) struct Socket(Rc<Wire>);

impl Socket {
    /// Wraps a connection.
    pub(super) fn new(stream: TcpStream) -> (Self, Rc<Wire>) {
        let wire = Rc::new(Wire { stream: RefCell::new(Some(stream)), written: Cell::new(0) });
        (Self(Rc::clone(&wire)), wire)
    }

    fn with<R>(&self, act: impl FnOnce(Pin<&mut TcpStream>) -> R) -> R {
        let mut stream = self.0.stream.borrow_mut();
        act(Pin::new(stream.as_mut().expect("taken out by drop only")))
    }

    fn count(&self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if let Poll::Ready(Ok(bytes)) = written {
            self.0.written.set(self.0.written.get() + bytes as u64);
        }
        written
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.0.stream.take();
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        to: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.with(|stream| stream.poll_read(cx, to))
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        from: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = self.with(|stream| stream.poll_write(cx, from));
        self.count(written)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        from: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = self.with(|stream| gather::poll_write(stream, cx, from));
        self.count(written)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.with(|stream| stream.poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.with(|stream| stream.poll_shutdown(cx))
    }
}

/// A connection to an endpoint, plain or TLS.
pub(crate) struct Transport {
    stream: Stream,
    wire: Rc<Wire>,
    /// Dropped with the connection.
    held: Option<Box<dyn Any>>,
}

enum Stream {
    Plain(Socket),
    Tls(Box<TlsStream<Socket>>),
}

impl Transport {
    pub(super) fn plain(socket: Socket, wire: Rc<Wire>) -> Self {
        Self { stream: Stream::Plain(socket), wire, held: None }
    }

    pub(super) fn tls(stream: TlsStream<Socket>, wire: Rc<Wire>) -> Self {
        Self { stream: Stream::Tls(Box::new(stream)), wire, held: None }
    }

    /// What others may see of it.
    pub(crate) fn wire(&self) -> &Rc<Wire> {
        &self.wire
    }

    /// Keeps `what` for as long as the connection is open, whoever owns it then.
    pub(crate) fn hold(&mut self, what: impl Any) {
        self.held = Some(Box::new(what));
    }

    /// Says goodbye where the protocol has a word for it, without waiting: TLS peers can tell a
    /// close from a cut. Plain connections say it by closing.
    pub(crate) fn farewell(&mut self) {
        if let Stream::Tls(stream) = &mut self.stream {
            let mut nobody = Context::from_waker(Waker::noop());
            // Whether it got out or not, the connection is closed next.
            let _ = Pin::new(stream).poll_shutdown(&mut nobody);
        }
    }
}

/// Does the same on either kind of stream.
macro_rules! on {
    ($stream:expr, $call:ident($($argument:expr),*)) => {
        match &mut $stream {
            Stream::Plain(stream) => Pin::new(stream).$call($($argument),*),
            Stream::Tls(stream) => Pin::new(stream).$call($($argument),*),
        }
    };
}

impl AsyncRead for Transport {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        to: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        on!(self.get_mut().stream, poll_read(cx, to))
    }
}

impl AsyncWrite for Transport {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        from: &[u8],
    ) -> Poll<io::Result<usize>> {
        on!(self.get_mut().stream, poll_write(cx, from))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        from: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        on!(self.get_mut().stream, poll_write_vectored(cx, from))
    }

    fn is_write_vectored(&self) -> bool {
        match &self.stream {
            Stream::Plain(stream) => stream.is_write_vectored(),
            Stream::Tls(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        on!(self.get_mut().stream, poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        on!(self.get_mut().stream, poll_shutdown(cx))
    }
}
