//! The gate as a stream: what it reads, keeps and passes on.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::framing::{Framing, Judged, Rest, Waits};
use super::refusal::{self, Refusal};
use super::{Handle, Rules};
use crate::pace::{Pace, Wait};

/// A client's stream of which only good bytes can be read. See the module above.
#[derive(Debug)]
pub(crate) struct Gate<S> {
    stream: S,
    framing: Framing,
    pace: Arc<Pace>,
    handle: Handle,
    /// Bytes that may not be passed on yet.
    kept: Vec<u8>,
    /// `kept` has bytes that `framing` has not judged.
    unjudged: bool,
    /// Bytes that may be passed on, from `passed` on.
    good: Vec<u8>,
    passed: usize,
    end: End,
    /// Bytes behind the end that may still be read and thrown away.
    linger: usize,
    /// Our side is shut down.
    shut: bool,
}

/// How reading ends once all that is good has been passed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// It does not.
    Not,
    /// As if the client had closed, once it has; until then nothing comes.
    Silent,
    /// As if the client had closed.
    Closed,
    /// The same, to a parser that waits for a request which does not come for a while.
    Dozing,
    /// With an error, so that the request whose body was read fails.
    Broken(&'static str),
}

/// Room for the rest of a head that did not arrive whole; most are below it.
const KEEP_ROOM: usize = 2 << 10;

/// Bytes kept behind a request to upgrade; the rest waits in the socket.
const HELD_MOST: usize = 16 << 10;

