//! What an endpoint sends: heads, and the bodies behind them.
//!
//! Promises: a body is handed on as it comes and ends where its head says; bytes behind it are kept
//! and seen; a head, its trailers, and the 1xx responses before it are bounded.

use std::future::Future;
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker, ready};

use bytes::{Bytes, BytesMut};
use http_body::{Frame, SizeHint};
use tokio::io::{AsyncRead, AsyncReadExt, ReadBuf};

use super::head::{self, Asked, Head, Length};
use crate::gate::{Chunks, Piece};
use crate::settings::Upstream;

/// Memory for a read at first: most responses fit.
const ROOM: usize = 8 << 10;
/// Memory for a read of a response that fills what it gets.
const MOST_ROOM: usize = 64 << 10;
/// Less room than this is not worth a read.
const LEAST_ROOM: usize = 2 << 10;
/// Bytes of chunk extensions in one body, which nobody sends in earnest.
const EXTENSIONS: usize = 4 << 10;

/// The side of a connection that responses come from.
pub(super) struct Reading {
    /// Read and not handed on.
    buffer: BytesMut,
    room: usize,
    body: Body,
    asked: Asked,
    /// 1xx responses before the one that counts.
    informational: usize,
    /// A byte of the response has come.
    begun: bool,
    /// The endpoint takes another request, once this response has ended.
    keep_alive: bool,
    most: Most,
}

struct Most {
    head_bytes: usize,
    informational: usize,
}

/// What of a body is still to come.
enum Body {
    /// Nothing.
    Ended,
    Sized(u64),
    Chunks(Chunks),
    Trailers,
    UntilClose,
}

/// Why there is no response, or no more of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Broken {
    /// The connection ended.
    #[error("the connection broke")]
    Closed,
    /// It cannot be a response.
    #[error("malformed response: {0}")]
    Malformed(&'static str),
}

impl From<io::Error> for Broken {
    fn from(_: io::Error) -> Self {
        Self::Closed
    }
}

impl From<&'static str> for Broken {
    fn from(why: &'static str) -> Self {
        Self::Malformed(why)
    }
}

impl Reading {
    /// Nothing has come.
    pub(super) fn new(limits: &Upstream) -> Self {
        let (head_bytes, informational) = (limits.head_bytes, limits.informational);
        Self {
            buffer: BytesMut::new(),
            room: ROOM,
            body: Body::Ended,
            asked: Asked::default(),
            informational: 0,
            begun: false,
            keep_alive: true,
            most: Most { head_bytes, informational },
        }
    }

    /// A response to this is to come.
    pub(super) fn begin(&mut self, asked: Asked) {
        self.asked = asked;
        self.informational = 0;
        self.begun = false;
        self.room = ROOM;
    }

    /// Whether a byte of it has come.
    pub(super) fn has_begun(&self) -> bool {
        self.begun
    }

    /// Whether its body has been read to its end.
    pub(super) fn is_ended(&self) -> bool {
        matches!(self.body, Body::Ended)
    }

    /// Whether it ended cleanly, and nothing has come since. What the kernel has not told the
    /// runtime of is not seen.
    pub(super) fn is_at_rest(&mut self, from: Pin<&mut (impl AsyncRead + ?Sized)>) -> bool {
        if !self.is_ended() || !self.keep_alive || !self.buffer.is_empty() {
            return false;
        }
        let mut byte = [0];
        let mut nobody = Context::from_waker(Waker::noop());
        from.poll_read(&mut nobody, &mut ReadBuf::new(&mut byte)).is_pending()
    }

    /// What is left of the body.
    pub(super) fn size_hint(&self) -> SizeHint {
        match self.body {
            Body::Ended => SizeHint::with_exact(0),
            Body::Sized(left) => SizeHint::with_exact(left),
            Body::Chunks(_) | Body::Trailers | Body::UntilClose => SizeHint::new(),
        }
    }

    /// What was read behind the last head.
    pub(super) fn take_rest(&mut self) -> Bytes {
        std::mem::take(&mut self.buffer).freeze()
    }

    /// Waits for the head of the response.
    pub(super) fn poll_head(
        &mut self,
        cx: &mut Context<'_>,
        mut from: Pin<&mut (impl AsyncRead + ?Sized)>,
    ) -> Poll<Result<Head, Broken>> {
        loop {
            if !self.buffer.is_empty() {
                let head = head::take(&mut self.buffer, self.asked)?;
                match head {
                    Some(head) if is_interim(&head) => {
                        self.informational += 1;
                        if self.informational > self.most.informational {
                            return Poll::Ready(Err("too many 1xx".into()));
                        }
                        continue;
                    }
                    Some(head) => {
                        self.keep_alive = head.keep_alive;
                        self.body = Body::of(head.length);
                        return Poll::Ready(Ok(head));
                    }
                    None => self.bound("the head is too long")?,
                }
            }
            if ready!(self.read(cx, from.as_mut()))? == 0 {
                return Poll::Ready(Err(Broken::Closed));
            }
            self.begun = true;
        }
    }

