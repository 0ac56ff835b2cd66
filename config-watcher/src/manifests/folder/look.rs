//! A look at the whole folder: which files are there, and which look different.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use super::super::print::Print;
use super::super::problem::Severity;
use super::super::scan::{Scan, scan};
use super::super::watches::way_to;
use super::Folder;

/// Rounds of looking and setting watches before a folder that changes all the time is taken as it
/// is; what changes afterwards is told.
const ROUNDS: usize = 4;

/// What a look finds.
struct Found {
    scan: Scan,
    prints: BTreeMap<Arc<str>, io::Result<Print>>,
}

impl Folder {
    /// Looks at the folder. Files that look different become suspects; at the first look, all are
    /// read at once.
    pub(super) fn look(&mut self, since: Instant, now: Instant) {
        self.problems.clear();
        self.relook = false;
        self.way = way_to(&self.root);
        let found = self.find();
        if let Some(why) = self.unwatched.clone() {
            let message = format!("the kernel doesn't tell what changes ({why}), so it is polled");
            let remedy = "raise fs.inotify.max_user_watches and max_user_instances";
            self.problem("", message, remedy, Severity::Warning);
        }
        self.gone = found.is_err();
        let found = match found {
            Ok(found) => found,
            Err(error) => {
                let message = format!("the folder {}: {error}", self.root.display());
                let remedy = "bring it back; what was live stays live until then";
                return self.problem("", message, remedy, Severity::Error);
            }
        };
        for (name, why) in &found.scan.unseen {
            self.problem(name, why.clone(), "", Severity::Error);
        }
        self.missing(&found.scan, since, now);
        let first = !self.complete;
        self.complete = true;
        for (name, print) in found.prints {
            let path = &found.scan.files[&name];
            self.compare(&name, path, print, first, since, now);
        }
    }

    /// Searches the folder until everything in it is watched.
    fn find(&mut self) -> io::Result<Found> {
        let mut round = 0;
        loop {
            round += 1;
            let scan = scan(&self.root);
            let found = scan.map(|scan| {
                let files = scan.files.iter();
                let prints =
                    files.map(|(name, path)| (Arc::clone(name), Print::of(path))).collect();
                Found { scan, prints }
            });
            if let Ok(found) = &found {
                self.folders.clone_from(&found.scan.folders);
                self.targets = targets(&found.prints);
            }
            if !self.watch() || round == ROUNDS {
                return found;
            }
        }
    }

    /// Watches all that matters. True if something was not watched before.
    fn watch(&mut self) -> bool {
        let Some(watches) = &mut self.watches else { return false };
        let around = self.way.iter().chain(self.targets.keys()).filter_map(|path| path.parent());
        let around = around.filter_map(|path| Some((path.to_owned(), identity(path).ok()?)));
        let mut wanted: BTreeMap<PathBuf, (u64, u64)> = around.collect();
        // Folders that are gone have no identity any more.
        let inside =
            self.folders.keys().filter_map(|path| Some((path.clone(), identity(path).ok()?)));
        wanted.extend(inside);
        match watches.set(&wanted) {
            Ok(added) => added,
            Err(error) => {
                tracing::warn!(%error, "the manifests folder can't be watched; it is polled");
                self.unwatched = Some(error.to_string());
                self.watches = None;
                false
            }
        }
    }

    /// Suspects the files that are not there any more.
    fn missing(&mut self, scan: &Scan, since: Instant, now: Instant) {
        let unseen = |name: &str| {
            let inside = |folder: &Arc<str>| Path::new(name).starts_with(&**folder);
            scan.unseen.iter().any(|(folder, _)| inside(folder))
        };
        let files = self.contents.files().filter(|name| !scan.files.contains_key(*name));
        let missing: Vec<Arc<str>> = files.filter(|name| !unseen(name)).cloned().collect();
        for name in missing {
            if !self.suspects.contains_key(&name) {
                let path = self.root.join(&*name);
                self.suspect(&name, &path, since, now);
            }
        }
    }

    fn compare(
        &mut self,
        name: &Arc<str>,
        path: &Path,
        print: io::Result<Print>,
        first: bool,
        since: Instant,
        now: Instant,
    ) {
        let before = self.read.get(name);
        match print {
            Ok(print) if before == Some(&print) => {
                if self.contents.is_fading(name) {
                    self.take(name, path, since, now);
                }
            }
            Ok(print) if first || before.is_some_and(|before| print.relinked(before)) => {
                self.take(name, path, since, now);
            }
            _ if self.suspects.contains_key(name) => {}
            _ => self.suspect(name, path, since, now),
        }
    }
}

fn targets(
    prints: &BTreeMap<Arc<str>, io::Result<Print>>,
) -> BTreeMap<PathBuf, BTreeSet<Arc<str>>> {
    let mut targets: BTreeMap<PathBuf, BTreeSet<Arc<str>>> = BTreeMap::new();
    for (name, print) in prints {
        if let Some(target) = print.as_ref().ok().and_then(Print::target) {
            targets.entry(target.to_owned()).or_default().insert(Arc::clone(name));
        }
    }
    targets
}

fn identity(folder: &Path) -> io::Result<(u64, u64)> {
    use std::os::unix::fs::MetadataExt;
    fs::metadata(folder).map(|metadata| (metadata.dev(), metadata.ino()))
}
