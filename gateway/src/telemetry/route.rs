//! What requests tell of a route: rate, errors, duration.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use metrics::{CounterFn, GaugeFn, HistogramFn};

use super::cell::{Buckets, Count, Level, Number};
use super::family::{Family, SECONDS};
use super::owners::{Name, Numbers, Owner, Owners, Series};
use super::retry::{RetryBy, RetryReason};

static REQUESTS: Family = Family::counter(
    "headgate_route_requests_total",
    "Requests that ended, by route and class of the status sent to the client.",
)
.with_total(
    "headgate_requests_total",
    "Requests that ended, by class of the status sent to the client.",
);
static DURATION: Family = Family::histogram(
    "headgate_route_request_duration_seconds",
    "From a request's head to the end of its response, by route.",
    &SECONDS,
)
.with_total(
    "headgate_request_duration_seconds",
    "From a request's head to the end of its response.",
);
static IN_FLIGHT: Family = Family::gauge(
    "headgate_route_requests_in_flight",
    "Requests that have begun and not ended, by route.",
)
.with_total("headgate_requests_in_flight", "Requests that have begun and not ended.");
static RECEIVED: Family = Family::counter(
    "headgate_route_received_bytes_total",
    "Bytes of request bodies taken from clients, by route.",
)
.with_total("headgate_received_bytes_total", "Bytes of request bodies taken from clients.");
static SENT: Family = Family::counter(
    "headgate_route_sent_bytes_total",
    "Bytes of response bodies given to clients, by route.",
)
.with_total("headgate_sent_bytes_total", "Bytes of response bodies given to clients.");
static RETRIES: Family = Family::counter(
    "headgate_route_retries_total",
    "Tries after the first, by route, by what asked for them (the retry law or the route) and by \
     why they were allowed.",
)
.with_total(
    "headgate_retries_total",
    "Tries after the first, by what asked for them (the retry law or the route) and by why they \
     were allowed.",
);

/// Classes of status codes; the first is for requests that ended without one, because the client
/// left before.
const CLASSES: [&str; 6] = [
    "code=\"none\"",
    "code=\"1xx\"",
    "code=\"2xx\"",
    "code=\"3xx\"",
    "code=\"4xx\"",
    "code=\"5xx\"",
];

/// Numbers of one route, or of the requests that no route took. Those that count for one route
/// share them; a route without requests has no series.
#[derive(Debug)]
pub struct RouteMetrics(Owner<RouteNumbers>);

/// What every request writes stands at the beginning, for the fewest lines of cache.
#[derive(Debug)]
#[repr(C)]
pub(super) struct RouteNumbers {
    in_flight: Level,
    sent: Count,
    requests: [Count; CLASSES.len()],
    duration: Buckets,
    received: Count,
    /// Most routes see none.
    retries: OnceLock<Box<Retries>>,
}

type Retries = [[Count; RetryReason::ALL.len()]; RetryBy::ALL.len()];

/// How a request ended.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Finished {
    /// As sent to the client; `None` when it left before one was.
    pub(crate) status: Option<http::StatusCode>,
    /// From its head to the end of the response.
    pub(crate) duration: Duration,
    /// Bytes of its body.
    pub(crate) received: u64,
    /// Bytes of the response's body.
    pub(crate) sent: u64,
}

impl RouteMetrics {
    pub(super) fn new(owners: Arc<Owners<RouteNumbers>>, name: Name) -> Self {
        Self(Owner::new(owners, name))
    }

    /// The route's key as text.
    #[must_use]
    pub fn route(&self) -> &str {
        self.0.name()
    }

    /// A request begins; exactly one [`Self::finish`] follows.
    pub(crate) fn begin(&self) {
        self.0.numbers().in_flight.increment(1.0);
    }

    /// A request that has begun ends.
    pub(crate) fn finish(&self, how: &Finished) {
        let numbers = self.0.numbers();
        numbers.in_flight.decrement(1.0);
        let class = how.status.map_or(0, |status| usize::from(status.as_u16() / 100));
        numbers.requests[class.min(CLASSES.len() - 1)].increment(1);
        numbers.duration.record(how.duration.as_secs_f64());
        if how.received > 0 {
            numbers.received.increment(how.received);
        }
        if how.sent > 0 {
            numbers.sent.increment(how.sent);
        }
    }

    /// A request is tried once more.
    pub(crate) fn retry(&self, by: RetryBy, reason: RetryReason) {
        let retries = self.0.numbers().retries.get_or_init(Box::default);
        retries[by as usize][reason as usize].increment(1);
    }
}

impl Default for RouteNumbers {
    fn default() -> Self {
        Self {
            in_flight: Level::default(),
            sent: Count::default(),
            requests: Default::default(),
            duration: Buckets::new(&SECONDS),
            received: Count::default(),
            retries: OnceLock::new(),
        }
    }
}

impl Numbers for RouteNumbers {
    const OWNER: &'static str = "route";
    const FAMILIES: &'static [&'static Family] =
        &[&REQUESTS, &DURATION, &IN_FLIGHT, &RECEIVED, &SENT, &RETRIES];

    fn list(&self) -> Vec<Series<'_>> {
        let mut list = vec![
            Series::new(&DURATION, "", Number::Histogram(&self.duration)),
            Series::new(&IN_FLIGHT, "", Number::Gauge(&self.in_flight)),
            Series::new(&RECEIVED, "", Number::Counter(&self.received)),
            Series::new(&SENT, "", Number::Counter(&self.sent)),
        ];
        list.extend(Series::counters(&REQUESTS, CLASSES, &self.requests));
        for (by, counts) in
            RetryBy::ALL.iter().zip(self.retries.get().into_iter().flat_map(|all| &**all))
        {
            // A kind of retry that never happened does not show.
            let counts = RetryReason::ALL.iter().zip(counts).filter(|(_, count)| count.get() > 0);
            list.extend(counts.map(|(reason, count)| {
                let own = format!("by=\"{}\",reason=\"{}\"", by.as_str(), reason.as_str());
                Series::new(&RETRIES, own, Number::Counter(count))
            }));
        }
        list
    }
}
