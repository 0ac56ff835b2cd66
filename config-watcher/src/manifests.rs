//! A folder of Gateway API YAML and JSON as the source of objects.
//!
//! Promises: what a cluster would refuse is a [`Problem`] that names file, line, field and remedy;
//! the rest of the folder is served; what was live stays live until a good version replaces it.
//! A change costs what changed, not the size of the folder.

mod contents;
mod documents;
mod folder;
mod id;
mod implied;
mod inbox;
mod json;
mod lines;
mod print;
mod problem;
mod read;
mod scalar;
mod scan;
mod size;
mod split;
mod watches;
mod yaml;

pub use problem::{Problem, Severity};

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use crate::objects::{AnyObject, Change};
use contents::Contents;
use documents::Format;
use folder::Folder;
use inbox::{Inbox, Pending};

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
    /// No object twice.
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
    /// Look at the folder this often instead of asking the kernel for notifications.
    pub poll: Option<Duration>,
    /// How long a file that vanished, or that is written to by someone who hasn't closed it, has
    /// to come back whole: editors and git replace a file by unlinking and writing it again.
    pub settle: Duration,
}

impl Settings {
    /// How often the folder is looked at where the kernel gives no notifications.
    pub const FALLBACK_POLL: Duration = Duration::from_secs(1);

    /// How often it is looked at where the kernel does: network file systems tell nothing of what
    /// other machines do. 5,000 files take 10 ms.
    pub const RECHECK: Duration = Duration::from_secs(30);
}

impl Default for Settings {
    fn default() -> Self {
        Self { poll: None, settle: Duration::from_millis(100) }
    }
}

/// Owner of the task that watches a folder. Dropping it ends the task soon.
#[derive(Debug)]
pub struct Source {
    /// Dropped to end the task.
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Source {
    /// Ends the task and waits for it.
    pub async fn stop(self) {
        drop(self.stop);
        if let Err(error) = self.task.await {
            tracing::error!(%error, "the task that watched the manifests folder failed");
        }
    }
}

/// Reads `dir` once.
#[must_use]
pub fn load(dir: &Path) -> Loaded {
    /// A file that is being written right now is taken as it is by the last of these.
    const STEPS: usize = 3;
    let mut folder = Folder::new(absolute(dir), Duration::ZERO);
    for step in 0..STEPS {
        let pending = Pending { everything: step == 0, ..Pending::default() };
        let _changes = folder.step(pending, Instant::now());
    }
    Loaded { objects: folder.live().cloned().collect(), problems: folder.problems() }
}

/// Reads one text as if it stood in a folder under this name, whose ending says what it is.
#[must_use]
pub fn read(name: &str, text: &str) -> Loaded {
    let mut contents = Contents::default();
    let format = scan::format(Path::new(name)).unwrap_or(Format::Yaml);
    contents.put(&name.into(), read::read(&name.into(), text, format));
    let _all = contents.changes();
    Loaded { objects: contents.live().cloned().collect(), problems: contents.problems() }
}

/// The documents of a YAML text as they are.
#[cfg(test)]
pub(crate) fn values(text: &str) -> Vec<serde_json::Value> {
    documents::read(text, Format::Yaml).into_iter().map(|document| document.unwrap().0).collect()
}

/// Watches `dir`, which may be missing for now. Must be called inside a tokio runtime.
///
/// The first batch holds the whole folder. A receiver that is slow gets fewer, larger batches.
#[must_use]
pub fn watch(dir: &Path, settings: Settings) -> (Source, mpsc::Receiver<Batch>) {
    let folder = Folder::new(absolute(dir), settings.settle);
    // One batch waits while the next is made: more would only be told later.
    let (batches, receiver) = mpsc::channel(1);
    let (stop, stopped) = oneshot::channel();
    let task = tokio::spawn(follow(folder, settings, batches, stopped));
    (Source { stop, task }, receiver)
}

async fn follow(
    mut folder: Folder,
    settings: Settings,
    batches: mpsc::Sender<Batch>,
    mut stopped: oneshot::Receiver<()>,
) {
    let inbox = Arc::new(Inbox::default());
    if settings.poll.is_none() {
        folder.notify(Arc::clone(&inbox));
    }
    let mut look = Instant::now();
    loop {
        let now = Instant::now();
        let mut pending = inbox.take();
        if now >= look {
            pending.everything = true;
        }
        let looked = pending.everything;
        // Files are read on a thread that may block. It ends with the step, so it is awaited.
        let step = tokio::task::spawn_blocking(move || {
            let batch = folder.step(pending, now);
            (folder, batch)
        });
        let Ok((stepped, batch)) = step.await else { return };
        folder = stepped;
        if looked {
            look = Instant::now() + folder.interval(&settings);
        }
        if let Some(batch) = batch {
            tokio::select! {
                sent = batches.send(batch) => if sent.is_err() { return },
                // The batch is lost with the receiver's will to have it.
                _ = &mut stopped => return,
            }
        }
        let wake = folder.due().map_or(look, |due| due.min(look));
        tokio::select! {
            () = inbox.filled() => {}
            () = tokio::time::sleep_until(wake.into()) => {}
            _ = &mut stopped => return,
            () = batches.closed() => return,
        }
    }
}

/// A path that stays the same when the process goes elsewhere. It fails for an empty one only,
/// which then is reported as the folder that it is not.
fn absolute(dir: &Path) -> PathBuf {
    std::path::absolute(dir).unwrap_or_else(|_| dir.to_owned())
}
