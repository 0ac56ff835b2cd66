//! What requests tell of a route: rate, errors, duration.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use metrics::{Counter, Gauge, Histogram};
use snapshot::RouteKey;

use super::family::{Family, SECONDS};
use super::owner::Owner;
use super::registry::Registry;
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
    SECONDS,
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
pub struct RouteMetrics {
    registry: Arc<Registry>,
    /// `None` for requests that no route took.
    route: Option<RouteKey>,
    handles: OnceLock<Box<Handles>>,
}

#[derive(Debug)]
struct Handles {
    owner: Owner,
    requests: [Counter; CLASSES.len()],
    duration: Histogram,
    in_flight: Gauge,
    received: Counter,
    sent: Counter,
    /// Made by the first one of each kind: most routes see none, or one.
    retries: [[OnceLock<Counter>; RetryReason::ALL.len()]; RetryBy::ALL.len()],
}

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
    pub(super) fn new(registry: Arc<Registry>, route: Option<RouteKey>) -> Self {
        Self { registry, route, handles: OnceLock::new() }
    }

    /// A request begins; exactly one [`Self::finish`] follows.
    pub(crate) fn begin(&self) {
        self.handles().in_flight.increment(1.0);
    }

    /// A request that has begun ends.
    pub(crate) fn finish(&self, how: &Finished) {
        let handles = self.handles();
        handles.in_flight.decrement(1.0);
        let class = how.status.map_or(0, |status| usize::from(status.as_u16() / 100));
        handles.requests[class.min(CLASSES.len() - 1)].increment(1);
        handles.duration.record(how.duration);
        if how.received > 0 {
            handles.received.increment(how.received);
        }
        if how.sent > 0 {
            handles.sent.increment(how.sent);
        }
    }

    /// A request is tried once more.
    pub(crate) fn retry(&self, by: RetryBy, reason: RetryReason) {
        let handles = self.handles();
        let counter = &handles.retries[by as usize][reason as usize];
        let label = || format!("by=\"{}\",reason=\"{}\"", by.as_str(), reason.as_str());
        counter.get_or_init(|| handles.owner.counter(&RETRIES, label())).increment(1);
    }

    /// Made by the first request, so that idle routes cost neither memory nor lines in a scrape.
    fn handles(&self) -> &Handles {
        self.handles.get_or_init(|| {
            let registry = self.registry.clone();
            let owner = match &self.route {
                Some(route) => Owner::new(registry, "route", &route.to_string()),
                None => Owner::process(registry),
            };
            Box::new(Handles {
                requests: CLASSES.map(|class| owner.counter(&REQUESTS, class)),
                duration: owner.histogram(&DURATION),
                in_flight: owner.gauge(&IN_FLIGHT, ""),
                received: owner.counter(&RECEIVED, ""),
                sent: owner.counter(&SENT, ""),
                retries: Default::default(),
                owner,
            })
        })
    }
}
