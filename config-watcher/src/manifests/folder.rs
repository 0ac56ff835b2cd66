//! A folder that is being followed: what happened to its files becomes what is live.
//!
//! Promises: a file is read when it is complete, once, and alone; what has gone, or is being
//! written, has a while to come back whole; while the folder as such is gone, nothing changes.

mod file;
mod look;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::contents::Contents;
use super::inbox::{Inbox, Pending, Touch};
use super::print::Print;
use super::problem::{Problem, Severity};
use super::scan::{format, ignored, relative};
use super::watches::Watches;
use super::{Batch, Settings};
use crate::api::meta::Origin;
use crate::objects::AnyObject;

/// A folder and what we know of it.
#[derive(Debug)]
pub(crate) struct Folder {
    root: PathBuf,
    settle: Duration,
    contents: Contents,
    /// The version of each file that was read.
    read: BTreeMap<Arc<str>, Print>,
    /// Files that seem to be gone, or are being written.
    suspects: BTreeMap<Arc<str>, Suspect>,
    /// Where symbolic links lead, by the file they lead to.
    targets: BTreeMap<PathBuf, BTreeSet<Arc<str>>>,
    /// The folder and its subfolders.
    folders: BTreeMap<PathBuf, (u64, u64)>,
    /// Names on which the folder's place depends.
    way: BTreeSet<PathBuf>,
    watches: Option<Watches>,
    /// Why there are no watches, if there should be.
    unwatched: Option<String>,
    /// The folder itself can't be looked at.
    gone: bool,
    /// Another look is needed.
    relook: bool,
    /// What is wrong with the folder itself.
    problems: Vec<Problem>,
    complete: bool,
    /// What was told last; None before the first time.
    told: Option<(Vec<Problem>, bool)>,
}

/// A file whose next version is awaited.
#[derive(Clone, Debug)]
struct Suspect {
    path: PathBuf,
    /// When to take it as it is.
    due: Instant,
    /// When it became suspect.
    since: Instant,
    /// What it looked like last; None if it was gone.
    print: Option<Print>,
}

impl Folder {
    /// A folder of which nothing has been read.
    pub(crate) fn new(root: PathBuf, settle: Duration) -> Self {
        Self {
            root,
            settle,
            contents: Contents::default(),
            read: BTreeMap::new(),
            suspects: BTreeMap::new(),
            targets: BTreeMap::new(),
            folders: BTreeMap::new(),
            way: BTreeSet::new(),
            watches: None,
            unwatched: None,
            gone: false,
            relook: false,
            problems: Vec::new(),
            complete: false,
            told: None,
        }
    }

    /// Has the kernel notify the inbox, if it can.
    pub(crate) fn notify(&mut self, inbox: Arc<Inbox>) {
        match Watches::new(inbox) {
            Ok(watches) => self.watches = Some(watches),
            Err(error) => self.unwatched = Some(error.to_string()),
        }
    }

    /// How often to look at the folder as a whole.
    pub(crate) fn interval(&self, settings: &Settings) -> Duration {
        match settings.poll {
            Some(poll) => poll,
            // Nobody may tell of the return of a folder whose parent is gone as well.
            None if self.gone || self.watches.is_none() => Settings::FALLBACK_POLL,
            None => Settings::RECHECK,
        }
    }

    /// When the next suspect is due.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.suspects.values().map(|suspect| suspect.due).min()
    }

    /// Everything that is live, in the order of kind and key.
    pub(crate) fn live(&self) -> impl Iterator<Item = &AnyObject> {
        self.contents.live()
    }

    /// Everything that is wrong; with the folder itself, first.
    pub(crate) fn problems(&self) -> Vec<Problem> {
        let mut problems = self.problems.clone();
        problems.extend(self.contents.problems());
        problems
    }

    /// Takes in what happened; says what changed, if anything did.
    pub(crate) fn step(&mut self, pending: Pending, now: Instant) -> Option<Batch> {
        let mut observed = pending.since.unwrap_or(now);
        let mut everything = pending.everything;
        let mut whole = Vec::new();
        for (path, touch) in pending.paths {
            match self.meaning(&path) {
                Meaning::Nothing => {}
                Meaning::Everything => everything = true,
                Meaning::Files(files) => whole.extend(self.touched(files, touch, observed, now)),
            }
        }
        for (name, path) in whole {
            self.take(&name, &path, observed, now);
        }
        if everything {
            self.look(observed, now);
        }
        let due: Vec<(Arc<str>, Suspect)> = self
            .suspects
            .iter()
            .filter(|(_, suspect)| suspect.due <= now)
            .map(|(name, suspect)| (Arc::clone(name), suspect.clone()))
            .collect();
        for (name, suspect) in due {
            observed = observed.min(suspect.since);
            self.revisit(&name, &suspect, now);
        }
        if self.relook {
            self.look(observed, now);
        }
        self.batch(observed)
    }

    /// Whom a notification concerns.
    fn meaning(&self, path: &Path) -> Meaning {
        if let Some(files) = self.targets.get(path) {
            let files = files.iter().map(|name| (Arc::clone(name), self.root.join(&**name)));
            return Meaning::Files(files.collect());
        }
        if self.way.contains(path) || self.folders.contains_key(path) {
            return Meaning::Everything;
        }
        if !path.starts_with(&self.root) {
            return Meaning::Nothing;
        }
        let folder = || path.is_dir();
        match ignored(path) {
            // Kubernetes swaps `..data` to change all files of a mounted ConfigMap at once.
            true if path.file_name().is_some_and(|name| name == "..data") => Meaning::Everything,
            true => Meaning::Nothing,
            false if format(path).is_some() && !folder() => {
                Meaning::Files(vec![(relative(&self.root, path), path.to_owned())])
            }
            false if folder() => Meaning::Everything,
            false => Meaning::Nothing,
        }
    }

    /// Gives back the files that can be read at once; the others become suspects.
    fn touched(
        &mut self,
        files: Vec<(Arc<str>, PathBuf)>,
        touch: Touch,
        since: Instant,
        now: Instant,
    ) -> Vec<(Arc<str>, PathBuf)> {
        match touch {
            Touch::Whole => return files,
            Touch::Begun => {
                for (name, path) in files {
                    self.suspect(&name, &path, since, now);
                }
            }
            // Its writer will close it. Only if it was not there before does nobody else ask.
            Touch::Written => {
                for (name, _) in files {
                    if let Some(suspect) = self.suspects.get_mut(&name) {
                        suspect.due = now + self.settle;
                    }
                }
            }
        }
        Vec::new()
    }

    fn batch(&mut self, observed: Instant) -> Option<Batch> {
        let changes = self.contents.changes();
        let problems = self.problems();
        let told = Some((problems.clone(), self.complete));
        if changes.is_empty() && told == self.told {
            return None;
        }
        self.told = told;
        Some(Batch { changes, problems, complete: self.complete, observed })
    }

    fn problem(&mut self, name: &str, message: String, remedy: &str, severity: Severity) {
        let origin = Origin { file: name.into(), line: 0 };
        let remedy = remedy.to_owned();
        self.problems.push(Problem {
            origin,
            object: None,
            field: None,
            message,
            remedy,
            severity,
        });
    }
}

enum Meaning {
    Nothing,
    Everything,
    Files(Vec<(Arc<str>, PathBuf)>),
}

#[cfg(test)]
mod tests;
