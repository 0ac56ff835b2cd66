//! Frames of one turn leave together: what HTTP/2 writes is held until every task that is due has
//! run, and what the kernel has ready was taken in.
//!
//! Each stream is a task, and the connection is polled when the first of them has something to
//! send: the heads, bodies and ends of what runs side by side would leave one by one, each with a
//! system call and a TLS record.
//!
//! Promises: nothing is held when the runtime has nothing else to do; never more than [`LIMIT`]
//! bytes, and none at rest; order is kept; a flush that is done has written everything.

use std::io::{self, IoSlice};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::task::yield_now;

/// Bytes held at most: as many as a frame of HTTP/2 has at most by default, and a TLS record.
const LIMIT: usize = 16 << 10;
/// What a first write makes room for.
const ROOM: usize = 2 << 10;

/// A connection whose writes wait for a turn.
pub(crate) struct Corked<S> {
    stream: S,
    held: Vec<u8>,
    /// Bytes of these that have been written.
    written: usize,
    /// A turn has passed since they were to be flushed.
    waited: bool,
}

impl<S> Corked<S> {
    /// Holds nothing yet.
    pub(crate) fn new(stream: S) -> Self {
        Self { stream, held: Vec::new(), written: 0, waited: false }
    }
}

impl<S: AsyncWrite + Unpin> Corked<S> {
    /// Writes what is held.
    fn poll_release(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.written < self.held.len() {
            let rest = &self.held[self.written..];
            match ready!(Pin::new(&mut self.stream).poll_write(cx, rest))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                written => self.written += written,
            }
        }
        // Given up, so that a connection at rest holds nothing.
        self.held = Vec::new();
        self.written = 0;
        self.waited = false;
        Poll::Ready(Ok(()))
    }

    /// Makes room for so many bytes more; false when they are too many to be held.
    fn poll_room(&mut self, cx: &mut Context<'_>, more: usize) -> Poll<io::Result<bool>> {
        if self.held.len() + more > LIMIT {
            ready!(self.poll_release(cx))?;
        }
        let fits = more <= LIMIT;
        if fits && self.held.is_empty() {
            self.held.reserve(more.max(ROOM));
        }
        Poll::Ready(Ok(fits))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Corked<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Corked<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(buf)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let more = bufs.iter().map(|buf| buf.len()).sum();
        if !ready!(this.poll_room(cx, more))? {
            return Pin::new(&mut this.stream).poll_write_vectored(cx, bufs);
        }
        for buf in bufs {
            this.held.extend_from_slice(buf);
        }
        Poll::Ready(Ok(more))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if !this.held.is_empty() && !this.waited {
            this.waited = true;
            return pin!(yield_now()).poll(cx).map(Ok);
        }
        ready!(this.poll_release(cx))?;
        Pin::new(&mut this.stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.poll_release(cx))?;
        Pin::new(&mut this.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests;
