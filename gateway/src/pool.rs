//! Idle and shared upstream connections of one worker thread.
//!
//! Promises: a request that could not be sent comes back untouched, or with the certainty that
//! nothing of it was; a connection carries another request only after the one before ended cleanly
//! on both sides; connections, waits and ages are bounded; a connection to an endpoint that takes
//! nothing new is closed as soon as it has nothing to do. Which endpoint, and whether to try again,
//! are left to `backend` and `forward`; time limits on responses as well.

mod body;
mod error;
mod http1;
mod http2;
mod limit;
mod message;
mod slot;
mod tunnel;

use std::cell::{Cell, RefCell};
use std::error::Error;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::UPGRADE;
use http::{Request, Response};
use http_body::Body;
use rustc_hash::FxHashMap;
use smallvec::SmallVec;
use snapshot::Protocol;
use tokio::time::{MissedTickBehavior, interval, timeout};

pub(crate) use self::body::ResponseBody;
use self::body::Source;
pub(crate) use self::error::{Cause, SendError, Stage};
#[cfg(feature = "bench")]
pub(crate) use self::http1::bench;
use self::slot::{Carrier, Reuse, Slot};
use crate::backend::{BackendConfig, Backends, Mailbox, Retired};
use crate::connect::{ClientIdentity, Offer};
use crate::endpoint::Endpoint;
use crate::settings::Settings;
use crate::tasks::Tasks;

/// How often idle connections are looked through. One look for all costs less than a timer for
/// each, and a second is little against the times it enforces.
const TIDY_EVERY: Duration = Duration::from_secs(1);

/// Stale connections that one request puts up with before all idle ones of the endpoint go: they
/// seem to have been closed together.
const STALE: usize = 3;

/// The body of requests that a pool sends.
pub(crate) trait RequestBody:
    Body<Data = Bytes, Error: Into<Box<dyn Error + Send + Sync>>> + Unpin + 'static
{
}

impl<B> RequestBody for B where
    B: Body<Data = Bytes, Error: Into<Box<dyn Error + Send + Sync>>> + Unpin + 'static
{
}

/// The upstream connections of one worker thread. `B` is the body of the requests it sends. To be
/// used inside of a `LocalSet`.
pub(crate) struct Pool<B: RequestBody> {
    common: Rc<Common>,
    mailbox: Arc<Mailbox>,
    slots: RefCell<Slots<B>>,
}

/// By [`Endpoint::id`]; most endpoints are reached in one way only.
type Slots<B> = FxHashMap<u64, SmallVec<[Rc<Slot<B>>; 1]>>;

/// What all slots of a pool share.
struct Common {
    settings: Arc<Settings>,
    tasks: Tasks,
    /// Connections of one slot: this thread's share of what an endpoint may get.
    most_connections: usize,
    closing: Cell<bool>,
}

/// Where one try goes, and how.
#[derive(Clone, Copy)]
pub(crate) struct Target<'a> {
    /// How the backend is reached.
    pub(crate) config: &'a Arc<BackendConfig>,
    /// The endpoint, as picked.
    pub(crate) endpoint: &'a Arc<Endpoint>,
    /// What we present when the backend asks for a certificate.
    pub(crate) identity: Option<&'a Arc<ClientIdentity>>,
    /// HTTP/2 where the backend leaves the choice to us (gRPC).
    pub(crate) want_h2: bool,
    /// Another try of this request came to nothing.
    pub(crate) again: bool,
}

impl Target<'_> {
    /// What a connection for a request may speak. Upgrades exist in HTTP/1 only (RFC 9113 §8.6).
    fn wants<B>(&self, request: &Request<B>) -> Offer {
        if request.headers().contains_key(UPGRADE) {
            return Offer::Http1;
        }
        match (self.config.protocol(), self.config.tls()) {
            (Protocol::Http1, _) => Offer::Http1,
            (Protocol::Http2, _) => Offer::Http2,
            (Protocol::Auto, Some(_)) => Offer::Either,
            (Protocol::Auto, None) if self.want_h2 => Offer::Http2,
            (Protocol::Auto, None) => Offer::Http1,
        }
    }
}

impl<B: RequestBody> Pool<B> {
    /// An empty pool, which hears of endpoints that leave `backends`.
    pub(crate) fn new(settings: Arc<Settings>, backends: &Backends) -> Self {
        let workers = settings.workers.get();
        let most_connections = settings.upstream.max_connections.div_ceil(workers);
        let common = Common {
            settings,
            tasks: Tasks::default(),
            most_connections,
            closing: Cell::new(false),
        };
        let (common, mailbox) = (Rc::new(common), backends.subscribe());
        Self { common, mailbox, slots: RefCell::default() }
    }

