//! The endpoints of one backend at one moment, and which of them takes a request.
//!
//! Promises: ready endpoints go before draining ones, and the others take nothing; an endpoint in
//! quarantine is skipped, but never so many that more than the allowed share is out at once. One
//! that is on its way out and cannot be contacted is gone: of these any number is skipped.
//! Waiting for better times is left to the backend.

use std::cell::OnceCell;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use snapshot::{EndpointState, Endpoints};

use crate::balance::least_of_two;
use crate::endpoint::{Endpoint, InFlight};
use crate::telemetry::EndpointCounts;

/// Requests in flight that no endpoint has.
const ASIDE: usize = 1 << 40;
/// What a new endpoint has of its share at once: enough to warm up on.
const LEAST_SHARE: f64 = 0.1;

/// Endpoints with their states. Immutable but for who is in quarantine.
#[derive(Default)]
pub(super) struct EndpointSet {
    /// What the snapshot says and, as ready, who is held beside it; by address.
    source: Arc<Endpoints>,
    /// The live objects, in the order of `source`.
    members: Arc<[Arc<Endpoint>]>,
    ready: Candidates,
    draining: Candidates,
}

/// What holds for the endpoints of a backend.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct SetRules {
    /// Most of them that may be in quarantine at once, in percent.
    pub(super) quarantine_percent: usize,
    /// How long a new one takes to come to its full share; `None` for no time.
    pub(super) slow_start: Option<Duration>,
}

/// Members of one state.
#[derive(Default)]
struct Candidates {
    /// By address. All members, if they are of one state.
    list: Arc<[Arc<Endpoint>]>,
    /// Positions in `list` of those that are held, in order: one refused contact and they are out.
    held: Box<[usize]>,
    /// Positions in `list` that are skipped. Taken only when an endpoint with a pause is met.
    out: Mutex<Vec<usize>>,
    /// Most that may be out at once.
    most_out: usize,
    /// See [`SetRules::slow_start`].
    slow_start: Option<Duration>,
}

/// What one try asks for.
#[derive(Clone, Copy)]
pub(super) struct Wish<'a> {
    /// Endpoints of earlier tries.
    pub(super) avoid: &'a [Arc<Endpoint>],
    /// Where the session lives.
    pub(super) prefer: Option<SocketAddr>,
    /// Whom it takes.
    pub(super) care: Care,
}

/// Which endpoints a try takes; those that drain it never does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Care {
    /// Not those in quarantine, of which there is a bounded share; nor those tried before.
    First,
    /// None that cannot be contacted, however many they are; nor those tried before.
    Contacted,
    /// None that cannot be contacted; those tried before as well.
    Again,
    /// Whoever there is.
    Any,
}

impl EndpointSet {
    /// The set of `source`, whose live objects are `members`, in the same order; the snapshot does
    /// not say the addresses `held`.
    pub(super) fn new(
        source: Arc<Endpoints>,
        members: Arc<[Arc<Endpoint>]>,
        held: &[snapshot::Endpoint],
        rules: &SetRules,
    ) -> Self {
        let of = |state, most_out_percent| {
            let list = if source.list.iter().all(|of| of.state == state) {
                Arc::clone(&members)
            } else {
                let named = source.list.iter().zip(&*members);
                let with_state = named.filter(|(of, _)| of.state == state);
                with_state.map(|(_, member)| Arc::clone(member)).collect()
            };
            let at = |held: &snapshot::Endpoint| {
                list.binary_search_by_key(&held.address, |member| member.address()).ok()
            };
            let held = held.iter().filter(|held| held.state == state).filter_map(at).collect();
            let most_out = list.len() * most_out_percent / 100;
            let slow_start = rules.slow_start;
            Candidates { list, held, out: Mutex::default(), most_out, slow_start }
        };
        let ready = of(EndpointState::Ready, rules.quarantine_percent);
        let draining = of(EndpointState::Draining, 100);
        Self { source, members, ready, draining }
    }

    /// What the snapshot says.
    pub(super) fn source(&self) -> &Arc<Endpoints> {
        &self.source
    }

    /// The live objects, in the order of [`EndpointSet::source`].
    pub(super) fn members(&self) -> &[Arc<Endpoint>] {
        &self.members
    }

    /// Each member with what is said of it.
    pub(super) fn named(&self) -> impl Iterator<Item = (&snapshot::Endpoint, &Arc<Endpoint>)> {
        self.source.list.iter().zip(&*self.members)
    }

    /// How many there are of each state.
    pub(super) fn counts(&self) -> EndpointCounts {
        let (ready, draining) = (self.ready.list.len(), self.draining.list.len());
        let (held, not_ready) = (self.ready.held.len(), self.members.len() - ready - draining);
        EndpointCounts { ready: ready - held, draining, not_ready, held }
    }

