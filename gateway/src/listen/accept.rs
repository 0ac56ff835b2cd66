//! Taking connections from one listening socket, on one thread.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::sleep;

use super::Listening;
use super::ticket::{Counts, Ticket};
use crate::apply::Slot;
use crate::overload::{Level, Overload};
use crate::settings::Limits;

/// A connection that is not served yet.
pub(crate) struct Accepted<S = TcpStream> {
    pub(crate) stream: S,
    /// Who opened it.
    pub(crate) peer: SocketAddr,
    /// Our own port of it.
    pub(crate) port: u16,
    /// Its tables.
    pub(crate) slot: Arc<Slot>,
    /// Counts it.
    pub(crate) ticket: Ticket,
}

/// One that goes to another thread, and is no thread's meanwhile.
pub(crate) type Moving = Accepted<std::net::TcpStream>;

impl Accepted {
    /// Takes it off this thread.
    pub(crate) fn move_to(mut self, thread: usize) -> io::Result<Moving> {
        self.ticket.move_to(thread);
        let Self { stream, peer, port, slot, ticket } = self;
        Ok(Accepted { stream: stream.into_std()?, peer, port, slot, ticket })
    }
}

impl Moving {
    /// Puts it on this thread.
    pub(crate) fn arrive(mut self, thread: usize) -> io::Result<Accepted> {
        self.ticket.move_to(thread);
        let Self { stream, peer, port, slot, ticket } = self;
        Ok(Accepted { stream: TcpStream::from_std(stream)?, peer, port, slot, ticket })
    }
}

/// What a thread that accepts goes by.
pub(crate) struct Acceptor {
    counts: Arc<Counts>,
    thread: usize,
    /// Connections in one go.
    burst: usize,
    /// Rest when resources have run out.
    pause: Duration,
    overload: Overload,
}

impl Acceptor {
    /// An acceptor of this thread. It rests while memory is full.
    pub(crate) fn new(
        counts: Arc<Counts>,
        thread: usize,
        limits: &Limits,
        overload: Overload,
    ) -> Self {
        Self { counts, thread, burst: limits.accept_burst, pause: limits.accept_pause, overload }
    }

    /// Gives each connection to `deliver`, until the sender of `hold` is dropped; then once more
    /// all that wait in the socket.
    pub(crate) async fn run(
        self,
        listening: Listening,
        mut hold: watch::Receiver<()>,
        deliver: impl Fn(Accepted),
    ) {
        let address = listening.slot.address;
        // A descriptor of our own: a runtime takes each once, and this one may come back while it
        // is being let go of.
        let socket = match listening.socket.try_clone().and_then(TcpListener::from_std) {
            Ok(socket) => socket,
            Err(error) => return tracing::error!(%address, %error, "this thread cannot accept"),
        };
        let mut paused = false;
        loop {
            while self.overload.level() == Level::Full && hold.has_changed().is_ok() {
                sleep(self.pause).await;
            }
            // Accepting loses nothing when it is dropped.
            let accepted = tokio::select! {
                biased;
                _ = hold.changed() => break,
                accepted = socket.accept() => accepted,
            };
            let mut end = self.take(&listening, accepted, &deliver);
            for _ in 1..self.burst {
                let Some(accepted) = socket.accept().now_or_never() else { break };
                end = end.and(self.take(&listening, accepted, &deliver));
            }
            match end {
                Ok(()) => {
                    paused = false;
                    tokio::task::yield_now().await;
                }
                Err(error) => {
                    if !std::mem::replace(&mut paused, true) {
                        tracing::warn!(%address, %error, "accepting pauses");
                    }
                    sleep(self.pause).await;
                }
            }
        }
        drop(socket);
        loop {
            match accept_now(&listening.socket) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                accepted => {
                    if self.take(&listening, accepted, &deliver).is_err() {
                        sleep(self.pause).await;
                    }
                }
            }
        }
    }

    /// Counts and delivers one. An error is ours: files or memory have run out.
    fn take(
        &self,
        listening: &Listening,
        accepted: io::Result<(TcpStream, SocketAddr)>,
        deliver: &impl Fn(Accepted),
    ) -> io::Result<()> {
        match accepted {
            Ok((stream, peer)) => {
                let client = peer.ip();
                let ticket = Ticket::take(&self.counts, &listening.open, client, self.thread);
                if let Some(ticket) = ticket {
                    // A dual-stack socket shows IPv4 clients as ::ffff:a.b.c.d; nobody else does.
                    let peer = SocketAddr::new(peer.ip().to_canonical(), peer.port());
                    let (port, slot) = (listening.port, listening.slot.clone());
                    deliver(Accepted { stream, peer, port, slot, ticket });
                }
                Ok(())
            }
            Err(error) if is_the_connections(error.kind()) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

/// Asks the kernel itself: the runtime may not have heard yet of what came last.
fn accept_now(socket: &std::net::TcpListener) -> io::Result<(TcpStream, SocketAddr)> {
    let (stream, peer) = socket.accept()?;
    stream.set_nonblocking(true)?;
    Ok((TcpStream::from_std(stream)?, peer))
}

/// Whether a failure to accept is the client's or the network's doing (accept(2)): that connection
/// is no more, the next one may be good.
fn is_the_connections(error: ErrorKind) -> bool {
    matches!(
        error,
        ErrorKind::ConnectionAborted
            | ErrorKind::ConnectionReset
            | ErrorKind::Interrupted
            | ErrorKind::PermissionDenied
            | ErrorKind::NetworkDown
            | ErrorKind::NetworkUnreachable
            | ErrorKind::HostUnreachable
            | ErrorKind::TimedOut
    )
}