    /// The next of the body; `None` is its end.
    pub(super) fn poll_frame(
        &mut self,
        cx: &mut Context<'_>,
        mut from: Pin<&mut (impl AsyncRead + ?Sized)>,
    ) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        loop {
            if let Some(frame) = self.next()? {
                return Poll::Ready(Some(Ok(frame)));
            }
            if self.is_ended() {
                return Poll::Ready(None);
            }
            if ready!(self.read(cx, from.as_mut()))? == 0 {
                let ends = matches!(self.body, Body::UntilClose);
                self.body = Body::Ended;
                self.keep_alive = false;
                return Poll::Ready(if ends { None } else { Some(Err(Broken::Closed)) });
            }
        }
    }

    /// A frame of what was read already.
    fn next(&mut self) -> Result<Option<Frame<Bytes>>, &'static str> {
        while !self.buffer.is_empty() {
            match &mut self.body {
                Body::Ended => return Ok(None),
                Body::UntilClose => return Ok(Some(Frame::data(self.buffer.split().freeze()))),
                Body::Sized(left) => {
                    let taken = (*left).min(self.buffer.len() as u64);
                    *left -= taken;
                    let ended = *left == 0;
                    // It is at most the buffer's length.
                    let data = self.data(taken as usize);
                    if ended {
                        self.end();
                    }
                    return Ok(Some(data));
                }
                Body::Chunks(chunks) => {
                    match chunks.piece(&self.buffer).map_err(|(_, fault)| fault)? {
                        Piece::Frame(count) => drop(self.buffer.split_to(count)),
                        Piece::Data(count) => {
                            let data = self.data(count);
                            self.look_for_end();
                            return Ok(Some(data));
                        }
                        Piece::Last(count) => {
                            drop(self.buffer.split_to(count));
                            self.body = Body::Trailers;
                        }
                    }
                }
                Body::Trailers => {
                    let Some(trailers) = head::take_trailers(&mut self.buffer)? else {
                        self.bound("the trailers are too long")?;
                        return Ok(None);
                    };
                    self.end();
                    if !trailers.is_empty() {
                        return Ok(Some(Frame::trailers(trailers)));
                    }
                }
            }
        }
        Ok(None)
    }

    fn data(&mut self, count: usize) -> Frame<Bytes> {
        Frame::data(self.buffer.split_to(count).freeze())
    }

    /// A body whose end has come with its last data ends with it: nobody has to ask again.
    fn look_for_end(&mut self) {
        const END: &[u8] = b"\r\n0\r\n\r\n";
        if self.buffer.starts_with(END) {
            drop(self.buffer.split_to(END.len()));
            self.end();
        }
    }

    /// Nothing more of the body comes. What large responses needed is not kept at rest.
    fn end(&mut self) {
        self.body = Body::Ended;
        if self.buffer.is_empty() && self.room > ROOM {
            self.buffer = BytesMut::new();
        }
    }

    /// What is kept until its end comes is bounded.
    fn bound(&self, otherwise: &'static str) -> Result<(), &'static str> {
        if self.buffer.len() < self.most.head_bytes { Ok(()) } else { Err(otherwise) }
    }

    fn read(
        &mut self,
        cx: &mut Context<'_>,
        mut from: Pin<&mut (impl AsyncRead + ?Sized)>,
    ) -> Poll<io::Result<usize>> {
        if let Body::Sized(left) = self.body {
            // It is at most a usize.
            self.room = left.clamp(self.room as u64, MOST_ROOM as u64) as usize;
        }
        if self.buffer.capacity() - self.buffer.len() < LEAST_ROOM {
            self.buffer.reserve(self.room);
        }
        let room = self.buffer.capacity() - self.buffer.len();
        let read = ready!(pin!(from.read_buf(&mut self.buffer)).poll(cx))?;
        if read == room {
            self.room = (self.room * 2).min(MOST_ROOM);
        }
        Poll::Ready(Ok(read))
    }
}

impl Body {
    fn of(length: Length) -> Self {
        match length {
            Length::Known(0) => Self::Ended,
            Length::Known(size) => Self::Sized(size),
            Length::Chunked => Self::Chunks(Chunks::new(EXTENSIONS)),
            Length::UntilClose => Self::UntilClose,
        }
    }
}

/// A response before the one that counts (RFC 9110 §15.2).
fn is_interim(head: &Head) -> bool {
    let status = head.response.status();
    status.is_informational() && status != http::StatusCode::SWITCHING_PROTOCOLS
}

#[cfg(test)]
mod tests;
