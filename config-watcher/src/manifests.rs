//! A folder of Gateway API YAML and JSON as the source of objects.
//!
//! Promises: what a cluster would refuse is a [`Problem`] that names file, line, field and remedy;
//! the rest of the folder is served; what was live stays live until a good version replaces it.
//! A change costs what changed, not the size of the folder.

mod problem;

pub use problem::{Problem, Severity};

use std::path::Path;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use crate::objects::{AnyObject, Change};

/// What one reading of a folder gives.
#[derive(Clone, Debug, Default)]
pub struct Loaded {
    /// Every good object, those that are implied included, in the order of kind and key.
    pub objects: Vec<AnyObject>,
    /// What is wrong, in the order of file and line.
    pub problems: Vec<Problem>,
}

/// What changed in a watched folder.
#[derive(Clone, Debug)]
pub struct Batch {
    /// In no particular order; no object twice.
    pub changes: Vec<Change>,
    /// Everything that is wrong now, not only what is new.
    pub problems: Vec<Problem>,
    /// The whole folder has been read at least once.
    pub complete: bool,
    /// When the first notification of what is in here came in.
    pub observed: Instant,
}

/// How a folder is watched.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Look at the folder this often instead of asking the kernel for notifications. Falls into
    /// place by itself (with [`Settings::FALLBACK_POLL`]) where notifications can't be had.
    pub poll: Option<Duration>,
    /// How long a file that vanished, or that is written to by someone who hasn't closed it, has
    /// to come back whole: editors and git replace a file by unlinking and writing it again.
    pub settle: Duration,
}

impl Settings {
    /// Used where the kernel gives no notifications.
    pub const FALLBACK_POLL: Duration = Duration::from_secs(1);
}

impl Default for Settings {
    fn default() -> Self {
        Self { poll: None, settle: Duration::from_millis(100) }
    }
}

/// Owner of the task that watches a folder.
#[derive(Debug)]
pub struct Source {
    task: tokio::task::JoinHandle<()>,
}

impl Source {
    /// Ends the task and waits for it.
    pub async fn stop(self) {
        self.task.abort();
        // An aborted task reports just that; a panic in it has been logged by the panic hook.
        let _ended = self.task.await;
    }
}

/// Reads `dir` once.
#[must_use]
pub fn load(dir: &Path) -> Loaded {
    unimplemented!("reads {}", dir.display())
}

/// Watches `dir`, which may be missing for now. Must be called inside a tokio runtime.
///
/// The first batch holds the whole folder. A receiver that is slow gets fewer, larger batches.
#[must_use]
pub fn watch(dir: &Path, settings: Settings) -> (Source, mpsc::Receiver<Batch>) {
    unimplemented!("watches {} with {settings:?}", dir.display())
}
