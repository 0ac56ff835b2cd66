//! How many connections a slot has open, and who waits for one.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use tokio::sync::Notify;
use tokio::time::timeout_at;

use super::error::Cause;
use crate::backend::BackendConfig;
use crate::endpoint::{Endpoint, OpenConnection};

/// Counts of one slot. In a box of its own, which connections hold; they do not hold the slot,
/// which holds them.
pub(super) struct Limit {
    most: usize,
    open: Cell<usize>,
    waiting: Cell<usize>,
    news: Notify,
}

impl Limit {
    /// At most this many connections.
    pub(super) fn new(most: usize) -> Rc<Self> {
        let (open, waiting) = Default::default();
        Rc::new(Self { most, open, waiting, news: Notify::new() })
    }

    /// Connections now.
    pub(super) fn open(&self) -> usize {
        self.open.get()
    }

    /// Requests that wait now.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.get()
    }

    /// Leave to open one connection, if there is any.
    pub(super) fn permit(self: &Rc<Self>, to: &Arc<Endpoint>) -> Option<Permit> {
        if self.open.get() >= self.most {
            return None;
        }
        self.open.set(self.open.get() + 1);
        Some(Permit { limit: Rc::clone(self), _counted: to.connection() })
    }

    /// A connection or a stream became free: the request that waits longest looks again.
    pub(super) fn freed(&self) {
        // Without anybody waiting a notification would be kept, and end the next wait too early.
        if self.waiting.get() > 0 {
            self.news.notify_one();
        }
    }

    /// A connection with room for many was opened: all who wait look again.
    pub(super) fn freed_many(&self) {
        self.news.notify_waiters();
    }

    /// A place in the queue, of which there are `most`.
    pub(super) fn queue(
        self: &Rc<Self>,
        most: usize,
        backend: &Arc<BackendConfig>,
    ) -> Result<Place, Cause> {
        if self.waiting.get() >= most {
            return Err(Cause::Overflow);
        }
        self.waiting.set(self.waiting.get() + 1);
        backend.metrics().wait_begins();
        Ok(Place { limit: Rc::clone(self), backend: Arc::clone(backend) })
    }
}

/// Leave to have one connection open; given back on drop.
pub(super) struct Permit {
    limit: Rc<Limit>,
    _counted: OpenConnection,
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.limit.open.set(self.limit.open.get() - 1);
        self.limit.freed();
    }
}

/// A request that waits for a connection.
pub(super) struct Place {
    limit: Rc<Limit>,
    backend: Arc<BackendConfig>,
}

impl Place {
    /// Waits until something became free, or `deadline`.
    ///
    /// Cancel safe: news that a dropped wait had taken goes to the next one.
    pub(super) async fn wait(&self, deadline: Instant) -> Result<(), Cause> {
        timeout_at(deadline.into(), self.limit.news.notified())
            .await
            .map_err(|_| Cause::PendingTimeout)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.limit.waiting.set(self.limit.waiting.get() - 1);
        self.backend.metrics().wait_ends();
    }
}
