//! The outside of a file: what tells, without reading it, whether its content may have changed.

use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Identity, size and times of a file, and where its name leads if that is a symbolic link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Print {
    target: Option<PathBuf>,
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Print {
    /// Looks at a file; follows links.
    pub(crate) fn of(path: &Path) -> io::Result<Self> {
        let link = path.symlink_metadata()?.is_symlink();
        let target = if link { Some(path.canonicalize()?) } else { None };
        let metadata = path.metadata()?;
        if !metadata.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "is not a file"));
        }
        Ok(Self {
            target,
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        })
    }

    /// Where the name leads, if it is a symbolic link.
    pub(crate) fn target(&self) -> Option<&Path> {
        self.target.as_deref()
    }

    /// Whether a link now leads elsewhere: then the new file was complete before it was linked, as
    /// in Kubernetes' mounted ConfigMaps, and need not be watched to the end of its writing.
    pub(crate) fn relinked(&self, before: &Self) -> bool {
        self.target.is_some() && self.target != before.target
    }
}
