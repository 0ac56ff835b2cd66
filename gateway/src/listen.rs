//! Listening sockets that appear and vanish while traffic runs.
//!
//! [`Listeners`] binds what a snapshot wants and lets go of the rest; each change is published to
//! all threads, which accept from the same sockets (`accept`). Promises: an address that cannot be
//! bound is reported with its cause, holds up no other, and is tried again; a socket that is let go
//! of is closed when every thread has accepted what was waiting in it (lossless race 7). What
//! happens to a connection is left to `serve`.

pub(crate) mod accept;
mod bind;
mod open_files;
pub(crate) mod ticket;

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener};
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Weak};

use tokio::sync::watch;

use crate::apply::Slot;

/// An address that is listened on, as threads see it.
#[derive(Clone)]
pub(crate) struct Listening {
    /// The tables of its connections.
    pub(crate) slot: Arc<Slot>,
    /// Shared by all threads.
    pub(crate) socket: Arc<TcpListener>,
    /// The socket's, which all of its connections have.
    pub(crate) port: u16,
    /// Its connections.
    pub(crate) open: Arc<AtomicUsize>,
}

/// Everything that is listened on.
pub(crate) type AllListening = Arc<BTreeMap<SocketAddr, Listening>>;

/// The sockets of a process.
pub(crate) struct Listeners {
    backlog: u32,
    wanted: BTreeMap<SocketAddr, Wanted>,
    /// Sockets that threads are still closing.
    leaving: BTreeMap<SocketAddr, (Weak<TcpListener>, Arc<AtomicUsize>)>,
    /// Sockets from the process before us that no snapshot wanted yet.
    inherited: BTreeMap<SocketAddr, TcpListener>,
    news: watch::Sender<AllListening>,
    /// Nothing is accepted yet: the process before us does.
    held: bool,
    closed: bool,
}

struct Wanted {
    slot: Arc<Slot>,
    socket: Result<(Arc<TcpListener>, Arc<AtomicUsize>), String>,
}

/// Which addresses are listened on, and which should be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Bound {
    /// As they really are: port 0 has become a port.
    pub(crate) bound: Vec<SocketAddr>,
    /// With the cause.
    pub(crate) unbound: Vec<(SocketAddr, String)>,
}

impl Listeners {
    /// Nothing yet, and what threads follow.
    pub(crate) fn new(backlog: u32) -> (Self, watch::Receiver<AllListening>) {
        let (news, follow) = watch::channel(AllListening::default());
        let this = Self {
            backlog,
            wanted: BTreeMap::new(),
            leaving: BTreeMap::new(),
            inherited: BTreeMap::new(),
            news,
            held: false,
            closed: false,
        };
        (this, follow)
    }

    /// Takes these sockets over instead of binding their addresses, and accepts from none before
    /// [`Self::open`]. Before the first [`Self::sync`].
    pub(crate) fn inherit(&mut self, sockets: BTreeMap<SocketAddr, TcpListener>) {
        self.inherited = sockets;
        self.held = true;
    }

    /// Accepts from now on. Sockets that nobody wanted are let go of: whoever else has them
    /// accepts what waits in them.
    pub(crate) fn open(&mut self) {
        self.held = false;
        self.inherited.clear();
        self.publish();
    }

    /// Every socket that is accepted from, for another process. One whose descriptor cannot be
    /// copied is left out: that address is bound anew when it is free.
    pub(crate) fn copies(&self) -> Vec<(SocketAddr, TcpListener)> {
        let all = self.wanted.iter().filter_map(|(address, wanted)| {
            let (socket, _) = wanted.socket.as_ref().ok()?;
            let copy = socket.try_clone();
            let copy = copy.inspect_err(|error| tracing::warn!(%address, %error, "not copied"));
            Some((*address, copy.ok()?))
        });
        all.collect()
    }

