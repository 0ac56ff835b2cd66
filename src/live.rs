//! What is live, as the views and the log see it.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use config_watcher::kubernetes::WriterCounts;
use config_watcher::manifests::Problem;
use config_watcher::status::Statuses;
use gateway::Applied;
use snapshot::Snapshot;

/// Published whole after every batch; clones are cheap.
#[derive(Clone)]
pub(crate) struct Live {
    /// The snapshot that is live; empty before the first.
    pub(crate) snapshot: Arc<Snapshot>,
    /// What is said of each object.
    pub(crate) statuses: Statuses,
    /// What the source could not use.
    pub(crate) problems: Arc<[Problem]>,
    /// What became of the snapshot; `None` before the first.
    pub(crate) applied: Option<Arc<Applied>>,
    /// What the writer of statuses has done, where there is one.
    pub(crate) written: Option<Arc<WriterCounts>>,
    /// The process that served before this one, where there was one.
    pub(crate) before: Option<Arc<Before>>,
    /// When the process started.
    pub(crate) started: Instant,
}

impl Live {
    /// Nothing yet.
    pub(crate) fn starting(before: Option<Arc<Before>>) -> Self {
        Self {
            snapshot: Arc::default(),
            statuses: Statuses::default(),
            problems: Arc::default(),
            applied: None,
            written: None,
            before,
            started: Instant::now(),
        }
    }
}

/// The process that served before this one.
#[derive(Debug)]
pub(crate) struct Before {
    pub(crate) pid: i32,
    pub(crate) release: String,
    /// Processes before it that still ran when it was taken over from.
    pub(crate) older: u32,
    /// It has finished what ran on it.
    pub(crate) ended: AtomicBool,
}
