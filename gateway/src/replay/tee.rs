//! A copy of a body for a mirror: bounded, and never a brake.
//!
//! The feed pushes what the main request reads; the copy hands it on as fast as the mirror takes.
//! A mirror that falls further behind than the bound is abandoned: its copy ends with an error,
//! and the main request knows nothing of it.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Frame, SizeHint};

use super::Error;

struct Queue {
    frames: VecDeque<Bytes>,
    bytes: usize,
    limit: usize,
    total: Option<u64>,
    end: End,
    reader: Option<Waker>,
}

enum End {
    Open,
    Whole(Option<HeaderMap>),
    Told,
    Abandoned,
}

/// Writes into a [`Copy`]. Dropped before [`Feed::finish`], the copy ends with an error.
pub(super) struct Feed(Rc<RefCell<Queue>>);

/// The end that a mirror sends from.
pub(super) struct Copy(Rc<RefCell<Queue>>);

/// A feed and its copy, at most `limit` bytes apart. `total` is the body's length where known.
pub(super) fn tee(limit: usize, total: Option<u64>) -> (Feed, Copy) {
    let queue = Rc::new(RefCell::new(Queue {
        frames: VecDeque::new(),
        bytes: 0,
        limit,
        total,
        end: End::Open,
        reader: None,
    }));
    (Feed(queue.clone()), Copy(queue))
}

impl Feed {
    /// False when nobody reads any more, or the reader is too far behind.
    pub(super) fn push(&self, data: Bytes) -> bool {
        let mut queue = self.0.borrow_mut();
        if Rc::strong_count(&self.0) == 1 {
            return false;
        }
        queue.bytes += data.len();
        queue.frames.push_back(data);
        let kept_up = queue.bytes <= queue.limit;
        if !kept_up {
            queue.abandon();
        }
        queue.wake();
        kept_up
    }

    /// The body ended as it should.
    pub(super) fn finish(self, trailers: Option<HeaderMap>) {
        let mut queue = self.0.borrow_mut();
        queue.end = End::Whole(trailers.filter(|map| !map.is_empty()));
        queue.wake();
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        let mut queue = self.0.borrow_mut();
        if matches!(queue.end, End::Open) {
            queue.abandon();
            queue.wake();
        }
    }
}

impl Queue {
    fn abandon(&mut self) {
        self.end = End::Abandoned;
        self.frames = VecDeque::new();
        self.bytes = 0;
    }

    fn wake(&mut self) {
        if let Some(reader) = self.reader.take() {
            reader.wake();
        }
    }
}

impl Copy {
    pub(super) fn poll(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let mut queue = self.0.borrow_mut();
        if let Some(data) = queue.frames.pop_front() {
            queue.bytes -= data.len();
            return Poll::Ready(Some(Ok(Frame::data(data))));
        }
        match &mut queue.end {
            End::Open => {
                queue.reader = Some(cx.waker().clone());
                Poll::Pending
            }
            End::Whole(trailers) => {
                let trailers = trailers.take();
                queue.end = End::Told;
                Poll::Ready(trailers.map(|map| Ok(Frame::trailers(map))))
            }
            End::Told => Poll::Ready(None),
            End::Abandoned => Poll::Ready(Some(Err(Error::Abandoned))),
        }
    }

    pub(super) fn is_end(&self) -> bool {
        let queue = self.0.borrow();
        queue.frames.is_empty() && matches!(queue.end, End::Whole(None) | End::Told)
    }

    pub(super) fn size_hint(&self) -> SizeHint {
        // Asked once, before anything is read.
        self.0.borrow().total.map_or_else(SizeHint::new, SizeHint::with_exact)
    }
}
