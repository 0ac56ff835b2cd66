//! A request on its way: its head and its body as the bytes of HTTP/1 (RFC 9112 §3, §7.1).
//!
//! Promises: what is written is one message, of the length that its head says, or breaks off; what
//! the client has sent goes on in as few writes as it fits in; no more than [`ENOUGH`] of a body
//! and one frame are held.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderValue, Request};
use http_body::Frame;
use smallvec::SmallVec;
use tokio::io::AsyncWrite;

use super::super::RequestBody;

/// Bytes of a body that are taken from the client before they are written.
const ENOUGH: usize = 64 << 10;
/// Memory for heads that is kept from request to request.
const KEPT: usize = 4 << 10;
/// Pieces that go into one write.
const PIECES: usize = 32;

/// The request that a connection sends, or has sent.
pub(super) struct Sending<B> {
    /// The head, and what frames a chunk that nothing waits before. Kept from request to request
    /// for its memory.
    head: Vec<u8>,
    /// How much of it is written.
    written: usize,
    /// What is to be written behind it, and how many bytes that is.
    queue: VecDeque<Bytes>,
    queued: usize,
    /// Gone once it was read to its end.
    body: Option<B>,
    length: Length,
    /// What was written has left TLS as well.
    flushed: bool,
    /// The endpoint takes no more: the rest is not sent.
    given_up: bool,
}

/// How the end of a body is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Length {
    /// So many bytes are still to come.
    Left(u64),
    Chunked,
}

/// Why a request is not sent to its end.
#[derive(Debug)]
pub(super) enum Unsent {
    /// The endpoint takes no more.
    Refused,
    /// The client's side of the body failed, or it is not as long as its head says.
    Body,
}

impl From<io::Error> for Unsent {
    fn from(_: io::Error) -> Self {
        Self::Refused
    }
}

impl<B: RequestBody> Sending<B> {
    /// Nothing to send.
    pub(super) fn new() -> Self {
        Self {
            head: Vec::new(),
            written: 0,
            queue: VecDeque::new(),
            queued: 0,
            body: None,
            length: Length::Left(0),
            flushed: true,
            given_up: false,
        }
    }

    /// Sends `request` from now on. It is in its HTTP/1 form.
    pub(super) fn begin(&mut self, request: Request<B>) {
        let (mut parts, body) = request.into_parts();
        self.length = frame(&mut parts.headers, &body);
        self.body = Some(body).filter(|body| !body.is_end_stream());
        self.written = 0;
        self.given_up = false;
        self.head.clear();
        self.head.shrink_to(KEPT);
        let target = parts.uri.path_and_query().map_or("/", |target| target.as_str());
        let line = [parts.method.as_str(), " ", target, " HTTP/1.1\r\n"];
        line.iter().for_each(|part| self.head.extend_from_slice(part.as_bytes()));
        write_fields(&mut self.head, &parts.headers);
        self.head.extend_from_slice(b"\r\n");
    }

    /// Nothing is left to be done for it, one way or the other.
    pub(super) fn is_over(&self) -> bool {
        self.given_up || (self.body.is_none() && self.is_written() && self.flushed)
    }

    /// It was sent to its end.
    pub(super) fn is_whole(&self) -> bool {
        !self.given_up && self.is_over()
    }

    /// Sends no more of it.
    pub(super) fn give_up(&mut self) {
        self.given_up = true;
        self.body = None;
        self.queue.clear();
        self.queued = 0;
    }

