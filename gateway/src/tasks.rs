//! The tasks of one worker thread, counted, so that whoever ends the thread can wait for them.
//!
//! Promises: every task spawned here is counted from its spawn to its end, however it ends. What
//! the tasks do, and when they are told to stop, is left to others.

use std::cell::Cell;
use std::future::Future;
use std::rc::Rc;

use tokio::sync::Notify;

/// Owner of a thread's tasks; clones are the same owner.
#[derive(Clone, Default)]
pub(crate) struct Tasks(Rc<Inner>);

#[derive(Default)]
struct Inner {
    running: Cell<usize>,
    none: Notify,
}

impl Tasks {
    /// Runs `task` on this thread. Must be called within the thread's `LocalSet`.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + 'static) {
        let running = self.begin();
        // Boxed at once: the runtime moves what it is given from hand to hand, and an async block
        // that awaits what it captured has room for it twice.
        let task = Box::pin(task);
        tokio::task::spawn_local(async move {
            task.await;
            drop(running);
        });
    }

    /// Tasks that run now.
    pub(crate) fn running(&self) -> usize {
        self.0.running.get()
    }

    /// Returns when no task runs. New ones may begin afterwards.
    pub(crate) async fn ended(&self) {
        while self.running() > 0 {
            self.0.none.notified().await;
        }
    }

    fn begin(&self) -> Running {
        self.0.running.set(self.running() + 1);
        Running(self.0.clone())
    }
}

/// Counts a task until it is dropped; a panic drops it too.
struct Running(Rc<Inner>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.running.set(self.0.running.get() - 1);
        if self.0.running.get() == 0 {
            self.0.none.notify_waiters();
        }
    }
}