impl<S> Gate<S> {
    /// Whether it only seems closed to a parser that is not needed now.
    pub(super) fn dozes(&self) -> bool {
        self.end == End::Dozing
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Gate<S> {
    /// A gate in front of `stream`; `handle` tells it how an upgrade was answered.
    pub(crate) fn new(stream: S, rules: Rules, pace: Arc<Pace>, handle: Handle) -> Self {
        Self {
            stream,
            linger: rules.linger_bytes,
            framing: Framing::new(rules),
            pace,
            handle,
            kept: Vec::new(),
            unjudged: false,
            good: Vec::new(),
            passed: 0,
            end: End::Not,
            shut: false,
        }
    }

    /// What it stands in front of.
    pub(crate) fn stream(&mut self) -> &mut S {
        &mut self.stream
    }

    /// Goes on with the next request, after it dozed.
    pub(super) fn wake(&mut self) {
        if self.end == End::Dozing {
            self.end = End::Not;
        }
    }

    /// Passes on what is known to be good; true when there was any.
    fn pass_on(&mut self, buf: &mut ReadBuf<'_>) -> bool {
        let good = &self.good[self.passed..];
        if good.is_empty() {
            return false;
        }
        let taken = good.len().min(buf.remaining());
        buf.put_slice(&good[..taken]);
        self.passed += taken;
        if self.passed == self.good.len() {
            self.good = Vec::new();
            self.passed = 0;
        }
        true
    }

    /// Reads into `buf` itself and takes back what may not be passed on.
    fn poll_direct(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        if Pin::new(&mut self.stream).poll_read(cx, buf)?.is_pending() {
            return self.poll_waiting();
        }
        let new = &buf.filled()[before..];
        if new.is_empty() {
            self.end = End::Closed;
            return Poll::Ready(Ok(()));
        }
        let judged = self.framing.judge(new);
        if judged.rest == Rest::Keep {
            self.kept.extend_from_slice(&new[judged.pass..]);
        }
        self.settle(&judged);
        buf.set_filled(before + judged.pass);
        Poll::Ready(Ok(()))
    }

    /// Reads more behind what is kept.
    fn poll_keep(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let old = self.kept.len();
        self.kept.resize(old + KEEP_ROOM, 0);
        let mut room = ReadBuf::new(&mut self.kept[old..]);
        let read = Pin::new(&mut self.stream).poll_read(cx, &mut room);
        let new = room.filled().len();
        self.kept.truncate(old + new);
        if read?.is_pending() {
            return self.poll_waiting();
        }
        if new == 0 {
            self.end = End::Closed;
        }
        self.unjudged = new > 0;
        Poll::Ready(Ok(()))
    }

    /// Judges what is kept.
    fn judge_kept(&mut self) {
        self.unjudged = false;
        let judged = self.framing.judge(&self.kept);
        let mut good = std::mem::take(&mut self.kept);
        if judged.rest == Rest::Keep {
            self.kept = good.split_off(judged.pass);
        }
        good.truncate(judged.pass);
        self.good = good;
        self.settle(&judged);
    }

    fn settle(&mut self, judged: &Judged) {
        if judged.pass > 0 {
            self.pace.wait_for(Wait::Nothing);
        }
        match &judged.rest {
            Rest::Keep => {
                if self.framing.held() {
                    self.handle.hold(self.framing.heads());
                    self.unjudged = !self.kept.is_empty();
                }
            }
            Rest::Drop => self.end = End::Silent,
            Rest::Fault(fault) => self.end = End::Broken(fault),
            Rest::Refuse(refusal) => self.refuse(refusal),
        }
        self.pace.set_last(self.framing.is_over() && self.end == End::Not);
    }

    fn refuse(&mut self, refusal: &Refusal) {
        self.kept = Vec::new();
        self.good.extend_from_slice(&refusal.request());
        self.framing.end();
        self.end = End::Silent;
    }

    /// Waits for the answer to a request to upgrade. Reads a little, to see the client leave.
    fn poll_held(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.end == End::Not {
            if let Some(upgraded) = self.handle.poll_answer(cx) {
                self.framing.answered(upgraded);
                self.unjudged = !self.kept.is_empty();
                return Poll::Ready(Ok(()));
            }
            if self.kept.len() >= HELD_MOST {
                return Poll::Pending;
            }
            ready!(self.poll_keep(cx))?;
        }
        Poll::Ready(Ok(()))
    }

    /// Throws away what comes behind the end, until the client closes too or has sent too much.
    fn poll_silence(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut waste = [0; 4 << 10];
        while self.linger > 0 {
            let mut room = ReadBuf::new(&mut waste);
            ready!(Pin::new(&mut self.stream).poll_read(cx, &mut room))?;
            let read = room.filled().len();
            if read == 0 {
                return Poll::Ready(Ok(()));
            }
            self.linger = self.linger.saturating_sub(read);
        }
        Poll::Ready(Ok(()))
    }

    /// Nothing came: says what is waited for, and ends what has waited too long.
    fn poll_waiting(&mut self) -> Poll<io::Result<()>> {
        self.pace.wait_for(match self.framing.waits(!self.kept.is_empty()) {
            Waits::ForRequest => Wait::Request,
            Waits::ForHead => Wait::Head,
            Waits::ForBody | Waits::Freely => Wait::Nothing,
        });
        match self.pace.wait() {
            Wait::Head if self.pace.expired() => self.refuse(&refusal::TIMEOUT),
            _ if self.pace.expired() => self.end = End::Closed,
            Wait::Request if self.pace.may_doze() => self.end = End::Dozing,
            _ => return Poll::Pending,
        }
        Poll::Ready(Ok(()))
    }

    /// Whether the client may still be sending what nobody reads. Closing then would reset the
    /// connection, and the client might lose the answer.
    fn has_unread(&self) -> bool {
        let waits = self.framing.waits(!self.kept.is_empty());
        match self.end {
            End::Closed | End::Dozing => false,
            End::Silent | End::Broken(_) => true,
            End::Not => matches!(waits, Waits::ForBody | Waits::ForHead),
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Gate<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buf.filled().len();
        loop {
            if this.pass_on(buf) || buf.filled().len() > before || buf.remaining() == 0 {
                return Poll::Ready(Ok(()));
            }
            match this.end {
                End::Not if this.framing.held() => ready!(this.poll_held(cx))?,
                End::Not if this.unjudged => this.judge_kept(),
                End::Not if this.kept.is_empty() => ready!(this.poll_direct(cx, buf))?,
                End::Not => ready!(this.poll_keep(cx))?,
                End::Silent => {
                    ready!(this.poll_silence(cx))?;
                    this.end = End::Closed;
                }
                End::Closed | End::Dozing => return Poll::Ready(Ok(())),
                End::Broken(fault) => {
                    return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, fault)));
                }
            }
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Gate<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    /// Also waits for the client to close, or a moment, where it may still be sending. Dozing, only
    /// the parser ends.
    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.dozes() {
            return Poll::Ready(Ok(()));
        }
        if !this.shut {
            ready!(Pin::new(&mut this.stream).poll_shutdown(cx))?;
            this.shut = true;
        }
        if this.has_unread() {
            this.pace.wait_for(Wait::Close);
            // An error is the client's way to close.
            if this.poll_silence(cx).is_pending() && !this.pace.expired() {
                return Poll::Pending;
            }
        }
        Poll::Ready(Ok(()))
    }
}
