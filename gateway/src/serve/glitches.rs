//! Clients of HTTP/2 that keep a connection busy and ask for nothing: floods of PING, SETTINGS,
//! PRIORITY, WINDOW_UPDATE, empty DATA.
//!
//! Only the first nine bytes of each frame are looked at. Such a frame is a glitch; requests, data
//! of either side and time pay for glitches. Whoever owes for too many is told to go, and then cut
//! off.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::life::{Life, Wish};
use super::stream::ClientStream;
use crate::settings::Client;

/// Bytes before the first frame.
const PREFACE: usize = 24;
const HEADER: usize = 9;

/// Glitches that a second pays for. 10: pings and settings of a client that is only eager.
const PER_SECOND: u32 = 10;
/// Glitches that one write of ours pays for, besides those for its bytes. 2: a client may open both
/// windows after each frame that it gets.
const PER_WRITE: u32 = 2;
/// Bytes of ours that pay for one more.
const BYTES_PER_GLITCH: usize = 256;

/// A client's stream whose frames are counted.
pub(super) struct Watched {
    stream: ClientStream,
    life: Rc<Life>,
    frames: Frames,
    score: Score,
}

impl Watched {
    pub(super) fn new(stream: ClientStream, life: Rc<Life>, settings: &Client) -> Self {
        let score = Score::new(settings, life.pace.now());
        Self { stream, life, frames: Frames::default(), score }
    }

    fn wrote(&mut self, wrote: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if let Poll::Ready(Ok(bytes)) = wrote {
            let paid = u32::try_from(bytes / BYTES_PER_GLITCH).unwrap_or(u32::MAX);
            self.score.pay(paid.saturating_add(PER_WRITE));
        }
        wrote
    }
}

/// Finds the frames in what a client sends.
#[derive(Debug)]
struct Frames {
    /// Bytes before the next frame's header.
    skip: usize,
    /// What has come of that.
    header: [u8; HEADER],
    have: usize,
}

impl Default for Frames {
    fn default() -> Self {
        Self { skip: PREFACE, header: [0; HEADER], have: 0 }
    }
}

/// What a frame is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Worth {
    /// It asks for something, or is part of what does.
    Use,
    /// It costs us and asks for nothing.
    Glitch,
    /// Others count it, or it answers us.
    Nothing,
}

impl Frames {
    fn read(&mut self, mut bytes: &[u8], mut each: impl FnMut(Worth)) {
        loop {
            let skipped = self.skip.min(bytes.len());
            self.skip -= skipped;
            bytes = &bytes[skipped..];
            if bytes.is_empty() {
                return;
            }
            let taken = (HEADER - self.have).min(bytes.len());
            self.header[self.have..self.have + taken].copy_from_slice(&bytes[..taken]);
            self.have += taken;
            bytes = &bytes[taken..];
            if self.have == HEADER {
                let [a, b, c, kind, flags, ..] = self.header;
                self.have = 0;
                self.skip = usize::from(a) << 16 | usize::from(b) << 8 | usize::from(c);
                each(worth(kind, flags, self.skip));
            }
        }
    }
}

/// RFC 9113 §6: types and flags.
fn worth(kind: u8, flags: u8, length: usize) -> Worth {
    let first = flags & 1 != 0;
    match kind {
        // DATA, END_STREAM.
        0 if length > 0 || first => Worth::Use,
        // HEADERS.
        1 => Worth::Use,
        // RST_STREAM has its own limit.
        3 => Worth::Nothing,
        // SETTINGS and PING that acknowledge ours.
        4 | 6 if first => Worth::Nothing,
        _ => Worth::Glitch,
    }
}

/// What a client owes.
#[derive(Debug)]
struct Score {
    owed: u32,
    at: u32,
    leave: u32,
    cut: u32,
}

impl Score {
    fn new(settings: &Client, now: u32) -> Self {
        let (leave, cut) = (settings.glitches_leave, settings.glitches_cut);
        Self { owed: 0, at: now, leave, cut }
    }