    /// Whether a member takes requests as things stand.
    pub(super) fn uses(&self, state: EndpointState) -> bool {
        match state {
            EndpointState::Ready => true,
            EndpointState::Draining => self.ready.list.is_empty(),
            EndpointState::NotReady => false,
        }
    }

    /// Notes since when each member takes requests.
    pub(super) fn begin(&self, now: Instant) {
        for (said, member) in self.named() {
            member.set_serving(self.uses(said.state), now);
        }
    }

    /// Chooses an endpoint and counts the request in. `None`: there is none that the wish takes.
    pub(super) fn choose(&self, wish: &Wish<'_>) -> Option<InFlight> {
        // A drain can come between the choice and the count: then another one is chosen.
        loop {
            let chosen = self.candidates().choose(wish)?;
            if let Some(in_flight) = chosen.enter() {
                return Some(in_flight);
            }
        }
    }

    /// Whether so many of a request's tries met endpoints that are gone that the rest may be as
    /// well: two at least, and half of those that take requests.
    pub(super) fn looks_gone(&self, avoid: &[Arc<Endpoint>]) -> bool {
        let list = &self.candidates().list;
        if avoid.len() < 2 || avoid.len() * 2 < list.len() {
            return false;
        }
        let listed = |one: &Arc<Endpoint>| list.iter().any(|listed| Arc::ptr_eq(listed, one));
        // The pause of the first may be over when the second one was long in refusing.
        let gone = avoid.iter().filter(|one| one.failures() > 0 && listed(one)).count();
        gone >= 2 && gone * 2 >= list.len()
    }

    /// Whether there are only endpoints on their way out: those that are gone won't come back.
    pub(super) fn only_drains(&self) -> bool {
        std::ptr::eq(self.candidates(), &self.draining)
    }

    fn candidates(&self) -> &Candidates {
        let ready = (0..self.ready.list.len()).any(|index| self.ready.takes(index));
        if ready { &self.ready } else { &self.draining }
    }
}

impl Candidates {
    fn choose(&self, wish: &Wish<'_>) -> Option<&Arc<Endpoint>> {
        let now = OnceCell::new();
        let now = || *now.get_or_init(Instant::now);
        let usable = |index: usize| {
            let endpoint = &self.list[index];
            let tried = || wish.avoid.iter().any(|tried| Arc::ptr_eq(tried, endpoint));
            let paused = || endpoint.may_pause() && endpoint.pause(now()).is_some();
            let unwanted = match wish.care {
                Care::First => tried() || paused() && self.is_out(index, now()),
                Care::Contacted => tried() || paused(),
                Care::Again => paused(),
                Care::Any => false,
            };
            !unwanted && self.takes(index)
        };
        if let Some(address) = wish.prefer {
            let found = self.list.binary_search_by_key(&address, |endpoint| endpoint.address());
            if let Some(index) = found.ok().filter(|index| usable(*index)) {
                return Some(&self.list[index]);
            }
        }
        let load = |index: usize| {
            let endpoint = &self.list[index];
            let aside = self.slow_start.is_some_and(|window| is_aside(endpoint, window, now()));
            // Beyond every load, so that the other one of the two is taken if there is one.
            endpoint.in_flight() + if aside { ASIDE } else { 0 }
        };
        let random = |below| fastrand::usize(..below);
        least_of_two(self.list.len(), usable, load, random).map(|index| &self.list[index])
    }

    /// Whether a member takes requests at all: it is not drained by order, nor held and refused.
    fn takes(&self, index: usize) -> bool {
        let endpoint = &self.list[index];
        let held = || !self.held.is_empty() && self.held.binary_search(&index).is_ok();
        let refused = endpoint.failures() > 0 && held();
        !endpoint.is_draining() && !refused
    }

    /// Whether a member with a pause is in quarantine here: its pause alone does not put it out,
    /// there must be room among those that are.
    fn is_out(&self, index: usize, now: Instant) -> bool {
        let mut out = self.out.lock().unwrap_or_else(PoisonError::into_inner);
        if out.contains(&index) {
            return true;
        }
        out.retain(|index| self.list[*index].pause(now).is_some());
        let room = out.len() < self.most_out;
        if room {
            out.push(index);
        }
        room
    }
}

/// Whether a new endpoint stands aside in one comparison. It takes part in so many of them as it
/// has come of its window, a tenth at least: so much of its share of requests it gets.
fn is_aside(endpoint: &Endpoint, window: Duration, now: Instant) -> bool {
    let Some(age) = endpoint.serving_for(now).filter(|age| *age < window) else { return false };
    fastrand::f64() > age.div_duration_f64(window).max(LEAST_SHARE)
}
