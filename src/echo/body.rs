//! Bodies of answers: whole, streamed, or cut.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use futures::{Stream, StreamExt, stream};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Empty, Full, StreamBody};
use hyper::body::Frame;
use tokio::time::sleep;

/// A failed body ends the connection or the stream, never the text.
pub(super) type Body = UnsyncBoxBody<Bytes, io::Error>;

/// What streams of bytes are cut into.
const CHUNK: usize = 16 * 1024;
static ZEROS: [u8; CHUNK] = [b'0'; CHUNK];

pub(super) fn empty() -> Body {
    Empty::new().map_err(|never| match never {}).boxed_unsync()
}

pub(super) fn full(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into()).map_err(|never| match never {}).boxed_unsync()
}

pub(super) fn streamed(
    frames: impl Stream<Item = io::Result<Frame<Bytes>>> + Send + 'static,
) -> Body {
    BodyExt::boxed_unsync(StreamBody::new(frames))
}

/// So many bytes, made as they are taken.
pub(super) fn zeros(count: u64) -> Body {
    let chunks = stream::unfold(count, |left| async move {
        let len = usize::try_from(left).map_or(CHUNK, |left| left.min(CHUNK));
        (len > 0).then(|| (Ok(data(&ZEROS[..len])), left - len as u64))
    });
    streamed(chunks)
}

/// So many lines with a pause before each but the first.
pub(super) fn lines(count: u32, pause: Duration) -> Body {
    let lines = stream::iter(1..=count).then(move |number| async move {
        if number > 1 {
            sleep(pause).await;
        }
        Ok(Frame::data(Bytes::from(format!("line {number}\n"))))
    });
    streamed(lines)
}

/// Some bytes, then a failure.
pub(super) fn cut(bytes: &'static [u8]) -> Body {
    let failure = || io::Error::new(io::ErrorKind::ConnectionAborted, "as asked");
    // The pause lets the bytes leave before the failure takes the connection down.
    let failure = stream::once(async move {
        sleep(Duration::from_millis(20)).await;
        Err(failure())
    });
    streamed(stream::once(async move { Ok(data(bytes)) }).chain(failure))
}

fn data(bytes: &'static [u8]) -> Frame<Bytes> {
    Frame::data(Bytes::from_static(bytes))
}
