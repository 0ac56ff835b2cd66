//! What the kernel told about files and nobody has looked at yet.
//!
//! Promises: bounded, however much happens: a path stands here once, and too many of them become
//! "look at everything".

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use notify::event::{AccessKind, AccessMode, EventKind, ModifyKind, RenameMode};
use tokio::sync::Notify;

/// Paths kept apart; past that, one look at the whole folder is cheaper than so many at files.
const PATHS: usize = 4096;

/// What last happened to a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Touch {
    /// It is complete: closed by its writer, or moved here.
    Whole,
    /// It came, went or changed in a way that more may follow.
    Begun,
    /// Somebody is writing to it, and will close it.
    Written,
}

/// All that happened since the last look.
#[derive(Debug, Default)]
pub(crate) struct Pending {
    /// By path.
    pub(crate) paths: BTreeMap<PathBuf, Touch>,
    /// Something got lost: look at everything.
    pub(crate) everything: bool,
    /// When the first of it happened.
    pub(crate) since: Option<Instant>,
}

/// Filled by the notifier's thread, emptied by the folder's task.
#[derive(Debug, Default)]
pub(crate) struct Inbox {
    pending: Mutex<Pending>,
    filled: Notify,
}

impl Inbox {
    /// Takes a notification.
    pub(crate) fn put(&self, event: notify::Result<notify::Event>) {
        let mut pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            Ok(event) if event.need_rescan() => pending.everything = true,
            Ok(event) => {
                let Some(touch) = touch(event.kind) else { return };
                let weak = matches!(event.kind, EventKind::Modify(ModifyKind::Metadata(_)));
                for path in event.paths {
                    // A changed mode or time says nothing against a file that is complete.
                    if !(weak && pending.paths.contains_key(&path)) {
                        pending.touch(path, touch);
                    }
                }
            }
            Err(error) => {
                tracing::warn!(%error, "notifications of the manifests folder were lost");
                pending.everything = true;
            }
        }
        if pending.everything || !pending.paths.is_empty() {
            pending.since.get_or_insert_with(Instant::now);
            self.filled.notify_one();
        }
    }

    /// Returns when there is something, or when there was.
    pub(crate) async fn filled(&self) {
        self.filled.notified().await;
    }

    /// Empties it.
    pub(crate) fn take(&self) -> Pending {
        std::mem::take(&mut *self.pending.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Pending {
    fn touch(&mut self, path: PathBuf, touch: Touch) {
        if self.paths.len() >= PATHS {
            self.paths.clear();
            self.everything = true;
        }
        if !self.everything {
            self.paths.insert(path, touch);
        }
    }
}

fn touch(kind: EventKind) -> Option<Touch> {
    // Elsewhere than on Linux, writers that close are not told of.
    let written = if cfg!(target_os = "linux") { Touch::Written } else { Touch::Begun };
    match kind {
        EventKind::Access(AccessKind::Close(AccessMode::Write))
        | EventKind::Modify(ModifyKind::Name(RenameMode::To)) => Some(Touch::Whole),
        EventKind::Modify(ModifyKind::Data(_)) => Some(written),
        // Both ends of a rename have been told one by one.
        EventKind::Access(_) | EventKind::Modify(ModifyKind::Name(RenameMode::Both)) => None,
        _ => Some(Touch::Begun),
    }
}
