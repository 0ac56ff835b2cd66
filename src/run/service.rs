//! What a service manager hears (`sd_notify(3)`): when we serve, and when we end. With systemd's
//! `Type=notify`, `systemctl start` returns once a new process has taken over.
//!
//! Without `NOTIFY_SOCKET` in the environment nothing here does anything.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

/// The manager, if there is one.
pub(super) struct ServiceManager(Option<OsString>);

impl ServiceManager {
    /// The one that started us.
    pub(super) fn of_environment() -> Self {
        Self(std::env::var_os("NOTIFY_SOCKET").filter(|socket| !socket.is_empty()))
    }

    /// Requests are served from now on.
    pub(super) fn ready(&self) {
        self.say("READY=1");
    }

    /// No more; what runs is finished.
    pub(super) fn stopping(&self) {
        self.say("STOPPING=1");
    }

    fn say(&self, what: &str) {
        let Some(socket) = &self.0 else { return };
        if let Err(error) = send(socket, what) {
            tracing::warn!(%error, ?socket, "the service manager was not told {what}");
        }
    }
}

fn send(socket: &OsStr, what: &str) -> io::Result<()> {
    // An `@` stands for the zero byte of an abstract address.
    let address = match socket.as_bytes().strip_prefix(b"@") {
        Some(name) => SocketAddr::from_abstract_name(name)?,
        None => SocketAddr::from_pathname(socket)?,
    };
    let datagram = UnixDatagram::unbound()?;
    // A manager that does not read must not hold us up.
    datagram.set_nonblocking(true)?;
    datagram.send_to_addr(what.as_bytes(), &address).map(|_| ())
}
