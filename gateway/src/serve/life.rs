//! How long connections live, and what is wished for them.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;

use super::streams::{Mark, Resets};
use crate::pace::{Pace, Wait};
use crate::settings::Client;
use crate::worker::Stage;

/// What is wished for a connection; only forward.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Wish {
    /// To serve as long as it likes.
    Stay,
    /// To end soon: with the next response, or when its streams are done.
    Leave,
    /// The same, and one that dozes ends now.
    Close,
    /// To end now.
    Cut,
}

/// What would be cut off.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cut {
    /// Connections.
    pub(crate) connections: usize,
    /// Requests and tunnels on them.
    pub(crate) requests: usize,
}

/// One connection.
pub(super) struct Life {
    pub(super) pace: Arc<Pace>,
    wish: Cell<Wish>,
    /// When the client was told to go, in seconds of the clock. Never on HTTP/1: what tells is a
    /// response there, and the connection ends with it.
    told: Cell<Option<u32>>,
    /// hyper is done with it. What still has the stream is a tunnel.
    ended: Cell<bool>,
    /// Requests that it may still have.
    requests_left: Cell<u32>,
    /// When it is too old.
    old_at: u32,
    pub(super) resets: Resets,
    /// Responses of HTTP/2.
    pub(super) marks: RefCell<Vec<Rc<Mark>>>,
}

impl Life {
    /// Runs what comes before the first request, unless it is cut off; the sweep wakes it.
    pub(super) async fn unless_cut<T>(
        &self,
        mut what: Pin<&mut impl Future<Output = Option<T>>>,
    ) -> Option<T> {
        poll_fn(|cx| {
            self.pace.read_by(cx.waker());
            if self.wished() == Wish::Cut {
                return Poll::Ready(None);
            }
            what.as_mut().poll(cx)
        })
        .await
    }

    /// What is wished now.
    pub(super) fn wished(&self) -> Wish {
        self.wish.get()
    }

    /// Wishes at least this.
    pub(super) fn wish(&self, wish: Wish) {
        if wish > self.wish.get() {
            self.wish.set(wish);
            self.pace.wake();
        }
    }

    /// The client is told to go; true the first time.
    pub(super) fn tell(&self) -> bool {
        let first = self.told.get().is_none();
        if first {
            self.told.set(Some(self.pace.now()));
        }
        first
    }

    /// A request comes: the last one when as many have come as may.
    pub(super) fn request_comes(&self) {
        let left = self.requests_left.get().saturating_sub(1);
        self.requests_left.set(left);
        if left == 0 {
            self.wish(Wish::Leave);
        }
    }

    /// hyper is done with the connection.
    pub(super) fn ends(&self) {
        self.ended.set(true);
    }

    fn sweep(&self, now: u32, stage: Stage, tight: bool, stall: u32) {
        self.pace.sweep();
        let mut marks = self.marks.borrow_mut();
        marks.retain(|mark| Rc::strong_count(mark) > 1);
        for mark in marks.iter() {
            mark.sweep(now, stall);
        }
        drop(marks);
        if now >= self.old_at {
            self.wish(Wish::Leave);
        }
        let idle = self.pace.open() == 0;
        let silent = self.pace.wait() == Wait::Request && self.pace.waited() > SILENCE;
        if (stage >= Stage::Closing || tight) && idle && silent {
            self.wish(Wish::Cut);
        }
        // Whoever was told to go and does not take what is left is not waited for.
        if idle && self.told.get().is_some_and(|told| now.wrapping_sub(told) > stall) {
            self.wish(Wish::Cut);
        }
    }
}

/// Seconds that a connection may be silent when none shall be kept. 2: a client that believes it to
/// be kept sends its next request by then, and hears with the answer that it is not; one that is
/// closed without that may meet a request half-way, which is lost.
const SILENCE: u32 = 2;

/// All connections of a thread, tunnels among them.
pub(super) struct Lives {
    list: RefCell<Vec<Rc<Life>>>,
    settings: Client,
    /// Seconds.
    stall: u32,
}

impl Lives {
    pub(super) fn new(settings: &Client) -> Self {
        let stall = settings.response_write_stall.as_secs();
        Self {
            list: RefCell::default(),
            settings: settings.clone(),
            stall: u32::try_from(stall).unwrap_or(u32::MAX),
        }
    }

    /// A connection begins.
    pub(super) fn begin(&self, pace: Arc<Pace>, now: u32) -> Rc<Life> {
        let age = u32::try_from(self.settings.max_age.as_secs()).unwrap_or(u32::MAX);
        let spread = u64::from(age) * u64::from(self.settings.max_age_jitter.min(100)) / 100;
        let spread = u32::try_from(spread).unwrap_or(age);
        let jitter = fastrand::u32(0..=spread.saturating_mul(2));
        let life = Rc::new(Life {
            pace,
            wish: Cell::new(Wish::Stay),
            told: Cell::new(None),
            ended: Cell::new(false),
            requests_left: Cell::new(self.settings.max_requests),
            old_at: now.saturating_add(age - spread).saturating_add(jitter),
            resets: Resets::new(&self.settings),
            marks: RefCell::default(),
        });
        self.list.borrow_mut().push(life.clone());
        life
    }

    /// Looks after all of them; called once a second. `tight`: idle ones are a luxury.
    pub(super) fn sweep(&self, now: u32, stage: Stage, tight: bool) {
        let mut list = self.list.borrow_mut();
        list.retain(|life| life.is_there());
        for life in list.iter() {
            life.sweep(now, stage, tight, self.stall);
        }
    }

    /// Wishes this for all of them.
    pub(super) fn wish(&self, wish: Wish) {
        self.list.borrow().iter().for_each(|life| life.wish(wish));
    }

    /// How many there are, and what they are doing.
    pub(super) fn count(&self) -> Cut {
        let list = self.list.borrow();
        let there = list.iter().filter(|life| life.is_there());
        there.filter(|life| life.doing() > 0).fold(Cut::default(), |sum, life| Cut {
            connections: sum.connections + 1,
            requests: sum.requests + life.doing(),
        })
    }
}

impl Life {
    /// Whether anybody has the stream.
    fn is_there(&self) -> bool {
        Arc::strong_count(&self.pace) > 1
    }

    /// Requests in flight, or one tunnel.
    fn doing(&self) -> usize {
        let requests = usize::try_from(self.pace.open()).unwrap_or(usize::MAX);
        if self.ended.get() { 1 } else { requests }
    }
}
