//! Several small slices, written to a socket at the price of one.
//!
//! `writev` costs the kernel more than `send` does, and a copy of a kilobyte next to nothing: a
//! head and a small body together take 3 % less that way (`benches/README.md`).

use std::cell::RefCell;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use rustix::net::{SendFlags, send};
use tokio::io::{AsyncWrite, Interest};
use tokio::net::TcpStream;

/// Most bytes that are copied: beyond, the copy costs what it saves.
const SMALL: usize = 4 << 10;

thread_local! {
    static ROOM: RefCell<Vec<u8>> = RefCell::new(Vec::with_capacity(SMALL));
}

/// Writes what is in `from`, or the beginning of it.
pub(crate) fn poll_write(
    to: Pin<&mut TcpStream>,
    cx: &mut Context<'_>,
    from: &[IoSlice<'_>],
) -> Poll<io::Result<usize>> {
    if let [only] = from {
        return to.poll_write(cx, only);
    }
    if from.iter().map(|slice| slice.len()).sum::<usize>() > SMALL {
        return to.poll_write_vectored(cx, from);
    }
    with_one(from, |one| to.poll_write(cx, one))
}

/// The same for what ends a connection that is closed at once: a small end waits for the close, and
/// leaves in one packet with it. Were there no close, it would leave after 200 ms.
pub(crate) fn poll_write_last(
    to: &TcpStream,
    cx: &mut Context<'_>,
    from: &[IoSlice<'_>],
) -> Poll<io::Result<usize>> {
    let flags = SendFlags::MORE | SendFlags::NOSIGNAL;
    with_one(from, |one| {
        loop {
            ready!(to.poll_write_ready(cx))?;
            match to.try_io(Interest::WRITABLE, || Ok(send(to, one, flags)?)) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                sent => return Poll::Ready(sent),
            }
        }
    })
}

/// Calls `write` with the beginning of what is in `from`, in one piece.
fn with_one<T>(from: &[IoSlice<'_>], write: impl FnOnce(&[u8]) -> T) -> T {
    if let [only] = from {
        return write(only);
    }
    ROOM.with_borrow_mut(|room| {
        room.clear();
        for slice in from {
            let fits = slice.len().min(SMALL - room.len());
            room.extend_from_slice(&slice[..fits]);
        }
        write(room)
    })
}
