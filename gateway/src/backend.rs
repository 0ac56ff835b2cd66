//! Backends as routes hold them: shared, swapped in place, alive across tables.
//!
//! A table holds an `Arc<Backend>` and never learns of a change: policies and endpoints are swapped
//! inside it, each with one pointer, and the next pick sees them.
//!
//! Promises: which endpoint takes a request follows lossless rule 1 to 3 (ready; else draining;
//! else wait); nothing waits without a bound in time and number; a request that was picked for is
//! counted at its endpoint until its guard is dropped. Sending is left to `pool`, trying again to
//! `forward`.

mod budget;
mod config;
mod drained;
mod floor;
mod live;
mod registry;
mod retired;
mod set;
mod view;

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use arc_swap::{ArcSwap, ArcSwapOption};
use snapshot::BackendKey;
use tokio::sync::Notify;
use tokio::time::timeout_at;

use self::budget::Budget;
pub(crate) use self::config::BackendConfig;
use self::floor::Floor;
pub(crate) use self::registry::Backends;
pub(crate) use self::retired::{Mailbox, Retired};
use self::set::{Care, EndpointSet, Wish};
pub use self::view::{BackendView, EndpointView};
use crate::endpoint::{Endpoint, InFlight, Kind};
use crate::settings::Settings;
use crate::telemetry::BackendMetrics;

/// Longest wait for news when all that a request met are gone. An EndpointSlice is seldom later
/// than this after its pod, and a container is often back by then; a client can wait so long.
const NEWS_WAIT: Duration = Duration::from_secs(1);

/// One service port, as routes hold it.
pub(crate) struct Backend {
    key: BackendKey,
    settings: Arc<Settings>,
    config: ArcSwapOption<BackendConfig>,
    set: ArcSwap<EndpointSet>,
    /// What `set` was made from. Locked by whoever makes the next one.
    floor: Mutex<Floor>,
    budget: Budget,
    metrics: Arc<BackendMetrics>,
    /// Requests that wait for an endpoint; never more than `no_endpoint_waiting`.
    waiting: AtomicUsize,
    /// The config or the set was swapped.
    news: Notify,
}

impl Backend {
    fn new(key: BackendKey, settings: Arc<Settings>, metrics: BackendMetrics) -> Self {
        Self {
            settings,
            config: ArcSwapOption::empty(),
            set: ArcSwap::from_pointee(EndpointSet::default()),
            floor: Mutex::default(),
            budget: Budget::new(Instant::now()),
            metrics: Arc::new(metrics),
            waiting: AtomicUsize::new(0),
            news: Notify::new(),
            key,
        }
    }

    /// Which one.
    pub(crate) fn key(&self) -> &BackendKey {
        &self.key
    }

    /// The key as text, for the log.
    pub(crate) fn label(&self) -> &str {
        self.metrics.backend()
    }

    /// Its numbers.
    pub(crate) fn metrics(&self) -> &BackendMetrics {
        &self.metrics
    }

    /// A panic while it was locked leaves a floor that the next listing sets right.
    fn floor(&self) -> MutexGuard<'_, Floor> {
        self.floor.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_set(&self) -> bool {
        self.config.load().is_some() || !self.set.load().members().is_empty()
    }

    /// Chooses the endpoint for one try and counts it in: a ready one; else one that drains yet
    /// serves; else whichever comes within `no_endpoint_wait`, but not after `deadline`.
    ///
    /// `avoid` are the endpoints of this request's earlier tries: another one is taken as long as
    /// one can be contacted. Where those tried are gone and the others may be as well, it waits a
    /// little for the news of it. `prefer` is where the session lives: that endpoint takes the
    /// request as long as it takes any.
    ///
    /// Cancel safe: a dropped future counts nothing.
    pub(crate) async fn pick(
        &self,
        avoid: &[Arc<Endpoint>],
        prefer: Option<SocketAddr>,
        deadline: Option<Instant>,
    ) -> Result<Picked, NoEndpoint> {
        match self.choose(avoid, prefer)? {
            Some(picked) => Ok(picked),
            None => self.wait(avoid, prefer, deadline).await,
        }
    }

    /// Chooses if that can be done at once.
    fn choose(
        &self,
        avoid: &[Arc<Endpoint>],
        prefer: Option<SocketAddr>,
    ) -> Result<Option<Picked>, NoEndpoint> {
        let config = self.usable_config()?;
        let set = self.set.load();
        let cares: &[_] = match avoid {
            [] => &[Care::First],
            _ if set.looks_gone(avoid) => return Ok(None),
            _ => &[Care::Contacted, Care::Again],
        };
        let wish = |care: &Care| Wish { avoid, prefer, care: *care };
        let in_flight = cares.iter().find_map(|care| set.choose(&wish(care)));
        Ok(in_flight.map(|in_flight| Picked { config, in_flight }))
    }

