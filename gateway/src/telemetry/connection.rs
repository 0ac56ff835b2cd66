//! What connections from clients tell: how many, how they end, what was refused at the door.

use std::sync::Arc;
use std::time::Duration;

use metrics::{Counter, Gauge, Histogram};

use super::family::{Family, SECONDS};
use super::registry::Registry;

static ACCEPTED: Family =
    Family::counter("headgate_connections_total", "Connections taken from clients.");
static OPEN: Family = Family::gauge("headgate_connections", "Open connections from clients.");
static REFUSED: Family = Family::counter(
    "headgate_connections_refused_total",
    "Connections from clients that were closed before or instead of serving them, by reason.",
);
static HANDSHAKES: Family =
    Family::counter("headgate_tls_handshakes_total", "TLS handshakes with clients, by result.");
static HANDSHAKE: Family = Family::histogram(
    "headgate_tls_handshake_seconds",
    "Time that TLS handshakes with clients took which succeeded.",
    &SECONDS,
);
static REQUESTS_REFUSED: Family = Family::counter(
    "headgate_requests_refused_total",
    "Requests refused for what they are, before any route was asked, by reason.",
);
static TUNNELS: Family =
    Family::gauge("headgate_tunnels", "Open upgraded connections (WebSocket).");

/// Numbers of all connections from clients; one per worker or one for all, they add up.
#[derive(Debug)]
pub struct ConnectionMetrics {
    process: Arc<Registry>,
    accepted: Counter,
    open: Gauge,
    handshakes_done: Counter,
    handshakes_failed: Counter,
    handshake: Histogram,
    tunnels: Gauge,
}

impl ConnectionMetrics {
    pub(super) fn new(process: Arc<Registry>) -> Self {
        Self {
            accepted: process.counter(&ACCEPTED, ""),
            open: process.gauge(&OPEN, ""),
            handshakes_done: process.counter(&HANDSHAKES, "result=\"done\""),
            handshakes_failed: process.counter(&HANDSHAKES, "result=\"failed\""),
            handshake: process.histogram(&HANDSHAKE),
            tunnels: process.gauge(&TUNNELS, ""),
            process,
        }
    }

    /// A connection was taken; exactly one [`Self::closed`] follows.
    pub(crate) fn accepted(&self) {
        self.accepted.increment(1);
        self.open.increment(1.0);
    }

    /// A connection that was taken is gone.
    pub(crate) fn closed(&self) {
        self.open.decrement(1.0);
    }

    /// A TLS handshake succeeded.
    pub(crate) fn handshake_done(&self, took: Duration) {
        self.handshakes_done.increment(1);
        self.handshake.record(took);
    }

    /// A TLS handshake failed or took too long.
    pub(crate) fn handshake_failed(&self) {
        self.handshakes_failed.increment(1);
    }

    /// An upgraded connection begins; exactly one [`Self::tunnel_ends`] follows.
    pub(crate) fn tunnel_begins(&self) {
        self.tunnels.increment(1.0);
    }

    /// An upgraded connection is over.
    pub(crate) fn tunnel_ends(&self) {
        self.tunnels.decrement(1.0);
    }

    /// The counter of connections refused for this reason, a word of ours such as `limit`. Looked
    /// up: make it once where it may be used often.
    pub(crate) fn refused(&self, reason: &'static str) -> Counter {
        self.process.counter(&REFUSED, format!("reason=\"{reason}\""))
    }

    /// The counter of requests refused for this reason, a word of ours such as `bare_lf`. Looked
    /// up: make it once where it may be used often.
    pub(crate) fn request_refused(&self, reason: &'static str) -> Counter {
        self.process.counter(&REQUESTS_REFUSED, format!("reason=\"{reason}\""))
    }
}
