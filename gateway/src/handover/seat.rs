//! The place in the file system where the running process is found.
//!
//! Promises: the path always leads to the process that serves, or to nobody; it changes from one to
//! the next in one step; what a dead process left there is replaced.

use std::ffi::OsString;
use std::fs::{self, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use tokio::net::{UnixListener, UnixStream};

use super::take::Predecessor;
use super::{Error, STEP, within};

/// A process that can be taken over from; see the module above.
pub struct Handover {
    pub(super) listener: UnixListener,
    path: PathBuf,
    /// Where the socket is now.
    at: PathBuf,
    /// Device and inode of the socket.
    identity: (u64, u64),
}

impl Handover {
    /// Listens beside `path`, and asks the process that is found at it, if there is one, for its
    /// sockets.
    ///
    /// # Errors
    /// When the path is no place for a socket, or the process at it does not let us take over.
    pub async fn begin(path: &Path, release: &str) -> Result<(Self, Option<Predecessor>), Error> {
        let predecessor = match find(path).await? {
            Some(stream) => Some(Predecessor::meet(stream, release).await?),
            None => None,
        };
        let mut at = OsString::from(path);
        at.push(format!(".{}", std::process::id()));
        let at = PathBuf::from(at);
        let bound = bind(&at).map_err(|error| Error::Bind(at.clone(), error));
        let (listener, identity) = bound?;
        Ok((Self { listener, path: path.to_owned(), at, identity }, predecessor))
    }

    /// From now on we are the one that the path leads to.
    ///
    /// # Errors
    /// When the file system refuses.
    pub fn publish(&mut self) -> io::Result<()> {
        fs::rename(&self.at, &self.path)?;
        self.at.clone_from(&self.path);
        Ok(())
    }
}

impl Drop for Handover {
    fn drop(&mut self) {
        // The next process's socket may be there already; that one stays.
        let ours = fs::symlink_metadata(&self.at).is_ok_and(|it| identity(&it) == self.identity);
        if ours && let Err(error) = fs::remove_file(&self.at) {
            tracing::debug!(%error, path = %self.at.display(), "not removed");
        }
    }
}

/// A connection to the process at `path`, if one lives there.
async fn find(path: &Path) -> Result<Option<UnixStream>, Error> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Error::Bind(path.to_owned(), error)),
        Ok(it) if !it.file_type().is_socket() => return Err(Error::NotASocket(path.to_owned())),
        Ok(_) => {}
    }
    let connected = within(STEP, async { Ok(UnixStream::connect(path).await) }).await?;
    match connected {
        Ok(stream) => Ok(Some(stream)),
        Err(error)
            if matches!(error.kind(), ErrorKind::ConnectionRefused | ErrorKind::NotFound) =>
        {
            tracing::info!(path = %path.display(), "the process that was here is gone");
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

/// A socket for our user alone. Whoever connects before its permissions are set is asked who he is.
fn bind(at: &Path) -> io::Result<(UnixListener, (u64, u64))> {
    // Left by a process of the same number, which is gone.
    match fs::remove_file(at) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(at)?;
    fs::set_permissions(at, Permissions::from_mode(0o600))?;
    Ok((listener, identity(&fs::symlink_metadata(at)?)))
}

fn identity(it: &fs::Metadata) -> (u64, u64) {
    (it.dev(), it.ino())
}
