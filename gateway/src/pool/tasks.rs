//! The tasks that drive a pool's connections: counted, so that the pool can wait for their end.

use std::cell::Cell;
use std::rc::Rc;

use hyper::rt::Executor;
use tokio::sync::Notify;
use tokio::task::spawn_local;

/// Owner of tasks on this thread. Clones are the same owner.
#[derive(Clone, Default)]
pub(super) struct Tasks(Rc<State>);

#[derive(Default)]
struct State {
    live: Cell<usize>,
    none_left: Notify,
}

impl Tasks {
    /// Starts a task.
    pub(super) fn spawn(&self, task: impl Future<Output = ()> + 'static) {
        self.0.live.set(self.0.live.get() + 1);
        let live = Live(Rc::clone(&self.0));
        spawn_local(async move {
            let _live = live;
            task.await;
        });
    }

    /// Waits until no task is left.
    pub(super) async fn ended(&self) {
        while self.0.live.get() > 0 {
            self.0.none_left.notified().await;
        }
    }
}

/// What hyper's HTTP/2 starts: the connection, and bodies and responses that are not there at once.
impl<F: Future<Output = ()> + 'static> Executor<F> for Tasks {
    fn execute(&self, task: F) {
        self.spawn(task);
    }
}

/// One task that has not ended; dropped with its future, however that goes.
struct Live(Rc<State>);

impl Drop for Live {
    fn drop(&mut self) {
        self.0.live.set(self.0.live.get() - 1);
        if self.0.live.get() == 0 {
            self.0.none_left.notify_waiters();
        }
    }
}
