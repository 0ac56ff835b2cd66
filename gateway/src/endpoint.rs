//! One address of a backend: in-flight count, health, draining; shared by all threads.
//!
//! Promises: an [`Endpoint`] is the same object for all routes, backends and threads and over every
//! swap, as long as address, port and pod stay the same; the count is exact however a request
//! ends. Which endpoint takes a request is left to `backend`, connections to `pool`.

mod gauge;
mod kind;
mod quarantine;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use snapshot::ByKind;

use self::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use self::gauge::Gauge;
pub(crate) use self::kind::Kind;
use self::kind::Kinds;
use self::quarantine::Quarantine;

/// What `gauge` counts with; the model in the tests has its own.
mod atomic {
    pub(super) use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
}

/// One address of one pod.
#[derive(Debug)]
pub(crate) struct Endpoint {
    id: u64,
    address: SocketAddr,
    gauge: Gauge,
    kinds: Kinds,
    quarantine: Quarantine,
    retired: AtomicBool,
    /// See [`Self::contest`].
    contested: AtomicBool,
    /// Since when it takes requests, in nanoseconds of the clock of [`quarantine`]; 0 while not.
    serving: AtomicU64,
    connections: AtomicUsize,
}

impl Endpoint {
    /// An endpoint with nothing in flight. Whoever makes it sees to it that there is one only.
    pub(crate) fn new(address: SocketAddr) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Self {
            id: NEXT.fetch_add(1, Ordering::Relaxed),
            address,
            gauge: Gauge::new(),
            kinds: Kinds::default(),
            quarantine: Quarantine::default(),
            retired: AtomicBool::new(false),
            contested: AtomicBool::new(false),
            serving: AtomicU64::new(0),
            connections: AtomicUsize::new(0),
        }
    }

    /// Unique in this process, never used again.
    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    /// Address and the pod's own port.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Counts a request in, unless the endpoint drains.
    pub(crate) fn enter(self: &Arc<Self>) -> Option<InFlight> {
        self.gauge.enter().then(|| InFlight { endpoint: Arc::clone(self), kind: Kind::Request })
    }

    /// About how many requests, streams and tunnels it has now.
    pub(crate) fn in_flight(&self) -> usize {
        self.gauge.in_flight()
    }

    /// Takes nothing new from now on. What is in flight goes on, but for the kinds that are to be
    /// cut. True when a kind is that was not before: whoever has one must look.
    pub(crate) fn drain(&self, cut: ByKind<bool>) -> bool {
        self.gauge.drain();
        self.kinds.cut(cut)
    }

    /// Undoes a drain.
    pub(crate) fn resume(&self) {
        self.kinds.cut(ByKind::default());
        self.gauge.resume();
    }

    /// What is in flight. After a drain, ask until it is zero: then it stays zero.
    pub(crate) fn left(&self) -> ByKind<usize> {
        self.kinds.divide(self.gauge.settled())
    }

    /// Whether what is in flight of this kind is to be cut.
    pub(crate) fn is_cut(&self, kind: Kind) -> bool {
        self.kinds.is_cut(kind)
    }

    /// Whether a drain keeps requests out.
    pub(crate) fn is_draining(&self) -> bool {
        self.gauge.is_draining()
    }

    /// Says whether requests still come here. Connections to a retired endpoint are not kept for
    /// later. True when this is news.
    pub(crate) fn set_retired(&self, retired: bool) -> bool {
        // Nearly always as it was, which a look tells for less.
        self.retired.load(Ordering::Relaxed) != retired
            && self.retired.swap(retired, Ordering::Relaxed) != retired
    }

    /// Whether it takes nothing new: because another one does, it left, or it drains.
    pub(crate) fn is_retired(&self) -> bool {
        self.retired.load(Ordering::Relaxed) || self.is_draining()
    }

    /// Another endpoint was made for its address: it may be another pod's by now.
    pub(crate) fn contest(&self) {
        self.contested.store(true, Ordering::Relaxed);
    }

    /// Whether it ever was contested.
    pub(crate) fn is_contested(&self) -> bool {
        self.contested.load(Ordering::Relaxed)
    }

    /// Says whether it takes requests from `now` on, if it did not before.
    pub(crate) fn set_serving(&self, serving: bool, now: Instant) {
        if serving != (self.serving.load(Ordering::Relaxed) != 0) {
            let since = if serving { quarantine::clock(now) } else { 0 };
            self.serving.store(since, Ordering::Relaxed);
        }
    }

    /// How long it has taken requests; `None` while it takes none.
    pub(crate) fn serving_for(&self, now: Instant) -> Option<Duration> {
        match self.serving.load(Ordering::Relaxed) {
            0 => None,
            since => Some(Duration::from_nanos(quarantine::clock(now).saturating_sub(since))),
        }
    }

    /// Could not be contacted: pauses for `first`, twice that the next time, `longest` at most.
    pub(crate) fn failed(&self, now: Instant, first: Duration, longest: Duration) {
        self.quarantine.failed(now, first, longest);
    }

    /// Was contacted: no pause any more.
    pub(crate) fn contacted(&self) {
        self.quarantine.contacted();
    }

    /// What is left of its pause.
    pub(crate) fn pause(&self, now: Instant) -> Option<Duration> {
        self.quarantine.left(now)
    }

    /// Whether it may have a pause, for callers that would have to look at the clock.
    pub(crate) fn may_pause(&self) -> bool {
        self.quarantine.is_marked()
    }

    /// Contacts that failed in a row.
    pub(crate) fn failures(&self) -> u32 {
        self.quarantine.failures()
    }

    /// Connections open to it, on all threads.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }

    /// Counts a connection that was opened; dropped, it counts as closed.
    pub(crate) fn connection(self: &Arc<Self>) -> OpenConnection {
        self.connections.fetch_add(1, Ordering::Relaxed);
        OpenConnection(Arc::clone(self))
    }
}

/// What is counted in at an endpoint, and counted out on drop.
#[derive(Debug)]
pub(crate) struct InFlight {
    endpoint: Arc<Endpoint>,
    kind: Kind,
}

impl InFlight {
    /// Where it is counted.
    pub(crate) fn endpoint(&self) -> &Arc<Endpoint> {
        &self.endpoint
    }

    /// As what it is counted. A request until somebody knows better.
    pub(crate) fn kind(&self) -> Kind {
        self.kind
    }

    /// Counts it as this from now on.
    pub(crate) fn turn_into(&mut self, kind: Kind) {
        self.endpoint.kinds.turn(self.kind, kind);
        self.kind = kind;
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.endpoint.kinds.turn(self.kind, Kind::Request);
        self.endpoint.gauge.leave();
    }
}

/// A connection that is counted at an endpoint until dropped.
#[derive(Debug)]
pub(crate) struct OpenConnection(Arc<Endpoint>);

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.0.connections.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod modelled;
#[cfg(test)]
mod tests;
