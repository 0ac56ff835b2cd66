//! What reaches the stream below, in which pieces.

use std::cell::RefCell;
use std::future::poll_fn;
use std::rc::Rc;

use futures::future::join;
use tokio::io::AsyncWriteExt;

use super::*;

/// Keeps what was written, piece by piece; takes so many bytes at a time.
#[derive(Clone)]
struct Pieces {
    list: Rc<RefCell<Vec<Vec<u8>>>>,
    most: usize,
}

impl Pieces {
    fn new(most: usize) -> Self {
        Self { list: Rc::default(), most }
    }

    fn lengths(&self) -> Vec<usize> {
        self.list.borrow().iter().map(Vec::len).collect()
    }
}

impl AsyncWrite for Pieces {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let taken = buf.len().min(self.most);
        self.list.borrow_mut().push(buf[..taken].to_vec());
        Poll::Ready(Ok(taken))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[tokio::test(flavor = "current_thread")]
async fn what_is_written_while_a_flush_waits_leaves_with_it() {
    let pieces = Pieces::new(usize::MAX);
    let corked = RefCell::new(Corked::new(pieces.clone()));
    let write = |bytes: &'static [u8]| {
        poll_fn(|cx| Pin::new(&mut *corked.borrow_mut()).poll_write(cx, bytes))
    };
    let flush = || poll_fn(|cx| Pin::new(&mut *corked.borrow_mut()).poll_flush(cx));
    write(b"head").await.unwrap();
    let (flushed, wrote) = join(flush(), write(b"body")).await;
    flushed.unwrap();
    wrote.unwrap();
    assert_eq!(*pieces.list.borrow(), [b"headbody"]);
    assert_eq!(corked.borrow().held.capacity(), 0, "nothing is kept at rest");
    flush().await.unwrap();
    write(b"end").await.unwrap();
    flush().await.unwrap();
    assert_eq!(*pieces.list.borrow(), [&b"headbody"[..], b"end"]);
}

#[tokio::test(flavor = "current_thread")]
async fn more_than_the_limit_is_never_held_and_order_is_kept() {
    let pieces = Pieces::new(10_000);
    let mut corked = Corked::new(pieces.clone());
    let written: Vec<u8> = (0..60_000_u32).flat_map(u32::to_be_bytes).collect();
    for piece in written.chunks(LIMIT / 3 * 2).chain([&[7; LIMIT + 1][..]]) {
        corked.write_all(piece).await.unwrap();
        assert!(corked.held.len() <= LIMIT);
    }
    corked.flush().await.unwrap();
    let arrived = pieces.list.borrow().concat();
    assert_eq!(arrived, [&written[..], &[7; LIMIT + 1]].concat());
}

#[tokio::test(flavor = "current_thread")]
async fn what_is_held_is_written_before_the_end() {
    let pieces = Pieces::new(3);
    let mut corked = Corked::new(pieces.clone());
    corked.write_all(b"goodbye").await.unwrap();
    assert_eq!(pieces.lengths(), [0; 0]);
    corked.shutdown().await.unwrap();
    assert_eq!(pieces.lengths(), [3, 3, 1]);
}
