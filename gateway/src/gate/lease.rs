//! A gate that comes back: a connection that pauses between requests gives up its parser and the
//! buffers that go with it, and keeps its gate.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::Gate;

/// A gate in the hands of a parser.
pub(crate) struct Lease<S: AsyncRead + AsyncWrite + Unpin> {
    /// There until this is dropped.
    gate: Option<Box<Gate<S>>>,
    back: Return<S>,
}

/// Where a gate that dozes is found once its parser is gone.
pub(crate) struct Return<S>(Arc<Mutex<Option<Box<Gate<S>>>>>);

impl<S: AsyncRead + AsyncWrite + Unpin> Lease<S> {
    /// Hands out a gate.
    pub(crate) fn new(mut gate: Box<Gate<S>>) -> (Self, Return<S>) {
        gate.wake();
        let back = Arc::new(Mutex::new(None));
        (Self { gate: Some(gate), back: Return(back.clone()) }, Return(back))
    }

    fn gate(self: Pin<&mut Self>) -> Pin<&mut Gate<S>> {
        let gate = self.get_mut().gate.as_mut();
        Pin::new(&mut **gate.expect("it is taken out only when this is dropped"))
    }
}

impl<S> Return<S> {
    /// The gate, if it dozes. Else the connection is at its end, or a tunnel has it.
    pub(crate) fn take(&self) -> Option<Box<Gate<S>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Drop for Lease<S> {
    fn drop(&mut self) {
        if let Some(gate) = self.gate.take().filter(|gate| gate.dozes()) {
            *self.back.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(gate);
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Lease<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.gate().poll_read(cx, buf)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Lease<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.gate().poll_write(cx, buf)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.gate().poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.gate.as_ref().is_some_and(|gate| gate.is_write_vectored())
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.gate().poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.gate().poll_shutdown(cx)
    }
}
