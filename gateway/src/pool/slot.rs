//! The connections to one endpoint, for one way of reaching it.
//!
//! Promises: what is handed out was fit a moment ago; never more connections than the limit, and
//! who finds none waits his turn, no longer than the limit; however many requests come at once, one
//! connection attempt serves all that HTTP/2 can carry.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::FutureExt;
use futures::future::{LocalBoxFuture, Shared, WeakShared};
use http::HeaderMap;

use super::error::Cause;
use super::http1::Line;
use super::http2::{Stream, Trunk};
use super::limit::{Limit, Permit, Place};
use super::{Common, RequestBody, Target};
use crate::backend::BackendConfig;
use crate::connect::{ClientIdentity, ConnectError, Offer, TlsClient, connect};
use crate::endpoint::Endpoint;

/// A line that was idle for this long is looked at before use, whatever the request: the look costs
/// a system call, a stale line costs a try.
const LONG_IDLE: Duration = Duration::from_secs(1);

/// An attempt that several requests wait for.
type Opening = LocalBoxFuture<'static, Result<(), Cause>>;

/// Connections to an endpoint, by one config and one identity.
pub(super) struct Slot<B: RequestBody> {
    common: Rc<Common>,
    endpoint: Arc<Endpoint>,
    config: Arc<BackendConfig>,
    identity: Option<Arc<ClientIdentity>>,
    limit: Rc<Limit>,
    /// The last one parked is the first one used: what traffic does not need grows old.
    idle: RefCell<Vec<Idle<B>>>,
    trunks: RefCell<Vec<Rc<Trunk<B>>>>,
    opening: RefCell<Option<WeakShared<Opening>>>,
    /// What ALPN settled on, once it has.
    speaks_http2: Cell<Option<bool>>,
    /// How long lines may be idle: ours, or the endpoint's own if that is shorter.
    idle_limit: Cell<Duration>,
    /// Idle and busy connections as last told to the metrics.
    told: Cell<(isize, isize)>,
}

struct Idle<B: RequestBody> {
    line: Line<B>,
    since: Instant,
}

/// Which idle line a request may have; an HTTP/2 connection is for all, unless it is known to be
/// closed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Reuse {
    /// Any: the request can be repeated.
    Any,
    /// One that was looked at and is quiet.
    Quiet,
    /// None.
    None,
}

/// What a request is sent on.
pub(super) enum Carrier<B: RequestBody> {
    Line(Line<B>),
    Stream(Stream<B>),
}

impl<B: RequestBody> Carrier<B> {
    /// Whether the connection has carried a request before.
    pub(super) fn is_used(&self) -> bool {
        match self {
            Self::Line(line) => line.is_used(),
            Self::Stream(stream) => stream.trunk().is_used(),
        }
    }
}

impl<B: RequestBody> Slot<B> {
    /// No connection yet.
    pub(super) fn new(common: Rc<Common>, target: &Target<'_>) -> Rc<Self> {
        let idle_limit = common.settings.upstream.idle;
        Rc::new(Self {
            endpoint: Arc::clone(target.endpoint),
            config: Arc::clone(target.config),
            identity: target.identity.cloned(),
            limit: Limit::new(common.most_connections),
            idle: RefCell::default(),
            trunks: RefCell::default(),
            opening: RefCell::default(),
            speaks_http2: Cell::new(None),
            idle_limit: Cell::new(idle_limit),
            told: Cell::default(),
            common,
        })
    }

    /// Whether its connections lead where the target says, in the way it says. The endpoint is
    /// known to be the same.
    pub(super) fn is_for(&self, target: &Target<'_>) -> bool {
        let identity = |one: Option<&Arc<ClientIdentity>>| one.map_or(0, |one| one.id());
        self.config.id() == target.config.id()
            && identity(self.identity.as_ref()) == identity(target.identity)
    }

    /// The endpoint's address, where a request names no host.
    pub(super) fn address(&self) -> SocketAddr {
        self.endpoint.address()
    }

