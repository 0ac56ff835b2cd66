//! How a gate learns what became of a request to upgrade.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU32, Ordering::Relaxed};
use std::task::Context;

use futures::task::AtomicWaker;

/// A connection's way to tell its gate how an upgrade request was answered. Until then the gate
/// holds back what the client sent behind the request's head.
///
/// Requests are counted on both sides, because the gate may have read further than the request
/// that is being answered: an answer holds for that one only.
#[derive(Clone, Debug, Default)]
pub(crate) struct Handle(Arc<Latch>);

/// All on one thread; atomic because an upgraded stream must be `Send`.
#[derive(Debug, Default)]
struct Latch {
    /// The request that is being answered, counted from 1.
    current: AtomicU32,
    /// The request whose answer the gate waits for; 0 when it waits for none.
    held: AtomicU32,
    answer: AtomicU8,
    gate: AtomicWaker,
}

const NONE: u8 = 0;
const UPGRADED: u8 = 1;
const NOT_UPGRADED: u8 = 2;

impl Handle {
    /// The next request is being answered now.
    pub(crate) fn request_begins(&self) {
        let current = &self.0.current;
        current.store(current.load(Relaxed).wrapping_add(1), Relaxed);
    }

    /// The answer is 101: what follows is no HTTP and passes unread.
    pub(crate) fn upgraded(&self) {
        self.answer(UPGRADED);
    }

    /// Any other answer: what follows is the next request.
    pub(crate) fn not_upgraded(&self) {
        self.answer(NOT_UPGRADED);
    }

    fn answer(&self, answer: u8) {
        let latch = &*self.0;
        let held = latch.held.load(Relaxed);
        if held != 0 && held == latch.current.load(Relaxed) && latch.answer.load(Relaxed) == NONE {
            latch.answer.store(answer, Relaxed);
            latch.gate.wake();
        }
    }

    /// The gate waits for the answer to this request, counted from 1.
    pub(super) fn hold(&self, request: u32) {
        self.0.answer.store(NONE, Relaxed);
        self.0.held.store(request, Relaxed);
    }

    /// Whether it was answered with 101; `None` when it is not answered.
    pub(super) fn poll_answer(&self, cx: &Context<'_>) -> Option<bool> {
        self.0.gate.register(cx.waker());
        let upgraded = match self.0.answer.load(Relaxed) {
            NONE => return None,
            answer => answer == UPGRADED,
        };
        self.0.held.store(0, Relaxed);
        Some(upgraded)
    }
}