    /// Sends what the client has sent; ready once that was all.
    pub(super) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        mut to: Pin<&mut (impl AsyncWrite + ?Sized)>,
    ) -> Poll<Result<(), Unsent>> {
        loop {
            let filled = self.fill(cx)?;
            while !self.is_written() {
                ready!(self.write(cx, to.as_mut()))?;
            }
            if filled.is_ready() && self.body.is_some() {
                continue;
            }
            if !self.flushed {
                ready!(to.poll_flush(cx))?;
                self.flushed = true;
            }
            return filled.map(Ok);
        }
    }

    fn is_written(&self) -> bool {
        self.head.is_empty() && self.queue.is_empty()
    }

    /// Takes from the client what is there; ready when that is enough for now, or all.
    fn fill(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Unsent>> {
        while self.queued < ENOUGH
            && let Some(body) = &mut self.body
        {
            let next = ready!(Pin::new(&mut *body).poll_frame(cx));
            let ended = next.is_none() || body.is_end_stream();
            if let Some(frame) = next.transpose().map_err(|_| Unsent::Body)? {
                match frame.into_data().map_err(Frame::into_trailers) {
                    Ok(data) => self.push(data)?,
                    Err(Ok(trailers)) => return Poll::Ready(self.end(Some(&trailers))),
                    Err(Err(_)) => {} // no other kind of frame exists today
                }
            }
            if ended {
                return Poll::Ready(self.end(None));
            }
        }
        Poll::Ready(Ok(()))
    }

    fn push(&mut self, data: Bytes) -> Result<(), Unsent> {
        if data.is_empty() {
            return Ok(());
        }
        match &mut self.length {
            Length::Left(left) => {
                *left = left.checked_sub(data.len() as u64).ok_or(Unsent::Body)?;
                self.queue(data);
            }
            Length::Chunked => {
                let size = format!("{:x}\r\n", data.len());
                if self.queue.is_empty() {
                    self.head.extend_from_slice(size.as_bytes());
                } else {
                    self.queue(size.into());
                }
                self.queue(data);
                self.queue(Bytes::from_static(b"\r\n"));
            }
        }
        Ok(())
    }

    fn end(&mut self, trailers: Option<&HeaderMap>) -> Result<(), Unsent> {
        self.body = None;
        match (self.length, trailers) {
            (Length::Left(0), _) => {}
            (Length::Left(_), _) => return Err(Unsent::Body),
            (Length::Chunked, None) => self.queue(Bytes::from_static(b"0\r\n\r\n")),
            (Length::Chunked, Some(trailers)) => {
                let mut last = b"0\r\n".to_vec();
                write_fields(&mut last, trailers);
                last.extend_from_slice(b"\r\n");
                self.queue(last.into());
            }
        }
        Ok(())
    }

    fn queue(&mut self, bytes: Bytes) {
        self.queued += bytes.len();
        self.queue.push_back(bytes);
    }

    fn write(
        &mut self,
        cx: &mut Context<'_>,
        to: Pin<&mut (impl AsyncWrite + ?Sized)>,
    ) -> Poll<io::Result<()>> {
        let head = &self.head[self.written..];
        let wrote = if self.queue.is_empty() {
            ready!(to.poll_write(cx, head))?
        } else {
            let mut slices = SmallVec::<[IoSlice<'_>; PIECES]>::new();
            if !head.is_empty() {
                slices.push(IoSlice::new(head));
            }
            let room = PIECES - slices.len();
            slices.extend(self.queue.iter().take(room).map(|bytes| IoSlice::new(bytes)));
            ready!(to.poll_write_vectored(cx, &slices))?
        };
        if wrote == 0 {
            return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
        }
        self.flushed = false;
        self.pass(wrote);
        Poll::Ready(Ok(()))
    }

    /// So many bytes were written.
    fn pass(&mut self, mut wrote: usize) {
        let of_head = wrote.min(self.head.len() - self.written);
        self.written += of_head;
        if self.written == self.head.len() {
            self.head.clear();
            self.written = 0;
        }
        wrote -= of_head;
        self.queued -= wrote;
        while let Some(first) = self.queue.front_mut().filter(|_| wrote > 0) {
            let here = wrote.min(first.len());
            first.advance(here);
            wrote -= here;
            if first.is_empty() {
                self.queue.pop_front();
            }
        }
    }
}

/// Says in the head how long the body is, as the body has it (RFC 9112 §6): a length where it is
/// known, else chunks.
fn frame<B: RequestBody>(headers: &mut HeaderMap, body: &B) -> Length {
    if body.is_end_stream() {
        headers.remove(TRANSFER_ENCODING);
        // Whoever announced a body and sent none must not have us wait for it with the endpoint.
        if headers.contains_key(CONTENT_LENGTH) {
            headers.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
        }
        return Length::Left(0);
    }
    let said = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    let length = said.or_else(|| body.size_hint().exact());
    match length.filter(|_| !headers.contains_key(TRANSFER_ENCODING)) {
        Some(length) => {
            headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
            Length::Left(length)
        }
        None => {
            headers.remove(CONTENT_LENGTH);
            headers.insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
            Length::Chunked
        }
    }
}

fn write_fields(to: &mut Vec<u8>, fields: &HeaderMap) {
    for (name, value) in fields {
        to.extend_from_slice(name.as_str().as_bytes());
        to.extend_from_slice(b": ");
        to.extend_from_slice(value.as_bytes());
        to.extend_from_slice(b"\r\n");
    }
}

#[cfg(test)]
mod tests;
