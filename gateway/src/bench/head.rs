//! Heads: through the gate, and into their canonical form.

use std::hint::black_box;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures::task::noop_waker;
use tokio::io::{AsyncRead, ReadBuf, join, sink};

use super::Run;
use crate::gate::{Gate, Handle, Rules};
use crate::normalise;
use crate::pace::{Clock, Limits, Pace};
use crate::settings::{Client, Head};

const SHORT: &str = "GET /cart/items?page=2 HTTP/1.1\r\n\
    Host: shop.example\r\n\
    User-Agent: bench\r\n\r\n";

const LONG: &str = "GET /cart/items?page=2 HTTP/1.1\r\n\
    Host: shop.example\r\n\
    User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0\r\n\
    Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n\
    Accept-Language: en-GB,en;q=0.7,de;q=0.3\r\n\
    Accept-Encoding: gzip, deflate, br, zstd\r\n\
    Referer: https://shop.example/cart\r\n\
    Connection: keep-alive\r\n\
    Cookie: session=8f14e45fceea167a5a36dedd4bea2543; theme=dark; seen=42\r\n\
    Sec-Fetch-Dest: document\r\n\
    Sec-Fetch-Mode: navigate\r\n\
    Sec-Fetch-Site: same-origin\r\n\
    Priority: u=0, i\r\n\r\n";

/// A client that sends the same head again and again.
struct Repeats(&'static [u8]);

impl AsyncRead for Repeats {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        buf.put_slice(self.0);
        Poll::Ready(Ok(()))
    }
}

/// What a load generator sends.
pub(super) fn short() -> Run {
    pass(SHORT)
}

/// What a browser sends.
pub(super) fn long() -> Run {
    pass(LONG)
}

fn pass(head: &'static str) -> Run {
    let rules = Rules { head: Head::default(), secure: false, linger_bytes: 64 << 10 };
    let pace = Arc::new(Pace::new(Clock::default(), Limits::new(&Client::default())));
    let stream = join(Repeats(head.as_bytes()), sink());
    let mut gate = Gate::new(stream, rules, pace, Handle::default());
    let mut space = vec![0; 8 << 10];
    Box::new(move || {
        let waker = noop_waker();
        let mut buf = ReadBuf::new(&mut space);
        let read = Pin::new(&mut gate).poll_read(&mut Context::from_waker(&waker), &mut buf);
        assert!(read.is_ready() && buf.filled().len() == head.len(), "the head is passed on");
    })
}

pub(super) fn normalise() -> Run {
    Box::new(|| {
        let host = normalise::authority(black_box("shop.example:8080"));
        let path = normalise::path(black_box("/cart/items/8f14e45f"));
        assert!(host.is_ok() && path.is_ok(), "both are what a client should send");
    })
}
