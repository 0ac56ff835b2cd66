//! The body of an upstream response, which gives its connection back at the end.

use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::io::{AsyncRead, AsyncWrite};

/// A response body. Read to its end, it gives the connection back to the pool; dropped before,
/// the connection is closed or the stream reset.
pub(crate) struct ResponseBody<B> {
    inner: Incoming,
    lease: PhantomData<B>,
}

impl<B> ResponseBody<B> {
    /// Whether the connection had carried a request before.
    pub(crate) fn reused(&self) -> bool {
        unimplemented!("lands next")
    }

    /// What connecting took (TCP and TLS), when this request waited for it.
    pub(crate) fn connect_time(&self) -> Option<Duration> {
        unimplemented!("lands next")
    }

    /// After a 101 response to a request with `Upgrade`: the connection itself, and what the
    /// backend had sent after the head. `None` for any other response.
    pub(crate) async fn into_tunnel(self) -> Option<Tunnel> {
        unimplemented!("lands next")
    }
}

impl<B: Unpin> Body for ResponseBody<B> {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        Pin::new(&mut self.inner).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// An upgraded upstream connection. Reads what had come with the response first.
pub(crate) struct Tunnel;

impl AsyncRead for Tunnel {
    fn poll_read(
        self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
        _to: &mut tokio::io::ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        unimplemented!("lands next")
    }
}

impl AsyncWrite for Tunnel {
    fn poll_write(
        self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
        _from: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        unimplemented!("lands next")
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        unimplemented!("lands next")
    }

    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        unimplemented!("lands next")
    }
}
