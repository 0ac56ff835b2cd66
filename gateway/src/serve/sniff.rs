//! Which HTTP a client speaks in the clear (RFC 9113 §3.3: prior knowledge).

use std::future::{Future, poll_fn};
use std::io::{self, ErrorKind};
use std::pin::pin;
use std::task::Poll;

use tokio::io::AsyncReadExt;

use super::stream::Paced;
use crate::pace::Wait;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// What a first read may bring. 4 KiB: most heads, and little enough for each connection to hold.
const FIRST: usize = 4 << 10;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    Http1,
    Http2,
}

/// Reads until it is clear what the client speaks, and puts back what was read. An error when the
/// client closes without a byte, or takes too long.
pub(super) async fn protocol(stream: &mut Paced) -> io::Result<Protocol> {
    // Whoever has nothing to say yet costs no buffer.
    poll_fn(|cx| stream.poll_news(cx)).await?;
    let mut first = Vec::new();
    loop {
        first.reserve(FIRST);
        // A read that waits has done nothing and can begin anew.
        let read = poll_fn(|cx| match pin!(stream.read_buf(&mut first)).poll(cx) {
            Poll::Pending => stream.poll_late(),
            read => read,
        });
        let read = read.await?;
        if first.is_empty() {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        let protocol = match judge(&first) {
            None if read > 0 => {
                stream.pace().wait_for(Wait::Head);
                continue;
            }
            protocol => protocol.unwrap_or(Protocol::Http1),
        };
        stream.unread(first);
        return Ok(protocol);
    }
}

/// `None` when more bytes are needed to say.
fn judge(first: &[u8]) -> Option<Protocol> {
    if first.starts_with(PREFACE) {
        Some(Protocol::Http2)
    } else {
        (!PREFACE.starts_with(first)).then_some(Protocol::Http1)
    }
}

#[cfg(test)]
mod tests {
    use super::{PREFACE, Protocol, judge};

    #[test]
    fn only_the_whole_preface_is_http2() {
        for length in 0..PREFACE.len() {
            assert_eq!(judge(&PREFACE[..length]), None, "{length} bytes");
        }
        assert_eq!(judge(PREFACE), Some(Protocol::Http2));
        assert_eq!(judge(&[PREFACE, b"\0\0\0\x04"].concat()), Some(Protocol::Http2));
        for other in [&b"GET / HTTP/1.1"[..], b"P", b"PRI * HTTP/1.1\r\n", b"\x16\x03\x01"] {
            let expected = if PREFACE.starts_with(other) { None } else { Some(Protocol::Http1) };
            assert_eq!(judge(other), expected);
        }
    }
}