    /// Sends a request on a pooled or a new connection and waits for the head of its response.
    ///
    /// The request is in its HTTP/1 form: origin-form target, one `Host`, no hop-by-hop fields
    /// except `Connection: upgrade` with `Upgrade`, and `te: trailers`. What HTTP/2 wants instead
    /// is made here. There is no time limit on the response: drop the future to give up.
    ///
    /// Cancel safe: a dropped future closes its connection or resets its stream.
    pub(crate) async fn send(
        &self,
        target: Target<'_>,
        mut request: Request<B>,
    ) -> Result<Response<ResponseBody<B>>, SendError<B>> {
        let slot = self.slot(&target);
        let wants = target.wants(&request);
        // What can be repeated by the law takes its chances with an idle connection, but once: all
        // of a backend's may be closed at the same time.
        let repeatable = request.method().is_idempotent() && request.body().is_end_stream();
        let reuse = match repeatable {
            _ if target.again => Reuse::None,
            true => Reuse::Any,
            false => Reuse::Quiet,
        };
        let mut stale = 0;
        loop {
            if self.common.closing.get() {
                return Err(SendError::untouched(Cause::Closing, request));
            }
            let carrier = match slot.carrier(wants, reuse).await {
                Ok(carrier) => carrier,
                Err(cause) => return Err(SendError::untouched(cause, request)),
            };
            let reused = carrier.is_used();
            match self.send_on(carrier, &slot, request).await {
                // The connection ended before it took the request: another one does.
                Err(SendError { request: Some(back), .. }) if reused && stale < STALE => {
                    request = *back;
                    stale += 1;
                    if stale == STALE {
                        slot.retire();
                    }
                }
                sent => return sent,
            }
        }
    }

    async fn send_on(
        &self,
        carrier: Carrier<B>,
        slot: &Rc<Slot<B>>,
        request: Request<B>,
    ) -> Result<Response<ResponseBody<B>>, SendError<B>> {
        let reused = carrier.is_used();
        let body = |source| ResponseBody::new(source, reused);
        Ok(match carrier {
            Carrier::Line(line) => {
                let answer = line.send(request).await?;
                slot.learn(answer.response.headers());
                answer.response.map(|()| match answer.switched {
                    true => body(Source::Tunnel(answer.line)),
                    false => body(Source::Line(answer.line, Rc::clone(slot))),
                })
            }
            Carrier::Stream(stream) => {
                let response = stream.send(request, slot.address()).await?;
                response.map(|incoming| body(Source::Stream { incoming, _place: stream }))
            }
        })
    }

    fn slot(&self, target: &Target<'_>) -> Rc<Slot<B>> {
        let mut slots = self.slots.borrow_mut();
        let of_endpoint = slots.entry(target.endpoint.id()).or_default();
        if let Some(slot) = of_endpoint.iter().find(|slot| slot.is_for(target)) {
            return Rc::clone(slot);
        }
        let slot = Slot::new(Rc::clone(&self.common), target);
        of_endpoint.push(Rc::clone(&slot));
        slot
    }

    /// Keeps the pool tidy: closes what was idle or open for too long, once a second, and at once
    /// what leads to endpoints that left. Runs for as long as it is polled; the worker owns it.
    pub(crate) async fn tend(&self) {
        let mut tick = interval(TIDY_EVERY);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            // Both can be dropped half-way: a tick is not lost, news are not taken.
            tokio::select! {
                _ = tick.tick() => self.tidy(Instant::now()),
                retired = self.mailbox.next() => self.retire(retired),
            }
        }
    }

    fn tidy(&self, now: Instant) {
        self.slots.borrow_mut().retain(|_, of_endpoint| {
            // Whoever is about to use a slot holds it.
            of_endpoint.retain(|slot| !slot.tidy(now) || Rc::strong_count(slot) > 1);
            !of_endpoint.is_empty()
        });
    }

    fn retire(&self, retired: Retired) {
        let slots = self.slots.borrow();
        match retired {
            Retired::These(endpoints) => {
                let known = endpoints.iter().filter_map(|endpoint| slots.get(endpoint));
                known.flatten().for_each(|slot| slot.retire());
            }
            Retired::Many => slots.values().flatten().for_each(|slot| slot.retire_if_out()),
        }
    }

    /// Takes nothing new, closes what is idle, and waits until every connection has ended or
    /// `limit` is over.
    pub(crate) async fn close(&self, limit: Duration) {
        self.common.closing.set(true);
        self.slots.borrow().values().flatten().for_each(|slot| slot.retire());
        // What is still open then ends with the thread.
        let _ = timeout(limit, self.common.tasks.ended()).await;
        self.slots.borrow().values().flatten().for_each(|slot| slot.tell());
    }
}

impl<B: RequestBody> Drop for Pool<B> {
    fn drop(&mut self) {
        // Connections end when nobody can send on them; those in use end with their responses.
        self.common.closing.set(true);
        self.slots.borrow().values().flatten().for_each(|slot| slot.retire());
    }
}

#[cfg(test)]
mod tests;
