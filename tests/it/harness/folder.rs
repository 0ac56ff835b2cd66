//! A folder of manifests that goes when the test ends.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

/// Files are replaced by renaming, as a careful editor does.
pub(crate) struct Folder(TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        let hidden = self.path().join(format!(".{name}.new"));
        fs::write(&hidden, text).unwrap();
        fs::rename(&hidden, self.path().join(name)).unwrap();
    }

    pub(crate) fn remove(&self, name: &str) {
        fs::remove_file(self.path().join(name)).unwrap();
    }
}
