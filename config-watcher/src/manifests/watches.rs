//! Which folders the kernel tells us about.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use notify::{Config, RecommendedWatcher, RecursiveMode, Watcher};

use super::inbox::Inbox;

/// The watches that are set. Each is of one folder, without its subfolders.
#[derive(Debug)]
pub(crate) struct Watches {
    watcher: RecommendedWatcher,
    /// With what identified the folder when the watch was set: a folder that was replaced by
    /// another of the same name needs a new watch.
    set: BTreeMap<PathBuf, (u64, u64)>,
}

impl Watches {
    /// Notifications go to the inbox.
    pub(crate) fn new(inbox: Arc<Inbox>) -> notify::Result<Self> {
        let watcher = RecommendedWatcher::new(move |event| inbox.put(event), Config::default())?;
        Ok(Self { watcher, set: BTreeMap::new() })
    }

    /// Sets watches so that exactly these folders have one. True if one was added: what happened
    /// there before has not been told.
    pub(crate) fn set(&mut self, wanted: &BTreeMap<PathBuf, (u64, u64)>) -> notify::Result<bool> {
        let stale: Vec<PathBuf> = self
            .set
            .iter()
            .filter(|(path, identity)| wanted.get(*path) != Some(identity))
            .map(|(path, _)| path.clone())
            .collect();
        for path in stale {
            // The kernel drops the watch of a folder that is gone, so this may find none.
            let _gone = self.watcher.unwatch(&path);
            self.set.remove(&path);
        }
        let mut added = false;
        for (path, identity) in wanted {
            if self.set.contains_key(path) {
                continue;
            }
            match self.watcher.watch(path, RecursiveMode::NonRecursive) {
                Ok(()) => drop(self.set.insert(path.clone(), *identity)),
                // Gone since it was found: its parent has told us, or will.
                Err(error) if gone(&error) => {}
                Err(error) => return Err(error),
            }
            added = true;
        }
        Ok(added)
    }
}

fn gone(error: &notify::Error) -> bool {
    match &error.kind {
        notify::ErrorKind::PathNotFound => true,
        notify::ErrorKind::Io(error) => error.kind() == std::io::ErrorKind::NotFound,
        _ => false,
    }
}

/// The names on which the folder's place depends: itself, and every symbolic link on the way to
/// it, for that may be turned to another place at once.
pub(crate) fn way_to(root: &Path) -> BTreeSet<PathBuf> {
    let links = root.ancestors().skip(1).filter(|above| above.is_symlink()).map(Path::to_owned);
    links.chain([root.to_owned()]).collect()
}