    /// Waits for an endpoint that takes the request.
    #[cold]
    async fn wait(
        &self,
        avoid: &[Arc<Endpoint>],
        prefer: Option<SocketAddr>,
        deadline: Option<Instant>,
    ) -> Result<Picked, NoEndpoint> {
        let upstream = &self.settings.upstream;
        let _place = self.waiting_place().ok_or_else(|| self.none(NoEndpoint::Overflow))?;
        let started = Instant::now();
        let limit = started + upstream.no_endpoint_wait;
        let end = deadline.map_or(limit, |deadline| deadline.min(limit));
        loop {
            let news = self.news.notified();
            // From then on, a request that tried before puts up with whoever there is; unless the
            // news is that all of them go.
            let patient = avoid.is_empty() || self.set.load().only_drains();
            let resign = if patient { end } else { end.min(started + NEWS_WAIT) };
            let resigned = !avoid.is_empty() && Instant::now() >= resign;
            let found = if resigned {
                self.choose_any(avoid, prefer)?
            } else {
                self.choose(avoid, prefer)?
            };
            if let Some(picked) = found {
                return Ok(picked);
            }
            let until = if resigned { end } else { resign };
            let late = timeout_at(until.into(), news).await.is_err();
            if late && Instant::now() >= end {
                // At the very end whoever there is will do.
                let found = self.choose_any(avoid, prefer)?;
                return found.ok_or_else(|| self.none(NoEndpoint::Waited(started.elapsed())));
            }
        }
    }

    /// Chooses without regard to what failed before, except that the untried go first.
    fn choose_any(
        &self,
        avoid: &[Arc<Endpoint>],
        prefer: Option<SocketAddr>,
    ) -> Result<Option<Picked>, NoEndpoint> {
        let config = self.usable_config()?;
        let set = self.set.load();
        let wish = |care| Wish { avoid, prefer, care };
        let cares = [Care::Contacted, Care::Again, Care::Any];
        let in_flight = cares.into_iter().find_map(|care| set.choose(&wish(care)));
        Ok(in_flight.map(|in_flight| Picked { config, in_flight }))
    }

    fn usable_config(&self) -> Result<Arc<BackendConfig>, NoEndpoint> {
        let config = self.config.load_full().ok_or_else(|| {
            NoEndpoint::Refused(format!("there is no backend {}", self.key).into())
        })?;
        match config.refused() {
            Some(why) => Err(NoEndpoint::Refused(Arc::clone(why))),
            None => Ok(config),
        }
    }

    fn waiting_place(&self) -> Option<Waiting<'_>> {
        let most = self.settings.upstream.no_endpoint_waiting;
        let add = |waiting| (waiting < most).then_some(waiting + 1);
        self.waiting.fetch_update(Ordering::Relaxed, Ordering::Relaxed, add).ok()?;
        self.metrics.wait_begins();
        Some(Waiting(self))
    }

    fn none(&self, why: NoEndpoint) -> NoEndpoint {
        self.metrics.no_endpoint();
        why
    }

    /// Counts one request towards the retry budget. Once per request, not per try.
    pub(crate) fn count_request(&self, now: Instant) {
        self.budget.request(now);
    }

    /// Takes one retry from the budget (a share of the requests of the last seconds, and a floor);
    /// false when it is spent.
    pub(crate) fn take_retry(&self, now: Instant) -> bool {
        self.budget.take(now, &self.settings.retry)
    }
}

/// A request in the queue of a backend without endpoints.
struct Waiting<'a>(&'a Backend);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
        self.0.metrics.wait_ends();
    }
}

/// An endpoint with a request counted in; counted out on drop. Hold it until the response body is
/// at its end, or the tunnel closed.
pub(crate) struct Picked {
    config: Arc<BackendConfig>,
    in_flight: InFlight,
}

impl Picked {
    /// How to reach it, as it was at the pick.
    pub(crate) fn config(&self) -> &Arc<BackendConfig> {
        &self.config
    }

    /// Which one.
    pub(crate) fn endpoint(&self) -> &Arc<Endpoint> {
        self.in_flight.endpoint()
    }

    /// As what it is counted there.
    pub(crate) fn kind(&self) -> Kind {
        self.in_flight.kind()
    }

    /// Counts it as this from now on.
    pub(crate) fn turn_into(&mut self, kind: Kind) {
        self.in_flight.turn_into(kind);
    }
}

/// Why a pick gave nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NoEndpoint {
    /// No such backend, or a policy of it is not valid: 500. The text is for people.
    #[error("{0}")]
    Refused(Arc<str>),
    /// None came within the wait: 503.
    #[error("no endpoint came within {0:?}")]
    Waited(Duration),
    /// As many requests as may wait do so already: 503.
    #[error("too many requests wait for an endpoint")]
    Overflow,
}

#[cfg(test)]
mod tests;