    /// Whether every socket that was let go of is closed: nothing comes from it any more.
    pub(crate) fn are_gone(&self) -> bool {
        self.leaving.values().all(|(socket, _)| socket.strong_count() == 0)
    }

    /// Listens on these addresses and on no other.
    pub(crate) fn sync(&mut self, slots: &BTreeMap<SocketAddr, Arc<Slot>>) {
        if self.closed {
            return;
        }
        let gone = self.wanted.extract_if(.., |address, _| !slots.contains_key(address));
        for (address, wanted) in gone {
            if let Ok((socket, open)) = wanted.socket {
                self.leaving.insert(address, (Arc::downgrade(&socket), open));
            }
        }
        // An address that is free now may be what another one waits for.
        self.publish();
        for (address, slot) in slots {
            let wanted = self.wanted.entry(*address).or_insert_with(|| Wanted {
                slot: slot.clone(),
                socket: Err("not tried yet".to_owned()),
            });
            wanted.slot = slot.clone();
        }
        self.bind_unbound();
        self.publish();
    }

    /// Tries again what could not be bound. Cheap when all is.
    pub(crate) fn retry(&mut self) {
        if self.wanted.values().any(|wanted| wanted.socket.is_err()) && self.bind_unbound() {
            self.publish();
        }
    }

    /// Listens on nothing any more.
    pub(crate) fn close(&mut self) {
        self.sync(&BTreeMap::new());
        self.closed = true;
    }

    /// Which addresses are listened on.
    pub(crate) fn bound(&self) -> Bound {
        let mut all = Bound::default();
        for (address, wanted) in &self.wanted {
            match &wanted.socket {
                Ok((socket, _)) => all.bound.push(socket.local_addr().unwrap_or(*address)),
                Err(cause) => all.unbound.push((*address, cause.clone())),
            }
        }
        all
    }

    /// True when something could be bound.
    fn bind_unbound(&mut self) -> bool {
        self.leaving.retain(|_, (socket, _)| socket.strong_count() > 0);
        let mut any = false;
        for (address, wanted) in &mut self.wanted {
            let Err(before) = &wanted.socket else { continue };
            // A socket that is only being closed is taken back.
            let left = self.leaving.remove(address);
            let socket = match left.and_then(|(socket, open)| Some((socket.upgrade()?, open))) {
                Some(socket) => Ok(socket),
                None => match self.inherited.remove(address) {
                    Some(socket) => Ok(socket),
                    None => bind::bind(*address, self.backlog),
                }
                .map(|socket| (Arc::new(socket), Arc::default()))
                .map_err(|error| error.to_string()),
            };
            match &socket {
                Ok(_) => tracing::info!(%address, "listening"),
                Err(cause) if cause != before => {
                    tracing::warn!(%address, cause, "cannot listen; trying again every second");
                }
                Err(_) => {}
            }
            any |= socket.is_ok();
            wanted.socket = socket;
        }
        any
    }

    fn publish(&self) {
        if self.held {
            return;
        }
        let all = self.wanted.iter().filter_map(|(address, wanted)| {
            let (socket, open) = wanted.socket.as_ref().ok()?.clone();
            let port = socket.local_addr().unwrap_or(*address).port();
            Some((*address, Listening { slot: wanted.slot.clone(), socket, port, open }))
        });
        let all: AllListening = Arc::new(all.collect());
        self.news.send_if_modified(|now| {
            let changed = !same(now, &all);
            *now = all;
            changed
        });
    }
}

fn same(one: &BTreeMap<SocketAddr, Listening>, other: &BTreeMap<SocketAddr, Listening>) -> bool {
    let pairs = one.iter().zip(other);
    one.len() == other.len() && pairs.into_iter().all(|((a, x), (b, y))| a == b && x.is(y))
}

impl Listening {
    /// The same socket for the same tables.
    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.socket, &other.socket) && Arc::ptr_eq(&self.slot, &other.slot)
    }
}

#[cfg(test)]
mod tests;
