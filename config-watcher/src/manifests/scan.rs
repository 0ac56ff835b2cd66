//! Finds the manifests of a folder.
//!
//! Subfolders are searched, symbolic links followed; what is hidden or left by editors is not
//! looked at. Kubernetes' mounted ConfigMaps come out right: `x.yaml` is a link into the hidden
//! `..data`, and so is found once.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::documents::Format;

/// Levels of subfolders; links may make a folder seem endless.
const DEPTH: usize = 32;
/// Files of a folder: a cluster of one namespace per team and one file per object stays below.
const FILES: usize = 100_000;

/// What is in a folder.
#[derive(Debug, Default)]
pub(crate) struct Scan {
    /// Manifests by their path relative to the folder.
    pub(crate) files: BTreeMap<Arc<str>, PathBuf>,
    /// The folder and its subfolders, with what identifies each.
    pub(crate) folders: BTreeMap<PathBuf, (u64, u64)>,
    /// What could not be looked at: relative path, and why.
    pub(crate) unseen: Vec<(Arc<str>, String)>,
}

/// Searches a folder. The error is about the folder itself.
pub(crate) fn scan(root: &Path) -> io::Result<Scan> {
    let mut scan = Scan::default();
    let mut seen = BTreeSet::new();
    let mut next = vec![(root.to_owned(), 0)];
    while let Some((folder, depth)) = next.pop() {
        match enter(&folder, &mut seen) {
            Ok(Some((identity, entries))) => {
                scan.folders.insert(folder, identity);
                for path in entries {
                    scan.entry(root, path, depth, &mut next);
                }
            }
            Ok(None) => {}
            Err(error) if folder == root => return Err(error),
            // Gone since it was listed.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => scan.unseen.push((relative(root, &folder), error.to_string())),
        }
    }
    Ok(scan)
}

type Identity = (u64, u64);

/// Identity and entries of a folder; None if it has been searched under another name.
fn enter(
    folder: &Path,
    seen: &mut BTreeSet<Identity>,
) -> io::Result<Option<(Identity, Vec<PathBuf>)>> {
    let metadata = folder.metadata()?;
    let identity = (metadata.dev(), metadata.ino());
    if !seen.insert(identity) {
        return Ok(None);
    }
    let entries: io::Result<Vec<PathBuf>> =
        fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path())).collect();
    Ok(Some((identity, entries?)))
}

impl Scan {
    fn entry(
        &mut self,
        root: &Path,
        path: PathBuf,
        depth: usize,
        next: &mut Vec<(PathBuf, usize)>,
    ) {
        if ignored(&path) {
            return;
        }
        if path.is_dir() {
            if depth < DEPTH {
                next.push((path, depth + 1));
            } else {
                let why = format!("is more than {DEPTH} folders deep");
                self.unseen.push((relative(root, &path), why));
            }
        } else if format(&path).is_some() {
            if self.files.len() < FILES {
                self.files.insert(relative(root, &path), path);
            } else if self.unseen.last().is_none_or(|(name, _)| !name.is_empty()) {
                self.unseen.push(("".into(), format!("the folder has more than {FILES} files")));
            }
        }
    }
}

/// The path of a file as people are told of it.
pub(crate) fn relative(root: &Path, path: &Path) -> Arc<str> {
    path.strip_prefix(root).unwrap_or(path).to_string_lossy().into()
}

/// What a file is by its name, if it is a manifest.
pub(crate) fn format(path: &Path) -> Option<Format> {
    match path.extension()?.to_str()? {
        "yaml" | "yml" => Some(Format::Yaml),
        "json" => Some(Format::Json),
        _ => None,
    }
}

/// Hidden files, and what editors leave beside a file that they write (`#x#`, `x~`).
pub(crate) fn ignored(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().as_encoded_bytes();
    name.starts_with(b".") || name.starts_with(b"#") || name.ends_with(b"~")
}
