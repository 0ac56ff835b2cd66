//! The side of the running process.

use std::cell::Cell;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use snapshot::{Drain, DrainKey};
use tokio::net::UnixStream;
use tokio::time::sleep;

use super::seat::Handover;
use super::wire::{MAX_FDS, Message, Wire};
use super::{
    DRAINS_AT_ONCE, Error, FIRST_SNAPSHOT, MAX_OLDER, MAX_SOCKETS, Offer, PROTOCOL, STEP, within,
};

/// Processes that are spoken with at the same time: one takes over, others are told so.
const MAX_TALKS: usize = 4;
/// A pause after an accept that failed for want of descriptors, so that it does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The process that has taken over. It sees our end when this is dropped.
pub struct Given {
    _wire: Wire,
    /// Its process.
    pub pid: i32,
    /// Its release.
    pub release: String,
}

impl Handover {
    /// Returns when another process accepts from the sockets that `offer` gave it. `offer` says
    /// why when it has none to give. What takes nothing new, `drains` say at the last moment.
    ///
    /// Dropped, it leaves a process that was about to take over without leave to do so.
    pub async fn given(
        &self,
        release: &str,
        offer: impl Fn() -> Result<Offer, String>,
        drains: impl Fn() -> Vec<(DrainKey, Drain)>,
    ) -> Given {
        let busy = Cell::new(false);
        let mut talks = FuturesUnordered::new();
        loop {
            // Accepting loses nothing when it is dropped, a talk goes on where it was.
            tokio::select! {
                accepted = self.listener.accept(), if talks.len() < MAX_TALKS => match accepted {
                    Ok((stream, _)) => talks.push(talk(stream, release, &busy, &offer, &drains)),
                    Err(error) => {
                        tracing::warn!(%error, "nobody can take over");
                        sleep(ACCEPT_PAUSE).await;
                    }
                },
                Some(end) = talks.next() => match end {
                    Ok(given) => return given,
                    Err(Error::Refused(reason)) => {
                        tracing::warn!(reason, "a process was not allowed to take over");
                    }
                    Err(error) => {
                        tracing::warn!(%error, "not taken over; everything goes on as before");
                    }
                },
            }
        }
    }
}

/// From `Hello` to `Serving`.
async fn talk(
    stream: UnixStream,
    ours: &str,
    busy: &Cell<bool>,
    offer: &impl Fn() -> Result<Offer, String>,
    drains: &impl Fn() -> Vec<(DrainKey, Drain)>,
) -> Result<Given, Error> {
    let (mut wire, pid) = Wire::new(stream)?;
    let Message::Hello { protocol, release } = within(STEP, wire.receive()).await? else {
        return Err(Error::Protocol("no hello"));
    };
    let offer = match consider(protocol, busy, offer) {
        Ok(offer) => offer,
        Err(reason) => {
            let refused = Message::Refused { reason: reason.clone() };
            within(STEP, wire.send(&refused)).await?;
            return Err(Error::Refused(reason));
        }
    };
    let _turn = Turn::begin(busy);
    tracing::info!(pid, release, "a process begins to take over");
    within(STEP, give(&mut wire, ours, &offer)).await?;
    drop(offer);
    match within(FIRST_SNAPSHOT, wire.receive()).await {
        Ok(Message::Ready) => {}
        Ok(_) => return Err(Error::Protocol("not ready")),
        Err(error) => {
            let reason = format!("it was not ready within {FIRST_SNAPSHOT:?}");
            // It is told if it is still there.
            let _ = within(STEP, wire.send(&Message::Refused { reason })).await;
            return Err(error);
        }
    }
    within(STEP, async {
        for some in drains().chunks(DRAINS_AT_ONCE) {
            wire.send(&Message::Drains { drains: some.to_vec() }).await?;
        }
        wire.send(&Message::Go).await
    })
    .await?;
    match within(STEP, wire.receive()).await? {
        Message::Serving => Ok(Given { _wire: wire, pid, release }),
        _ => Err(Error::Protocol("does not serve")),
    }
}

/// What to give, or why nothing is given.
fn consider(
    protocol: u32,
    busy: &Cell<bool>,
    offer: &impl Fn() -> Result<Offer, String>,
) -> Result<Offer, String> {
    if protocol != PROTOCOL {
        return Err(format!(
            "the running process hands over by protocol {PROTOCOL}, not {protocol}; stop it first"
        ));
    }
    if busy.get() {
        return Err("another process is taking over at the moment".to_owned());
    }
    let offer = offer()?;
    if offer.older >= MAX_OLDER {
        return Err(format!(
            "{MAX_OLDER} processes before this one still finish what runs; wait for them or end \
             them with SIGTERM"
        ));
    }
    if offer.sockets.len() > MAX_SOCKETS {
        return Err(format!("there are more than {MAX_SOCKETS} sockets"));
    }
    Ok(offer)
}

async fn give(wire: &mut Wire, release: &str, offer: &Offer) -> Result<(), Error> {
    let Offer { sockets, session_key, older } = offer;
    let message = Message::Offer {
        release: release.to_owned(),
        sockets: sockets.len(),
        session_key: session_key.as_ref().map(|key| key.0),
        older: *older,
    };
    wire.send(&message).await?;
    for some in sockets.chunks(MAX_FDS) {
        let fds: Vec<BorrowedFd<'_>> = some.iter().map(|one| one.socket.as_fd()).collect();
        let names = some.iter().map(|one| (one.purpose, one.address)).collect();
        wire.send_with(&Message::Sockets { sockets: names }, &fds).await?;
    }
    Ok(())
}

/// One process takes over at a time.
struct Turn<'a>(&'a Cell<bool>);

impl<'a> Turn<'a> {
    fn begin(busy: &'a Cell<bool>) -> Self {
        busy.set(true);
        Self(busy)
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.set(false);
    }
}
