//! What tries tell of a backend: rate, errors, duration, connections, waits.

use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use metrics::{Counter, Gauge, Histogram};

use super::family::{Family, SECONDS};
use super::owner::Owner;
use crate::endpoint::Kind;

static TRIES: Family = Family::counter(
    "headgate_backend_tries_total",
    "Tries that a backend answered, by backend and class of its status.",
)
.with_total("headgate_tries_total", "Tries that backends answered, by class of their status.");
static FAILURES: Family = Family::counter(
    "headgate_backend_failures_total",
    "Tries that ended without a whole response, by backend and by what went wrong.",
)
.with_total(
    "headgate_try_failures_total",
    "Tries that ended without a whole response, by what went wrong.",
);
static RESPONSE: Family = Family::histogram(
    "headgate_backend_response_seconds",
    "From the choice of an endpoint to the head of its response, by backend.",
    SECONDS,
)
.with_total(
    "headgate_response_seconds",
    "From the choice of an endpoint to the head of its response.",
);
static IN_FLIGHT: Family = Family::gauge(
    "headgate_backend_requests_in_flight",
    "Requests and streams that a backend has begun and not ended, by backend.",
);
static CONNECTIONS: Family = Family::gauge(
    "headgate_backend_connections",
    "Open connections to a backend, by backend and whether a request uses them.",
)
.with_total(
    "headgate_upstream_connections",
    "Open connections to backends, by whether a request uses them.",
);
static OPENED: Family = Family::counter(
    "headgate_backend_connections_opened_total",
    "Connections opened to a backend, by backend.",
)
.with_total("headgate_upstream_connections_opened_total", "Connections opened to backends.");
static CONNECT: Family = Family::histogram(
    "headgate_backend_connect_seconds",
    "Time to open a connection, TLS included, by backend.",
    SECONDS,
);
static ENDPOINTS: Family =
    Family::gauge("headgate_backend_endpoints", "Endpoints of a backend, by backend and state.");
static WAITING: Family = Family::gauge(
    "headgate_backend_waiting",
    "Requests that wait for an endpoint or a connection, by backend.",
);
static NO_ENDPOINT: Family = Family::counter(
    "headgate_backend_no_endpoint_total",
    "Requests refused because no endpoint came in time, by backend.",
)
.with_total("headgate_no_endpoint_total", "Requests refused because no endpoint came in time.");

static CUT: Family = Family::counter(
    "headgate_backend_drain_cut_total",
    "What ran on a drained endpoint until the drain's deadline and was cut, by backend and kind.",
)
.with_total(
    "headgate_drain_cut_total",
    "What ran on a drained endpoint until the drain's deadline and was cut, by kind.",
);

const CLASSES: [&str; 5] =
    ["code=\"1xx\"", "code=\"2xx\"", "code=\"3xx\"", "code=\"4xx\"", "code=\"5xx\""];

/// Numbers of one backend. All holders of one backend share them; a backend that was never tried
/// has no series.
#[derive(Debug)]
pub struct BackendMetrics {
    owner: Owner,
    handles: OnceLock<Handles>,
    /// What `endpoints` said last, for the series when they are made.
    counts: Mutex<EndpointCounts>,
}

#[derive(Debug)]
struct Handles {
    tries: [Counter; CLASSES.len()],
    failures: [Counter; TryFailure::ALL.len()],
    response: Histogram,
    in_flight: Gauge,
    idle: Gauge,
    busy: Gauge,
    opened: Counter,
    connect: Histogram,
    endpoints: [Gauge; 4],
    waiting: Gauge,
    no_endpoint: Counter,
    cut: [Counter; 3],
}

/// What went wrong with one try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TryFailure {
    /// No connection: refused, unreachable, or too slow to open.
    Connect,
    /// TLS to the endpoint failed: name, chain or protocol.
    Tls,
    /// The connection ended before the head of a response.
    Reset,
    /// The endpoint said that it did not process the request.
    Unprocessed,
    /// A wait for the endpoint ran out.
    Timeout,
    /// What came back is no response.
    Protocol,
    /// The response's body ended early.
    Truncated,
    /// A mirror that did not keep up with the request that it copies.
    Abandoned,
}

/// How many endpoints there are, by state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct EndpointCounts {
    /// Take requests.
    pub(crate) ready: usize,
    /// Take requests only where none is ready.
    pub(crate) draining: usize,
    /// Take none.
    pub(crate) not_ready: usize,
    /// Take requests although they are missing.
    pub(crate) held: usize,
}

impl TryFailure {
    const ALL: [Self; 8] = [
        Self::Connect,
        Self::Tls,
        Self::Reset,
        Self::Unprocessed,
        Self::Timeout,
        Self::Protocol,
        Self::Truncated,
        Self::Abandoned,
    ];

