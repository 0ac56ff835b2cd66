//! Drain orders: who takes nothing new because somebody said so, from the order to its end.
//!
//! Promises: an order holds until it is undone or its pod is gone for a while; a second order for
//! the same joins the first; what a person orders and what a node orders end apart from each
//! other; nothing grows without bound. The clock is an argument.
//!
//! Orders change no object, so they pass `translate` by: whoever publishes a snapshot merges them
//! in. Whether all proxies have done as ordered, [`Members`] say.

mod book;
mod members;
pub mod nodes;
mod place;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use imbl::OrdMap;
use snapshot::{BackendKey, ByKind, Drain, DrainCause, DrainKey, Endpoints, Version};
use tokio::sync::Notify;

use book::Book;
pub use members::{LEASE, Laggard, Members, Progress, Report};
pub use place::{Place, places};

/// Orders that are kept. 16,384: those whose pods are gone make room first, and a cluster does not
/// have as many pods on their way out at once.
const MOST: usize = 16_384;

/// All orders of a watcher; clones are the same ones.
#[derive(Clone, Debug, Default)]
pub struct Drains(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    book: Mutex<Book>,
    news: Notify,
}

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// Which address.
    pub key: DrainKey,
    /// The pods that it has now, by UID; `None` is an endpoint without one. See [`places`].
    pub pods: Arc<[Option<Arc<str>>]>,
    /// Who asks.
    pub cause: DrainCause,
    /// When what still runs is cut; `None` for never.
    pub limits: ByKind<Option<Instant>>,
}

/// Which kind of cause an order has: an address has at most one order of each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Origin {
    /// [`DrainCause::Api`].
    Api,
    /// [`DrainCause::Node`].
    Node,
}

/// An order as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Unique among all orders of this watcher.
    pub id: u64,
    /// What was asked for.
    pub order: Order,
    /// When.
    pub since: Instant,
    /// The last merge has it.
    merged: bool,
    /// The first version that has it; `None` when it is in none yet.
    pub version: Option<Version>,
    /// Since when no snapshot has its pods.
    pub gone: Option<Instant>,
}

/// There are so many orders that no other is taken, and none whose pod is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{MOST} drains stand, which is the most; undo some: headgate drain --undo ADDR")]
pub struct Full;

impl Drains {
    /// Takes an order and gives its id. One for the same address, pods and origin stands as it
    /// was: the new one joins it.
    ///
    /// # Errors
    /// When there is no room.
    pub fn order(&self, order: Order, now: Instant) -> Result<u64, Full> {
        let id = self.lock().order(order, now)?;
        self.0.news.notify_one();
        Ok(id)
    }

    /// Ends an order; false when there is none.
    pub fn undo(&self, key: DrainKey, origin: Origin) -> bool {
        let undone = self.lock().undo(key, origin);
        self.0.news.notify_one();
        undone
    }

    /// One order as it stands.
    #[must_use]
    pub fn get(&self, key: DrainKey, origin: Origin) -> Option<Standing> {
        self.lock().get(key, origin).cloned()
    }

    /// All orders, by address.
    #[must_use]
    pub fn list(&self) -> Vec<Standing> {
        self.lock().list().cloned().collect()
    }

    /// Waits for an order or an undo since the last call. Cancel safe. For one waiter: the one
    /// that publishes snapshots.
    pub async fn changed(&self) {
        self.0.news.notified().await;
    }

    /// When a limit is next passed: time to [`Self::merge`] again.
    #[must_use]
    pub fn next_limit(&self) -> Option<Instant> {
        self.lock().next_limit()
    }

    /// The drains of a snapshot with these endpoints. Shares what has not changed with the drains
    /// that it gave before.
    #[must_use]
    pub fn merge(
        &self,
        endpoints: &OrdMap<BackendKey, Arc<Endpoints>>,
        now: Instant,
    ) -> OrdMap<DrainKey, Arc<Drain>> {
        self.lock().merge(endpoints, now)
    }

    /// What the last [`Self::merge`] gave is in this version.
    pub fn published(&self, version: Version) {
        self.lock().published(version);
    }

    /// Changes are done whole or not at all before anything can panic.
    fn lock(&self) -> MutexGuard<'_, Book> {
        self.0.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl From<&DrainCause> for Origin {
    fn from(cause: &DrainCause) -> Self {
        match cause {
            DrainCause::Api { .. } => Self::Api,
            DrainCause::Node { .. } => Self::Node,
        }
    }
}

#[cfg(test)]
mod tests;
