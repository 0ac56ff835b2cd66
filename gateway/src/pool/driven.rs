//! A connection to an endpoint that is driven by whoever waits for it: no task of its own, so no
//! wake-ups from task to task for every request.
//!
//! hyper's connection is polled with a waker of its own, the [`Nudge`], which stays the same for
//! the connection's life. A nudge wakes whoever drives; what nudges itself while it is polled is
//! polled again at once. At rest, a nudge is remembered: something came, or the peer closed.
//!
//! Promises: a connection makes progress while somebody polls beside it, and only then. Who that
//! is at which time, and when it is closed, is left to `http1`.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::task::{Context, Poll, Wake, Waker};

use bytes::Bytes;
use futures::task::AtomicWaker;
use hyper::client::conn::http1::Connection;
use hyper_util::rt::TokioIo;

use super::RequestBody;
use crate::connect::Transport;

/// Polls in one go. What nudges itself more often waits for its next turn, so that other
/// connections get theirs.
const ROUNDS: usize = 16;

/// A connection, and who is to be woken for it.
pub(super) struct Driven<B: RequestBody> {
    /// `None` once it was taken or closed.
    connection: Option<Connection<TokioIo<Transport>, B>>,
    /// HTTP has ended on it.
    ended: bool,
    /// A task drives it.
    away: bool,
    nudge: Arc<Nudge>,
    waker: Waker,
}

/// `Sync` because wakers are; all of it happens on one thread.
#[derive(Default)]
struct Nudge {
    driver: AtomicWaker,
    /// The connection is being polled: whoever polls looks himself.
    polling: AtomicBool,
    nudged: AtomicBool,
}

impl Wake for Nudge {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.nudged.store(true, Relaxed);
        if !self.polling.load(Relaxed) {
            self.driver.wake();
        }
    }
}

impl<B: RequestBody> Driven<B> {
    /// Nobody drives it yet.
    pub(super) fn new(connection: Connection<TokioIo<Transport>, B>) -> Self {
        let nudge = Arc::<Nudge>::default();
        let waker = Waker::from(Arc::clone(&nudge));
        Self { connection: Some(connection), ended: false, away: false, nudge, waker }
    }

    /// Polls `what`, which waits for something that the connection brings, and drives the
    /// connection unless a task does.
    pub(super) fn poll_beside<T>(
        &mut self,
        cx: &mut Context<'_>,
        mut what: impl FnMut(&mut Context<'_>) -> Poll<T>,
    ) -> Poll<T> {
        if self.away {
            return what(cx);
        }
        self.nudge.driver.register(cx.waker());
        self.nudge.polling.store(true, Relaxed);
        let waker = self.waker.clone();
        let mut own = Context::from_waker(&waker);
        let mut polled = what(&mut own);
        for _ in 0..ROUNDS {
            if polled.is_ready() {
                break;
            }
            self.nudge.nudged.store(false, Relaxed);
            self.poll(&mut own);
            if !self.is_nudged() && !self.ended {
                break;
            }
            polled = what(&mut own);
            if polled.is_pending() && self.ended {
                // hyper tells those whom it has not heard of yet when its connection goes.
                self.connection = None;
                polled = what(&mut own);
                break;
            }
        }
        self.nudge.polling.store(false, Relaxed);
        if polled.is_pending() && self.is_nudged() {
            cx.waker().wake_by_ref();
        }
        polled
    }

    /// A task drives it from now on: it polls [`Self::poll_away`].
    pub(super) fn send_away(&mut self) {
        self.away = true;
    }

    /// Drives it for its own sake, until HTTP has ended on it or it is fetched back.
    pub(super) fn poll_away(&mut self, cx: &Context<'_>) -> Poll<()> {
        self.nudge.driver.register(cx.waker());
        if self.away {
            self.look();
        }
        if self.away && !self.ended { Poll::Pending } else { Poll::Ready(()) }
    }

    /// Nobody waits for it any more. A task that drives it ends.
    pub(super) fn rest(&mut self) {
        let driver = self.nudge.driver.take();
        if std::mem::take(&mut self.away)
            && let Some(task) = driver
        {
            task.wake();
        }
    }

    /// At rest: sees to what has come since it was polled last. A connection that ended goes, for
    /// only then hyper's sender says that it is closed.
    pub(super) fn look_if_nudged(&mut self) {
        if self.is_nudged() {
            self.look();
        }
        if self.ended {
            self.connection = None;
        }
    }

    /// Takes the connection, and what was read behind the last head.
    pub(super) fn take(&mut self) -> Option<(Transport, Bytes)> {
        let parts = self.connection.take()?.into_parts();
        self.ended = true;
        Some((parts.io.into_inner(), parts.read_buf))
    }

    fn is_nudged(&self) -> bool {
        self.nudge.nudged.load(Relaxed)
    }

    fn look(&mut self) {
        self.nudge.nudged.store(false, Relaxed);
        let waker = self.waker.clone();
        self.poll(&mut Context::from_waker(&waker));
    }

    /// Errors are told by hyper to the request that met them.
    fn poll(&mut self, own: &mut Context<'_>) {
        if let Some(connection) = &mut self.connection
            && !self.ended
        {
            self.ended = connection.poll_without_shutdown(own).is_ready();
        }
    }
}