    fn pay(&mut self, glitches: u32) {
        self.owed = self.owed.saturating_sub(glitches);
    }

    /// Takes account of a frame; what is to be wished for its client.
    fn count(&mut self, worth: Worth, now: u32) -> Wish {
        let seconds = now.wrapping_sub(std::mem::replace(&mut self.at, now));
        self.pay(seconds.saturating_mul(PER_SECOND));
        match worth {
            Worth::Nothing => {}
            Worth::Use => self.pay(1),
            Worth::Glitch => self.owed = self.owed.saturating_add(1),
        }
        match self.owed {
            owed if owed >= self.cut => Wish::Cut,
            owed if owed >= self.leave => Wish::Leave,
            _ => Wish::Stay,
        }
    }
}

impl AsyncRead for Watched {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buf.filled().len();
        ready!(Pin::new(&mut this.stream).poll_read(cx, buf))?;
        let now = this.life.pace.now();
        let (life, score) = (&this.life, &mut this.score);
        this.frames.read(&buf.filled()[before..], |worth| life.wish(score.count(worth, now)));
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Watched {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let wrote = Pin::new(&mut this.stream).poll_write(cx, buf);
        this.wrote(wrote)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let wrote = Pin::new(&mut this.stream).poll_write_vectored(cx, bufs);
        this.wrote(wrote)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::{Client, Frames, PREFACE, Score, Wish, Worth};

    fn frame(kind: u8, flags: u8, payload: &[u8]) -> Vec<u8> {
        let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
        [&length[1..], &[kind, flags, 0, 0, 0, 1], payload].concat()
    }

    #[test]
    fn frames_are_found_wherever_the_bytes_are_cut() {
        let mut bytes = vec![b'P'; PREFACE];
        bytes.extend(frame(4, 0, &[0; 18]));
        bytes.extend(frame(1, 5, &[7; 300]));
        bytes.extend(frame(0, 0, &[]));
        bytes.extend(frame(0, 1, &[]));
        bytes.extend(frame(6, 1, &[0; 8]));
        bytes.extend(frame(6, 0, &[0; 8]));
        bytes.extend(frame(3, 0, &[0; 4]));
        bytes.extend(frame(200, 0, b"x"));
        use Worth::{Glitch, Nothing, Use};
        let expected = [Glitch, Use, Glitch, Use, Nothing, Glitch, Nothing, Glitch];
        for piece in [1, 2, 7, 9, 50, 1000] {
            let (mut frames, mut found) = (Frames::default(), Vec::new());
            for piece in bytes.chunks(piece) {
                frames.read(piece, |worth| found.push(worth));
            }
            assert_eq!(found, expected, "in pieces of {piece}");
        }
    }

    #[test]
    fn a_flood_is_told_to_go_and_then_cut_off() {
        let mut score = Score::new(&Client::default(), 0);
        let wishes: Vec<_> = (0..100).map(|_| score.count(Worth::Glitch, 0)).collect();
        assert_eq!(wishes.iter().position(|wish| *wish == Wish::Leave), Some(74));
        assert_eq!(wishes.iter().position(|wish| *wish == Wish::Cut), Some(99));
    }

    #[test]
    fn time_requests_and_what_the_client_gets_pay_for_glitches() {
        let mut slow = Score::new(&Client::default(), 0);
        let mut busy = Score::new(&Client::default(), 0);
        let mut reader = Score::new(&Client::default(), 0);
        for number in 0..100_000 {
            assert_eq!(slow.count(Worth::Glitch, number / 10), Wish::Stay, "ten a second");
            assert_eq!(busy.count(Worth::Glitch, 0), Wish::Stay);
            assert_eq!(busy.count(Worth::Use, 0), Wish::Stay);
            assert_eq!(reader.count(Worth::Glitch, 0), Wish::Stay);
            assert_eq!(reader.count(Worth::Glitch, 0), Wish::Stay);
            reader.pay(2);
        }
    }
}
