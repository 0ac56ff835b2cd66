//! One file of a folder: when to read it, and reading it.

use std::fs::File;
use std::io::{self, Read};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use super::super::documents::Format;
use super::super::print::Print;
use super::super::read::{Reading, read, unreadable};
use super::super::scan::format;
use super::super::size;
use super::{Folder, Suspect};

impl Folder {
    /// Waits for the next version of a file, or for its return.
    pub(super) fn suspect(&mut self, name: &Arc<str>, path: &Path, since: Instant, now: Instant) {
        let print = Print::of(path).ok();
        if print.is_none() {
            self.contents.fade(name);
        }
        let since = self.suspects.get(name).map_or(since, |before| before.since);
        let due = now + self.settle;
        let suspect = Suspect { path: path.to_owned(), due, since, print };
        self.suspects.insert(Arc::clone(name), suspect);
    }

    /// Reads a file that is complete, unless it shows that it isn't.
    pub(super) fn take(&mut self, name: &Arc<str>, path: &Path, since: Instant, now: Instant) {
        match slurp(path) {
            // A file that had something in it and now is empty has been opened to be written.
            Ok((_, text)) if text.trim_ascii().is_empty() && self.contents.defines(name) => {
                self.suspect(name, path, since, now);
            }
            Ok((print, text)) => self.put(name, path, print, &text),
            Err(_) => self.suspect(name, path, since, now),
        }
    }

    /// Takes a suspect as it is, if it has not changed for a while.
    pub(super) fn revisit(&mut self, name: &Arc<str>, suspect: &Suspect, now: Instant) {
        let path = &suspect.path;
        let print = Print::of(path);
        if print.as_ref().ok() != suspect.print.as_ref() {
            return self.suspect(name, path, suspect.since, now);
        }
        match print.and_then(|_| slurp(path)) {
            Ok((print, text)) => self.put(name, path, print, &text),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {
                self.suspect(name, path, suspect.since, now);
            }
            // A link that leads nowhere, say. A folder of this name is looked into instead.
            Err(error) if path.symlink_metadata().is_ok_and(|found| !found.is_dir()) => {
                self.fail(name, &error);
            }
            // Not the file is gone, but the folder: what was live stays.
            Err(_) if !self.root.is_dir() => {
                self.suspects.remove(name);
                self.relook = true;
            }
            Err(_) => {
                self.suspects.remove(name);
                self.read.remove(name);
                self.contents.remove(name);
            }
        }
    }

    fn put(&mut self, name: &Arc<str>, path: &Path, print: Print, text: &[u8]) {
        self.suspects.remove(name);
        // Where a new link leads has to be watched.
        self.relook |= print.target().is_some_and(|target| !self.targets.contains_key(target));
        self.read.insert(Arc::clone(name), print);
        let format = format(path).unwrap_or(Format::Yaml);
        self.contents.put(name, reading(name, text, format));
    }

    fn fail(&mut self, name: &Arc<str>, error: &io::Error) {
        self.suspects.remove(name);
        self.read.remove(name);
        self.contents.put(name, unreadable(name, format!("can't be read: {error}"), ""));
    }
}

fn reading(name: &Arc<str>, text: &[u8], format: Format) -> Reading {
    if text.len() as u64 > size::FILE {
        let message = format!("is larger than {} MiB", size::FILE >> 20);
        return unreadable(name, message, "split it");
    }
    match std::str::from_utf8(text) {
        Ok(text) => guarded(name, || read(name, text, format)),
        Err(error) => {
            let line =
                text[..error.valid_up_to()].iter().filter(|byte| **byte == b'\n').count() + 1;
            unreadable(name, format!("is not UTF-8 in line {line}"), "save it as UTF-8")
        }
    }
}

/// A panic, wherever it comes from, costs one file and not the source.
fn guarded(name: &Arc<str>, read: impl FnOnce() -> Reading) -> Reading {
    // What was being read is dropped, so nobody sees it half done.
    catch_unwind(AssertUnwindSafe(read)).unwrap_or_else(|_| {
        let message = "can't be read: that is a defect of Headgate".to_owned();
        unreadable(name, message, "report it with the file, and write the file another way")
    })
}

/// The content of a file, no more of it than shows that it is too large. An error of kind
/// `Interrupted` says that it changed meanwhile.
fn slurp(path: &Path) -> io::Result<(Print, Vec<u8>)> {
    let print = Print::of(path)?;
    let mut text = Vec::new();
    File::open(path)?.take(size::FILE + 1).read_to_end(&mut text)?;
    if Print::of(path)? != print {
        return Err(io::Error::new(io::ErrorKind::Interrupted, "changed while it was read"));
    }
    Ok((print, text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_a_problem_of_the_file() {
        let reading = guarded(&"a.yaml".into(), || panic!("a defect"));
        assert!(reading.unknown);
        assert_eq!(reading.problems.len(), 1);
    }
}
