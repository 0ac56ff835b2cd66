//! Streams of HTTP/2: clients that reset what they asked for, or take nothing of what they get.
//!
//! A stream whose client opens no window is not seen in the socket: hyper waits in it for room. So
//! each response has a [`Mark`] that says since when it has not been asked for more, and the
//! stream's own future looks at it.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use hyper::rt::Executor;
use pin_project_lite::pin_project;

use super::life::Life;
use crate::settings::Client;
use crate::tasks::Tasks;

/// Runs the streams of one connection as the worker's tasks.
#[derive(Clone)]
pub(super) struct Streams {
    tasks: Tasks,
    life: Rc<Life>,
}

impl Streams {
    pub(super) fn new(tasks: Tasks, life: Rc<Life>) -> Self {
        Self { tasks, life }
    }
}

impl<F: Future<Output = ()> + 'static> Executor<F> for Streams {
    fn execute(&self, stream: F) {
        // hyper asks for the answer to a request and then, at once, to run its stream: the newest
        // mark is its own.
        let mark = self.life.marks.borrow().last().cloned().unwrap_or_default();
        self.tasks.spawn(Marked { stream, mark });
    }
}

pin_project! {
    /// A stream that ends, and is reset, when its client takes nothing for too long.
    struct Marked<F> {
        #[pin]
        stream: F,
        mark: Rc<Mark>,
    }
}

impl<F: Future<Output = ()>> Future for Marked<F> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.project();
        if this.mark.expired.get() {
            return Poll::Ready(());
        }
        this.mark.keep(cx.waker());
        this.stream.poll(cx)
    }
}

/// Whether one response stands still.
#[derive(Default)]
pub(super) struct Mark {
    /// Data was given, and the client has to take it before more is asked for.
    given: Cell<bool>,
    /// The second in which a sweep first saw it so.
    since: Cell<Option<u32>>,
    expired: Cell<bool>,
    stream: RefCell<Option<Waker>>,
}

impl Mark {
    /// More is asked for.
    pub(super) fn asked(&self) {
        self.given.set(false);
        self.since.set(None);
    }

    /// Data was given.
    pub(super) fn gave(&self) {
        self.given.set(true);
    }

    /// Called once a second.
    pub(super) fn sweep(&self, now: u32, limit: u32) {
        if !self.given.get() {
            return;
        }
        let since = self.since.get().unwrap_or(now);
        self.since.set(Some(since));
        if now.wrapping_sub(since) > limit {
            self.expired.set(true);
            if let Some(stream) = self.stream.take() {
                stream.wake();
            }
        }
    }

    fn keep(&self, waker: &Waker) {
        let mut stream = self.stream.borrow_mut();
        if !stream.as_ref().is_some_and(|kept| kept.will_wake(waker)) {
            *stream = Some(waker.clone());
        }
    }
}

/// Streams and resets of one connection (rapid reset, CVE-2023-44487).
pub(super) struct Resets {
    window: u32,
    streams_most: u32,
    percent: u32,
    since: Cell<u32>,
    streams: Cell<u32>,
    resets: Cell<u32>,
}

impl Resets {
    pub(super) fn new(settings: &Client) -> Self {
        Self {
            window: u32::try_from(settings.reset_window.as_secs()).unwrap_or(u32::MAX),
            streams_most: settings.reset_streams,
            percent: settings.reset_percent,
            since: Cell::new(0),
            streams: Cell::new(0),
            resets: Cell::new(0),
        }
    }

    /// A stream begins.
    pub(super) fn stream(&self, now: u32) {
        if now.wrapping_sub(self.since.get()) >= self.window {
            self.since.set(now);
            self.streams.set(0);
            self.resets.set(0);
        }
        self.streams.set(self.streams.get().saturating_add(1));
    }

    /// One is gone before it was answered; true when there are too many of these.
    pub(super) fn reset(&self) -> bool {
        let resets = self.resets.get().saturating_add(1);
        self.resets.set(resets);
        let streams = self.streams.get();
        let share = u64::from(resets) * 100 >= u64::from(streams) * u64::from(self.percent);
        streams >= self.streams_most && share
    }
}

#[cfg(test)]
mod tests {
    use super::{Client, Mark, Resets};

    #[test]
    fn many_resets_are_too_many_and_few_or_slow_ones_are_not() {
        let resets = Resets::new(&Client::default());
        for _ in 0..199 {
            resets.stream(5);
            assert!(!resets.reset(), "too few streams to tell");
        }
        resets.stream(5);
        assert!(resets.reset());

        let half = Resets::new(&Client::default());
        for _ in 0..1000 {
            half.stream(5);
            half.stream(5);
            half.stream(5);
            assert!(!half.reset(), "a third");
        }

        let slow = Resets::new(&Client::default());
        for second in 0..1000 {
            slow.stream(second);
            assert!(!slow.reset(), "one a second");
        }
    }

    #[test]
    fn a_response_that_is_not_taken_expires_and_one_that_waits_for_us_does_not() {
        let mark = Mark::default();
        for second in 0..100 {
            mark.sweep(second, 30);
        }
        assert!(!mark.expired.get(), "nothing was given");
        mark.gave();
        mark.sweep(100, 30);
        mark.sweep(130, 30);
        mark.asked();
        mark.sweep(131, 30);
        assert!(!mark.expired.get(), "it was asked for more in time");
        mark.gave();
        mark.sweep(140, 30);
        mark.sweep(170, 30);
        assert!(!mark.expired.get());
        mark.sweep(171, 30);
        assert!(mark.expired.get());
    }
}
