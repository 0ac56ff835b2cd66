//! What the strict reader lets through, refuses, and how it follows the framing.

mod cases;
mod flow;
mod served;
mod whole;

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures::task::noop_waker;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{Gate, Handle, Rules};
use crate::pace::{Clock, Limits, Pace};
use crate::settings::{Client, Head};

/// A client whose bytes arrive in these pieces; then it waits, or closes.
#[derive(Debug, Default)]
struct Peer {
    pieces: VecDeque<Vec<u8>>,
    closes: bool,
}

impl AsyncRead for Peer {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let Some(mut piece) = self.pieces.pop_front() else {
            return if self.closes { Poll::Ready(Ok(())) } else { Poll::Pending };
        };
        let rest = piece.split_off(piece.len().min(buf.remaining()));
        buf.put_slice(&piece);
        if !rest.is_empty() {
            self.pieces.push_front(rest);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Peer {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, b: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(b.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

fn rules(secure: bool) -> Rules {
    Rules { head: Head::default(), secure, linger_bytes: 64 << 10 }
}

struct Bench {
    gate: Gate<Peer>,
    handle: Handle,
    clock: Clock,
    pace: Arc<Pace>,
}

impl Bench {
    fn new(pieces: impl IntoIterator<Item = Vec<u8>>, closes: bool) -> Self {
        let clock = Clock::default();
        let pace = Arc::new(Pace::new(clock.clone(), Limits::new(&Client::default())));
        let pieces = pieces.into_iter().filter(|piece| !piece.is_empty()).collect();
        let handle = Handle::default();
        let peer = Peer { pieces, closes };
        let gate = Gate::new(peer, rules(false), pace.clone(), handle.clone());
        Self { gate, handle, clock, pace }
    }

    fn send(&mut self, bytes: &[u8]) {
        self.gate.stream().pieces.push_back(bytes.to_vec());
    }

    /// One read with room for so many bytes: what was read, or `None` when nothing comes now.
    fn read(&mut self, room: usize) -> Option<io::Result<Vec<u8>>> {
        let waker = noop_waker();
        let mut space = vec![0; room];
        let mut buf = ReadBuf::new(&mut space);
        match Pin::new(&mut self.gate).poll_read(&mut Context::from_waker(&waker), &mut buf) {
            Poll::Pending => None,
            Poll::Ready(Ok(())) => Some(Ok(buf.filled().to_vec())),
            Poll::Ready(Err(error)) => Some(Err(error)),
        }
    }

    /// Reads with this much room each time until nothing comes.
    fn drain(&mut self, rooms: &[usize]) -> Outcome {
        let mut passed = Vec::new();
        let mut error = None;
        for room in rooms.iter().copied().cycle() {
            match self.read(room) {
                None => break,
                Some(Ok(bytes)) if bytes.is_empty() => break,
                Some(Ok(bytes)) => passed.extend_from_slice(&bytes),
                Some(Err(fault)) => {
                    error = Some(fault.to_string());
                    break;
                }
            }
        }
        Outcome::new(passed, error)
    }
}

/// What came through a gate.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Outcome {
    passed: String,
    refused: Option<&'static str>,
    error: Option<String>,
}

impl Outcome {
    fn new(mut passed: Vec<u8>, error: Option<String>) -> Self {
        let mark = b"HEADGATE-DID-NOT-LET-PASS-BECAUSE-OF-";
        let mut refused = None;
        if let Some(at) = passed.windows(mark.len()).position(|window| window == mark) {
            let stand_in = String::from_utf8(passed.split_off(at)).unwrap();
            let method = stand_in.split(' ').next().unwrap();
            let method = http::Method::from_bytes(method.as_bytes()).unwrap();
            refused = super::refusal(&method).map(|refusal| refusal.flag);
            assert!(stand_in.ends_with("connection: close\r\n\r\n"), "nothing follows: {stand_in}");
        }
        Self { passed: passed.escape_ascii().to_string(), refused, error }
    }
}

/// What comes through when all arrives at once.
fn at_once(bytes: &[u8]) -> Outcome {
    Bench::new([bytes.to_vec()], true).drain(&[64 << 10])
}
