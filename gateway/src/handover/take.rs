//! The side of the new process.

use std::net::TcpListener;
use std::os::fd::OwnedFd;

use snapshot::{Drain, DrainKey};
use socket2::{SockRef, Type};
use tokio::net::UnixStream;

use super::wire::{Message, Wire};
use super::{Error, Handed, MAX_DRAINS, MAX_SOCKETS, Offer, PROTOCOL, STEP, within};
use crate::settings::SessionKey;

/// The running process, which goes on until [`Self::serving`].
pub struct Predecessor {
    wire: Wire,
    /// Its process.
    pub pid: i32,
    /// Its release.
    pub release: String,
    /// What it gives.
    pub offer: Offer,
}

/// The process before us, which finishes what runs on it.
pub struct Leaving(Wire);

impl Predecessor {
    pub(super) async fn meet(stream: UnixStream, release: &str) -> Result<Self, Error> {
        let (mut wire, pid) = Wire::new(stream)?;
        within(STEP, async {
            let release = release.to_owned();
            wire.send(&Message::Hello { protocol: PROTOCOL, release }).await?;
            let (release, count, session_key, older) = match wire.receive().await? {
                Message::Offer { release, sockets, session_key, older } => {
                    (release, sockets, session_key.map(SessionKey), older)
                }
                Message::Refused { reason } => return Err(Error::Refused(reason)),
                _ => return Err(Error::Protocol("no offer")),
            };
            if count > MAX_SOCKETS {
                return Err(Error::Protocol("too many sockets"));
            }
            let sockets = sockets(&mut wire, count).await?;
            Ok(Self { wire, pid, release, offer: Offer { sockets, session_key, older } })
        })
        .await
    }

    /// Returns when it gives us up, or ends. Loses nothing when it is dropped.
    pub async fn gone(&mut self) -> Error {
        match self.wire.receive().await {
            Ok(Message::Refused { reason }) => Error::Refused(reason),
            Ok(_) => Error::Protocol("spoke out of turn"),
            Err(error) => error,
        }
    }

    /// Says that our tables are complete, and waits for leave to accept. What takes nothing new
    /// comes with it.
    ///
    /// # Errors
    /// When there is no leave: then the other process goes on, and we must not.
    pub async fn ready(&mut self) -> Result<Vec<(DrainKey, Drain)>, Error> {
        within(STEP, async {
            self.wire.send(&Message::Ready).await?;
            let mut all = Vec::new();
            loop {
                match self.wire.receive().await? {
                    Message::Go => return Ok(all),
                    Message::Drains { drains } if all.len() + drains.len() <= MAX_DRAINS => {
                        all.extend(drains);
                    }
                    Message::Refused { reason } => return Err(Error::Refused(reason)),
                    _ => return Err(Error::Protocol("no leave to accept")),
                }
            }
        })
        .await
    }

    /// Says that we accept: the other process stops doing so.
    ///
    /// # Errors
    /// When it does not hear: it may be gone, or accept as well. Neither is a reason to stop.
    pub async fn serving(mut self) -> Result<Leaving, Error> {
        within(STEP, self.wire.send(&Message::Serving)).await?;
        Ok(Leaving(self.wire))
    }
}

impl Leaving {
    /// Returns when the process has ended.
    pub async fn ended(&mut self) {
        // It has nothing more to say, so that whatever it says is passed over.
        while self.0.receive().await.is_ok() {}
    }
}

async fn sockets(wire: &mut Wire, count: usize) -> Result<Vec<Handed>, Error> {
    let mut all = Vec::new();
    while all.len() < count {
        let Message::Sockets { sockets } = wire.receive().await? else {
            return Err(Error::Protocol("no sockets"));
        };
        let fds: Vec<OwnedFd> = wire.take_fds().collect();
        if fds.len() != sockets.len() || fds.is_empty() {
            return Err(Error::Protocol("names and sockets differ in number"));
        }
        for ((purpose, address), fd) in sockets.into_iter().zip(fds) {
            let of_tcp = SockRef::from(&fd).r#type().is_ok_and(|kind| kind == Type::STREAM);
            if !of_tcp || !SockRef::from(&fd).is_listener().unwrap_or(false) {
                return Err(Error::Protocol("what came is no listening socket"));
            }
            all.push(Handed { purpose, address, socket: TcpListener::from(fd) });
        }
    }
    Ok(all)
}