    /// Gives something to send a request on, and waits for it within the limits.
    ///
    /// Cancel safe: a dropped future gives up its place and its own attempt to connect.
    pub(super) async fn carrier(
        self: &Rc<Self>,
        wants: Offer,
        reuse: Reuse,
    ) -> Result<Carrier<B>, Cause> {
        let mut place = None;
        loop {
            // Who waits already goes first.
            if place.is_some() || self.limit.waiting() == 0 {
                // Who had to wait takes what comes.
                let reuse = if place.is_some() { reuse.min(Reuse::Quiet) } else { reuse };
                if let Some(carrier) = self.take(wants, reuse) {
                    return Ok(carrier);
                }
                if let Some(permit) = self.permit() {
                    if !self.may_share(wants) {
                        // Boxed: seldom taken, and larger than all the rest.
                        return Box::pin(self.open(permit, wants)).await;
                    }
                    drop(permit);
                    self.open_for_all(wants).await?;
                    continue;
                }
            }
            let (place, deadline) = match &place {
                Some(place) => place,
                None => place.insert(self.queue()?),
            };
            place.wait(*deadline).await?;
        }
    }

    /// Leave to open a connection: one more would bring nothing where the endpoint allows no
    /// streams.
    fn permit(&self) -> Option<Permit> {
        let now = Instant::now();
        let closed = |trunk: &Rc<Trunk<B>>| trunk.allowed() == 0 && !trunk.is_over(now);
        let closed = self.trunks.borrow().iter().any(closed);
        if closed { None } else { self.limit.permit(&self.endpoint) }
    }

    /// A place among those who wait, and until when.
    fn queue(&self) -> Result<(Place, Instant), Cause> {
        let upstream = &self.common.settings.upstream;
        let place = self.limit.queue(upstream.max_pending, &self.config)?;
        Ok((place, Instant::now() + upstream.pending_wait))
    }

    /// Whether a connection opened now may serve others as well.
    fn may_share(&self, wants: Offer) -> bool {
        match wants {
            Offer::Http1 => false,
            Offer::Http2 => true,
            Offer::Either => self.speaks_http2.get() != Some(false),
        }
    }

    /// Takes a connection that is open.
    fn take(&self, wants: Offer, reuse: Reuse) -> Option<Carrier<B>> {
        let now = Instant::now();
        let careful = reuse != Reuse::Any;
        let stream = || self.take_stream(now, careful).map(Carrier::Stream);
        let line = || match reuse {
            Reuse::None => None,
            Reuse::Any | Reuse::Quiet => self.take_line(now, careful).map(Carrier::Line),
        };
        match wants {
            Offer::Http1 => line(),
            Offer::Http2 => stream(),
            Offer::Either => stream().or_else(line),
        }
    }

    fn take_stream(&self, now: Instant, careful: bool) -> Option<Stream<B>> {
        let mut trunks = self.trunks.borrow_mut();
        trunks.retain(|trunk| !trunk.is_over(now));
        let most = self.common.settings.upstream.http2_streams;
        loop {
            let at = trunks.iter().position(|trunk| trunk.has_room(most))?;
            if careful && trunks[at].is_idle_and_closed() {
                trunks.remove(at);
            } else {
                return trunks[at].stream(most);
            }
        }
    }

    fn take_line(&self, now: Instant, careful: bool) -> Option<Line<B>> {
        let mut idle = self.idle.borrow_mut();
        while let Some(Idle { line, since }) = idle.pop() {
            let idle_for = now.saturating_duration_since(since);
            let look = careful || idle_for >= LONG_IDLE;
            let fit = idle_for < self.idle_limit.get() && line.is_fit(now);
            if fit && (!look || line.is_quiet()) {
                return Some(line);
            }
        }
        None
    }

    /// Takes a line back after its response has ended; closes it if it is not wanted any more.
    pub(super) fn park(&self, line: Line<B>) {
        let now = Instant::now();
        let most = self.common.settings.upstream.idle_per_endpoint;
        let kept = !self.common.closing.get()
            && !self.endpoint.is_retired()
            && self.idle.borrow().len() < most
            && line.is_fit(now);
        if kept {
            self.idle.borrow_mut().push(Idle { line, since: now });
            self.limit.freed();
        } else {
            drop(line);
        }
    }

    /// Learns how long the endpoint keeps idle connections (RFC 2068 §19.7.1.1 `Keep-Alive:
    /// timeout`). We close a fifth earlier, so that no request meets the endpoint's close.
    pub(super) fn learn(&self, headers: &HeaderMap) {
        let Some(value) = headers.get("keep-alive").and_then(|value| value.to_str().ok()) else {
            return;
        };
        let timeout = value.split(',').find_map(|parameter| {
            let (name, value) = parameter.split_once('=')?;
            let named = name.trim().eq_ignore_ascii_case("timeout");
            named.then(|| value.trim().parse::<u32>().ok()).flatten()
        });
        if let Some(seconds) = timeout {
            let limit = Duration::from_secs(seconds.into()) * 4 / 5;
            self.idle_limit.set(limit.min(self.common.settings.upstream.idle));
        }
    }