    fn label(self) -> &'static str {
        match self {
            Self::Connect => "cause=\"connect\"",
            Self::Tls => "cause=\"tls\"",
            Self::Reset => "cause=\"reset\"",
            Self::Unprocessed => "cause=\"unprocessed\"",
            Self::Timeout => "cause=\"timeout\"",
            Self::Protocol => "cause=\"protocol\"",
            Self::Truncated => "cause=\"truncated\"",
            Self::Abandoned => "cause=\"abandoned\"",
        }
    }
}

impl BackendMetrics {
    pub(super) fn new(owner: Owner) -> Self {
        Self { owner, handles: OnceLock::new(), counts: Mutex::default() }
    }

    /// A try was given to an endpoint; exactly one [`Self::end`] follows.
    pub(crate) fn begin(&self) {
        self.handles().in_flight.increment(1.0);
    }

    /// A try that has begun is over: the response has ended, or the try failed.
    pub(crate) fn end(&self) {
        self.handles().in_flight.decrement(1.0);
    }

    /// The head of a response came, this long after the endpoint was chosen.
    pub(crate) fn answered(&self, status: http::StatusCode, after: Duration) {
        let class = usize::from(status.as_u16() / 100).clamp(1, CLASSES.len()) - 1;
        self.handles().tries[class].increment(1);
        self.handles().response.record(after);
    }

    /// A try failed.
    pub(crate) fn failed(&self, how: TryFailure) {
        self.handles().failures[how as usize].increment(1);
    }

    /// A connection was opened, in this time, TLS included.
    pub(crate) fn opened(&self, took: Duration) {
        self.handles().opened.increment(1);
        self.handles().connect.record(took);
    }

    /// So many more connections are idle and busy than were when this was last said; less than
    /// zero for fewer. For pools, which count by themselves and tell once a second: two gauges of
    /// all threads would cost every request more than the pool does.
    pub(crate) fn connections(&self, idle: isize, busy: isize) {
        self.handles().idle.increment(idle as f64);
        self.handles().busy.increment(busy as f64);
    }

    /// So many endpoints there are now. Makes no series for a backend that was never tried.
    pub(crate) fn endpoints(&self, counts: EndpointCounts) {
        let mut last = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        *last = counts;
        if let Some(handles) = self.handles.get() {
            handles.set_endpoints(counts);
        }
    }

    /// A request begins to wait for an endpoint or a connection.
    pub(crate) fn wait_begins(&self) {
        self.handles().waiting.increment(1.0);
    }

    /// A wait is over, whatever came of it.
    pub(crate) fn wait_ends(&self) {
        self.handles().waiting.decrement(1.0);
    }

    /// A request was refused because no endpoint came in time, or too many wait for one.
    pub(crate) fn no_endpoint(&self) {
        self.handles().no_endpoint.increment(1);
    }

    /// A drain cut one of these.
    pub(crate) fn cut(&self, kind: Kind) {
        self.handles().cut[kind as usize].increment(1);
    }

    fn handles(&self) -> &Handles {
        if let Some(handles) = self.handles.get() {
            return handles;
        }
        // Held until the series are there, so that no count is told to nobody.
        let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let handles = self.handles.get_or_init(|| self.make());
        handles.set_endpoints(*counts);
        handles
    }

    fn make(&self) -> Handles {
        let owner = &self.owner;
        Handles {
            tries: CLASSES.map(|class| owner.counter(&TRIES, class)),
            failures: TryFailure::ALL.map(|how| owner.counter(&FAILURES, how.label())),
            response: owner.histogram(&RESPONSE),
            in_flight: owner.gauge(&IN_FLIGHT, ""),
            idle: owner.gauge(&CONNECTIONS, "state=\"idle\""),
            busy: owner.gauge(&CONNECTIONS, "state=\"busy\""),
            opened: owner.counter(&OPENED, ""),
            connect: owner.histogram(&CONNECT),
            endpoints: ["ready", "draining", "not_ready", "held"]
                .map(|state| owner.gauge(&ENDPOINTS, format!("state=\"{state}\""))),
            waiting: owner.gauge(&WAITING, ""),
            no_endpoint: owner.counter(&NO_ENDPOINT, ""),
            cut: ["request", "stream", "tunnel"]
                .map(|kind| owner.counter(&CUT, format!("kind=\"{kind}\""))),
        }
    }
}

impl Handles {
    fn set_endpoints(&self, counts: EndpointCounts) {
        let [ready, draining, not_ready, held] = &self.endpoints;
        ready.set(counts.ready as f64);
        draining.set(counts.draining as f64);
        not_ready.set(counts.not_ready as f64);
        held.set(counts.held as f64);
    }
}
