//! Watches that our rights may not allow: of pods and of nodes.
//!
//! Promises: a watch that is forbidden is tried again now and then, for a person has to allow it;
//! one that fails otherwise goes on by itself. What is said of it is left to who watches.

use std::fmt::Debug;
use std::time::Duration;

use ::kube::runtime::watcher::{self, Event};
use ::kube::{Api, Client, Resource};
use futures::Stream;
use serde::de::DeserializeOwned;
use tokio::time::sleep;

/// As for the watches of objects: shorter than the client waits for a byte.
const WATCH_SECONDS: u32 = 25;
/// Events that are looked at together.
pub(super) const EVENTS: usize = 1_024;
/// Between two tries of what failed.
pub(super) const RETRY: Duration = Duration::from_secs(1);
/// Between two looks whether a watch is allowed now.
const FORBIDDEN: Duration = Duration::from_secs(30);

/// Watches all objects of a kind.
pub(super) fn watch<K>(client: Client) -> impl Stream<Item = watcher::Result<Event<K>>>
where
    K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Send + 'static,
{
    let config = watcher::Config::default().timeout(WATCH_SECONDS);
    watcher::watcher(Api::all(client), config)
}

/// Waits out a failure; gives the time to wait before another watch, where this one is at its end.
pub(super) async fn wait_out(failed: Option<watcher::Error>) -> Option<Duration> {
    match failed {
        Some(error) if is_forbidden(&error) => return Some(FORBIDDEN),
        // The watch goes on by itself, from where it was if it can.
        Some(_) => sleep(RETRY).await,
        None => {}
    }
    None
}

/// Whether the API server says that we may not, and not that it cannot.
pub(super) fn is_forbidden(error: &watcher::Error) -> bool {
    match error {
        watcher::Error::InitialListFailed(::kube::Error::Api(status))
        | watcher::Error::WatchStartFailed(::kube::Error::Api(status)) => {
            matches!(status.code, 401 | 403)
        }
        watcher::Error::WatchError(status) => matches!(status.code, 401 | 403),
        _ => false,
    }
}
