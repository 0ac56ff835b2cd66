//! What tries tell of a backend: rate, errors, duration, connections, waits.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use metrics::{CounterFn, GaugeFn, HistogramFn};

use super::cell::{Buckets, Count, Level, Number};
use super::family::{Family, SECONDS};
use super::owners::{Numbers, Owner, Owners, Series};
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
    &SECONDS,
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
    &SECONDS,
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

const STATES: [&str; 4] =
    ["state=\"ready\"", "state=\"draining\"", "state=\"not_ready\"", "state=\"held\""];
const KINDS: [&str; 3] = ["kind=\"request\"", "kind=\"stream\"", "kind=\"tunnel\""];

/// Numbers of one backend. All holders of one backend share them; a backend that was never tried
/// has no series.
#[derive(Debug)]
pub struct BackendMetrics {
    owner: Owner<BackendNumbers>,
    /// What `endpoints` said last, for the series when they are made.
    counts: Mutex<EndpointCounts>,
}

/// What every try writes stands at the beginning, for the fewest lines of cache.
#[derive(Debug)]
#[repr(C)]
pub(super) struct BackendNumbers {
    in_flight: Level,
    tries: [Count; CLASSES.len()],
    response: Buckets,
    failures: [Count; TryFailure::ALL.len()],
    idle: Level,
    busy: Level,
    opened: Count,
    connect: Buckets,
    endpoints: [Level; STATES.len()],
    waiting: Level,
    no_endpoint: Count,
    cut: [Count; KINDS.len()],
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
    pub(super) fn new(owners: Arc<Owners<BackendNumbers>>, name: Arc<str>) -> Self {
        Self { owner: Owner::new(owners, Some(name)), counts: Mutex::default() }
    }

    /// The backend's key as text.
    #[must_use]
    pub fn backend(&self) -> &str {
        self.owner.name()
    }

    /// A try was given to an endpoint; exactly one [`Self::end`] follows.
    pub(crate) fn begin(&self) {
        self.numbers().in_flight.increment(1.0);
    }

    /// A try that has begun is over: the response has ended, or the try failed.
    pub(crate) fn end(&self) {
        self.numbers().in_flight.decrement(1.0);
    }

    /// The head of a response came, this long after the endpoint was chosen.
    pub(crate) fn answered(&self, status: http::StatusCode, after: Duration) {
        let class = usize::from(status.as_u16() / 100).clamp(1, CLASSES.len()) - 1;
        self.numbers().tries[class].increment(1);
        self.numbers().response.record(after.as_secs_f64());
    }

    /// A try failed.
    pub(crate) fn failed(&self, how: TryFailure) {
        self.numbers().failures[how as usize].increment(1);
    }

    /// A connection was opened, in this time, TLS included.
    pub(crate) fn opened(&self, took: Duration) {
        self.numbers().opened.increment(1);
        self.numbers().connect.record(took.as_secs_f64());
    }

    /// So many more connections are idle and busy than were when this was last said; less than
    /// zero for fewer. For pools, which count by themselves and tell once a second: two gauges of
    /// all threads would cost every request more than the pool does.
    pub(crate) fn connections(&self, idle: isize, busy: isize) {
        self.numbers().idle.increment(idle as f64);
        self.numbers().busy.increment(busy as f64);
    }

    /// So many endpoints there are now. Makes no series for a backend that was never tried.
    pub(crate) fn endpoints(&self, counts: EndpointCounts) {
        let mut last = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        *last = counts;
        if let Some(numbers) = self.owner.made() {
            numbers.set_endpoints(counts);
        }
    }

    /// A request begins to wait for an endpoint or a connection.
    pub(crate) fn wait_begins(&self) {
        self.numbers().waiting.increment(1.0);
    }

    /// A wait is over, whatever came of it.
    pub(crate) fn wait_ends(&self) {
        self.numbers().waiting.decrement(1.0);
    }

    /// A request was refused because no endpoint came in time, or too many wait for one.
    pub(crate) fn no_endpoint(&self) {
        self.numbers().no_endpoint.increment(1);
    }

    /// A drain cut one of these.
    pub(crate) fn cut(&self, kind: Kind) {
        self.numbers().cut[kind as usize].increment(1);
    }

    fn numbers(&self) -> &BackendNumbers {
        if let Some(numbers) = self.owner.made() {
            return numbers;
        }
        // Held until the series are there, so that no count is told to nobody.
        let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let numbers = self.owner.numbers();
        numbers.set_endpoints(*counts);
        numbers
    }
}

impl BackendNumbers {
    fn set_endpoints(&self, counts: EndpointCounts) {
        let [ready, draining, not_ready, held] = &self.endpoints;
        ready.set(counts.ready as f64);
        draining.set(counts.draining as f64);
        not_ready.set(counts.not_ready as f64);
        held.set(counts.held as f64);
    }
}

impl Default for BackendNumbers {
    fn default() -> Self {
        Self {
            in_flight: Level::default(),
            tries: Default::default(),
            response: Buckets::new(&SECONDS),
            failures: Default::default(),
            idle: Level::default(),
            busy: Level::default(),
            opened: Count::default(),
            connect: Buckets::new(&SECONDS),
            endpoints: Default::default(),
            waiting: Level::default(),
            no_endpoint: Count::default(),
            cut: Default::default(),
        }
    }
}

impl Numbers for BackendNumbers {
    const OWNER: &'static str = "backend";
    const FAMILIES: &'static [&'static Family] = &[
        &TRIES,
        &FAILURES,
        &RESPONSE,
        &IN_FLIGHT,
        &CONNECTIONS,
        &OPENED,
        &CONNECT,
        &ENDPOINTS,
        &WAITING,
        &NO_ENDPOINT,
        &CUT,
    ];

    fn list(&self) -> Vec<Series<'_>> {
        let mut list = vec![
            Series::new(&RESPONSE, "", Number::Histogram(&self.response)),
            Series::new(&IN_FLIGHT, "", Number::Gauge(&self.in_flight)),
            Series::new(&CONNECTIONS, "state=\"busy\"", Number::Gauge(&self.busy)),
            Series::new(&CONNECTIONS, "state=\"idle\"", Number::Gauge(&self.idle)),
            Series::new(&OPENED, "", Number::Counter(&self.opened)),
            Series::new(&CONNECT, "", Number::Histogram(&self.connect)),
            Series::new(&WAITING, "", Number::Gauge(&self.waiting)),
            Series::new(&NO_ENDPOINT, "", Number::Counter(&self.no_endpoint)),
        ];
        let causes = TryFailure::ALL.map(TryFailure::label);
        list.extend(Series::counters(&TRIES, CLASSES, &self.tries));
        list.extend(Series::counters(&FAILURES, causes, &self.failures));
        list.extend(Series::counters(&CUT, KINDS, &self.cut));
        let endpoints = STATES.into_iter().zip(&self.endpoints);
        list.extend(
            endpoints.map(|(own, level)| Series::new(&ENDPOINTS, own, Number::Gauge(level))),
        );
        list
    }
}