    /// Opens a connection that every request here may use, or joins those that wait for one.
    async fn open_for_all(self: &Rc<Self>, wants: Offer) -> Result<(), Cause> {
        let running = self.opening.borrow().as_ref().and_then(WeakShared::upgrade);
        if let Some(running) = running.filter(|running| running.peek().is_none()) {
            return running.await;
        }
        let slot = Rc::clone(self);
        let opening: Shared<Opening> = async move {
            let permit = slot.limit.permit(&slot.endpoint).ok_or(Cause::Overflow)?;
            match slot.open(permit, wants).await? {
                Carrier::Stream(stream) => drop(stream),
                Carrier::Line(line) => {
                    slot.idle.borrow_mut().push(Idle { line, since: Instant::now() });
                }
            }
            Ok(())
        }
        .boxed_local()
        .shared();
        // Held by those who wait alone: when all of them have left, so has the attempt.
        *self.opening.borrow_mut() = opening.downgrade();
        opening.await
    }

    /// Opens a connection.
    async fn open(&self, permit: Permit, wants: Offer) -> Result<Carrier<B>, Cause> {
        let upstream = &self.common.settings.upstream;
        let began = Instant::now();
        let identity = self.identity.as_ref();
        let tls = self.config.tls().map(|tls| TlsClient { tls, identity, offer: wants });
        let https = tls.is_some();
        let connected = connect(self.endpoint.address(), tls, upstream).await;
        let now = Instant::now();
        let mut connected = connected.map_err(|error| {
            if !matches!(error, ConnectError::Exhausted(_)) {
                let (first, longest) = (upstream.quarantine_first, upstream.quarantine_longest);
                self.endpoint.failed(now, first, longest);
            }
            Cause::from(error)
        })?;
        self.endpoint.contacted();
        self.config.metrics().opened(now - began);
        connected.transport.hold(permit);
        let http2 = match wants {
            Offer::Http1 => false,
            Offer::Http2 => true,
            Offer::Either => connected.http2,
        };
        self.speaks_http2.set(Some(http2));
        // Ages differ, so that connections opened together are not renewed together.
        let expires = now + upstream.max_age.mul_f64(0.9 + 0.2 * fastrand::f64());
        let (transport, tasks) = (connected.transport, &self.common.tasks);
        if !http2 {
            return Ok(Carrier::Line(Line::open(transport, expires, tasks, upstream)));
        }
        let trunk = Trunk::open(transport, https, expires, tasks, &self.limit, upstream).await?;
        let stream = trunk.stream(upstream.http2_streams);
        self.trunks.borrow_mut().push(trunk);
        self.limit.freed_many();
        stream.map(Carrier::Stream).ok_or(Cause::Overflow)
    }

    /// Closes what has been idle or open for too long, and tells the metrics. True when the slot
    /// has nothing left.
    pub(super) fn tidy(&self, now: Instant) -> bool {
        let (limit, upstream) = (self.idle_limit.get(), &self.common.settings.upstream);
        self.idle.borrow_mut().retain(|idle| {
            idle.line.is_fit(now) && now.saturating_duration_since(idle.since) < limit
        });
        self.trunks.borrow_mut().retain(|trunk| {
            let old = |since| now.saturating_duration_since(since) >= upstream.idle;
            !trunk.is_over(now) && !trunk.idle_since().is_some_and(old)
        });
        self.tell();
        self.limit.open() == 0 && self.limit.waiting() == 0
    }

    /// Closes every connection that has nothing to do, and takes the others out of use.
    pub(super) fn retire(&self) {
        self.idle.borrow_mut().clear();
        self.trunks.borrow_mut().clear();
    }

    /// The same, if the endpoint takes nothing new.
    pub(super) fn retire_if_out(&self) {
        if self.endpoint.is_retired() {
            self.retire();
        }
    }

    /// Tells the metrics how many connections there are.
    pub(super) fn tell(&self) {
        let trunks = self.trunks.borrow();
        let quiet = trunks.iter().filter(|trunk| trunk.idle_since().is_some()).count();
        let idle = self.idle.borrow().len() + quiet;
        let busy = self.limit.open().saturating_sub(idle);
        let [idle, busy] = [idle, busy].map(|count| isize::try_from(count).unwrap_or(isize::MAX));
        let (idle_before, busy_before) = self.told.replace((idle, busy));
        if (idle, busy) != (idle_before, busy_before) {
            self.config.metrics().connections(idle - idle_before, busy - busy_before);
        }
    }
}
