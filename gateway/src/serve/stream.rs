//! The bytes of one client connection, in the clear or encrypted, with a client's pace kept.

use std::io::{self, ErrorKind, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

use crate::gather;
use crate::listen::ticket::Ticket;
use crate::pace::{Pace, Wait};

/// A TCP connection whose client must not be too slow with its handshake or in taking bytes. It is
/// counted as long as this is there.
pub(super) struct Paced {
    tcp: TcpStream,
    pace: Arc<Pace>,
    /// Bytes that were read to find out the protocol, to be read again.
    first: Vec<u8>,
    /// How many of them have been.
    taken: usize,
    _counted: Ticket,
}

impl Paced {
    pub(super) fn new(tcp: TcpStream, pace: Arc<Pace>, ticket: Ticket) -> Self {
        Self { tcp, pace, first: Vec::new(), taken: 0, _counted: ticket }
    }

    pub(super) fn pace(&self) -> &Pace {
        &self.pace
    }

    /// Gives back what was read from the beginning.
    pub(super) fn unread(&mut self, first: Vec<u8>) {
        self.first = first;
        self.taken = 0;
    }

    /// Ready when the client has sent something, or closed, or takes too long for what is waited
    /// for; which of these, shows when it is read. Only where nothing is left to be read.
    pub(super) fn poll_news(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.tcp.poll_read_ready(cx) {
            Poll::Pending => self.poll_late(),
            ready => ready,
        }
    }

    /// An error when the client has taken too long for what is waited for.
    pub(super) fn poll_late<T>(&self) -> Poll<io::Result<T>> {
        if self.pace.expired() {
            return Poll::Ready(Err(ErrorKind::TimedOut.into()));
        }
        Poll::Pending
    }

    fn poll_first(&mut self, buf: &mut ReadBuf<'_>) {
        let rest = &self.first[self.taken..];
        let taken = rest.len().min(buf.remaining());
        buf.put_slice(&rest[..taken]);
        self.taken += taken;
        if self.taken == self.first.len() {
            self.first = Vec::new();
        }
    }

    /// Keeps account of what a write came to.
    fn wrote(&self, cx: &Context<'_>, wrote: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if wrote.is_ready() {
            self.pace.write_moves();
            return wrote;
        }
        self.pace.write_stalls(cx.waker());
        if self.pace.write_expired() {
            return Poll::Ready(Err(ErrorKind::TimedOut.into()));
        }
        Poll::Pending
    }
}

impl AsyncRead for Paced {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if !this.first.is_empty() {
            this.poll_first(buf);
            return Poll::Ready(Ok(()));
        }
        let read = Pin::new(&mut this.tcp).poll_read(cx, buf);
        if read.is_pending() && this.pace.wait() == Wait::Handshake {
            return this.poll_late();
        }
        read
    }
}

impl AsyncWrite for Paced {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let wrote = Pin::new(&mut this.tcp).poll_write(cx, buf);
        this.wrote(cx, wrote)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let wrote = if this.pace.is_at_end() {
            gather::poll_write_last(&this.tcp, cx, bufs)
        } else {
            gather::poll_write(Pin::new(&mut this.tcp), cx, bufs)
        };
        this.wrote(cx, wrote)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().tcp).poll_flush(cx)
    }

    /// What is at its end is dropped next, and the kernel sends the same as for a shutdown.
    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.pace.is_at_end() {
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut this.tcp).poll_shutdown(cx)
    }
}

/// What requests are read from.
pub(super) enum ClientStream {
    Clear(Paced),
    Tls(Box<TlsStream<Paced>>),
}

impl ClientStream {
    /// As of [`Paced`]. Only after a read that had to wait.
    pub(super) fn poll_news(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Clear(paced) => paced.poll_news(cx),
            Self::Tls(stream) => stream.get_mut().0.poll_news(cx),
        }
    }
}

macro_rules! either {
    ($stream:expr, $inner:ident => $call:expr) => {
        match $stream.get_mut() {
            ClientStream::Clear($inner) => {
                let $inner = Pin::new($inner);
                $call
            }
            ClientStream::Tls($inner) => {
                let $inner = Pin::new(&mut **$inner);
                $call
            }
        }
    };
}

impl AsyncRead for ClientStream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        either!(self, inner => inner.poll_read(cx, buf))
    }
}

impl AsyncWrite for ClientStream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        either!(self, inner => inner.poll_write(cx, buf))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        either!(self, inner => inner.poll_write_vectored(cx, bufs))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        either!(self, inner => inner.poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        either!(self, inner => inner.poll_shutdown(cx))
    }
}
