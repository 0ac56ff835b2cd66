//! All backends of the gateway, by key: made when first asked for, swapped in place, forgotten when
//! neither a snapshot nor a table has them.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use dashmap::DashMap;
use snapshot::{BackendKey, ByKind, DrainKey, Endpoints};
use tokio::sync::Notify;

use super::drained::{Drained, Drains};
use super::floor::{Floor, Rules};
use super::live::Live;
use super::retired::{Mailbox, Subscribers};
use super::set::{EndpointSet, SetRules};
use super::view::BackendView;
use super::{Backend, BackendConfig};
use crate::endpoint::Endpoint;
use crate::settings::Settings;
use crate::telemetry::Telemetry;

/// Backends that are kept before the first look for those that nobody needs.
const FIRST_SWEEP: usize = 1024;

/// Every backend that a table holds, and every endpoint of them. Clones are the same.
#[derive(Clone)]
pub(crate) struct Backends(Arc<Inner>);

struct Inner {
    settings: Arc<Settings>,
    telemetry: Telemetry,
    backends: DashMap<BackendKey, Arc<Backend>>,
    live: Live,
    drained: Drained,
    subscribers: Subscribers,
    /// One for each worker: something that runs is to be cut.
    cuts: Box<[Arc<Notify>]>,
    /// Backends that hold endpoints. Locked after a backend's floor, never before.
    holding: Mutex<BTreeSet<BackendKey>>,
    /// What the last sweeps left, of backends and of endpoints.
    swept: Mutex<(usize, usize)>,
}

impl Backends {
    /// No backend yet.
    pub(crate) fn new(settings: Arc<Settings>, telemetry: Telemetry) -> Self {
        let workers = settings.workers.get();
        Self(Arc::new(Inner {
            cuts: (0..workers).map(|_| Arc::default()).collect(),
            settings,
            telemetry,
            backends: DashMap::new(),
            live: Live::default(),
            drained: Drained::default(),
            subscribers: Subscribers::default(),
            holding: Mutex::default(),
            swept: Mutex::default(),
        }))
    }

    /// The backend of a key; made when it is first asked for. Whoever holds it sees every later
    /// change of it.
    pub(crate) fn handle(&self, key: &BackendKey) -> Arc<Backend> {
        if let Some(backend) = self.0.backends.get(key) {
            return Arc::clone(&backend);
        }
        self.sweep();
        let make = || {
            let metrics = self.0.telemetry.backend(key);
            Arc::new(Backend::new(key.clone(), Arc::clone(&self.0.settings), metrics))
        };
        Arc::clone(&self.0.backends.entry(key.clone()).or_insert_with(make))
    }

    /// Sets or removes a backend's policies. On an error, which says what is wrong, the old ones
    /// stay.
    pub(crate) fn set(
        &self,
        key: &BackendKey,
        to: Option<Arc<snapshot::Backend>>,
    ) -> Result<(), String> {
        let backend = self.handle(key);
        let old = backend.config.load();
        if old.as_ref().map(|old| &**old.source()) == to.as_deref() {
            return Ok(());
        }
        let metrics = Arc::clone(&backend.metrics);
        let make = |source| match old.as_ref().and_then(|old| old.renewed(&source)) {
            Some(renewed) => Ok(renewed),
            None => BackendConfig::new(source, metrics),
        };
        let new = to.map(make).transpose()?;
        let removed = new.is_none();
        let lifecycle = |config: Option<&BackendConfig>| config.map(|config| *config.lifecycle());
        let differs = lifecycle(new.as_ref()) != lifecycle(old.as_deref());
        backend.config.store(new.map(Arc::new));
        backend.news.notify_waiters();
        if differs {
            let mut floor = backend.floor();
            if removed {
                floor.clear();
            }
            self.swap(&backend, &floor);
        }
        Ok(())
    }

    /// Sets or removes a backend's endpoints. Those that stay the same keep their state; those that
    /// take nothing new any more lose their idle connections at once. Of those that are missing
    /// the backend's floor may hold some; see `floor`.
    pub(crate) fn set_endpoints(&self, key: &BackendKey, to: Option<Arc<Endpoints>>) {
        self.list(key, to.unwrap_or_default(), Instant::now());
        self.sweep();
    }

    /// [`Self::set_endpoints`] at a given time.
    pub(super) fn list(&self, key: &BackendKey, listed: Arc<Endpoints>, now: Instant) {
        let backend = self.handle(key);
        let mut floor = backend.floor();
        let losses = Losses { set: &backend.set.load(), live: &self.0.live, at: Cell::new(0) };
        floor.list(listed, &self.rules(&backend), |one| losses.has(one), now);
        if backend.config.load().is_none() {
            floor.clear();
        }
        let came = self.swap(&backend, &floor);
        drop(floor);
        if came {
            // Somebody may be held at an address that has just become another pod's.
            self.settle(now);
        }
    }

    /// Lets go of endpoints that were held for long enough, or are lost. Cheap when none is held.
    pub(crate) fn settle(&self, now: Instant) {
        let holding = self.holding().clone();
        for key in holding {
            let backend = self.handle(&key);
            let mut floor = backend.floor();
            if floor.settle(&self.rules(&backend), |one| self.0.live.is_lost(one), now) {
                self.swap(&backend, &floor);
            }
        }
    }

    /// Makes what a floor says live. True when an endpoint came that nobody had.
    fn swap(&self, backend: &Backend, floor: &Floor) -> bool {
        let (mut source, held) = (Arc::clone(floor.listed()), floor.held());
        if !held.is_empty() {
            let mut list: Vec<_> = source.list.iter().chain(held).cloned().collect();
            list.sort_unstable_by_key(|endpoint| endpoint.address);
            source = Arc::new(Endpoints { list: list.into(), ignored: source.ignored.clone() });
        }
        let Carried { members, gone, came } = self.carry_over(&backend.set.load(), &source);
        let rules = SetRules {
            quarantine_percent: self.0.settings.upstream.quarantine_percent,
            slow_start: backend.config.load().as_ref().and_then(|it| it.lifecycle().slow_start),
        };
        let new = Arc::new(EndpointSet::new(source, members, held, &rules));
        new.begin(Instant::now());
        backend.metrics.endpoints(new.counts());
        backend.set.store(Arc::clone(&new));
        backend.news.notify_waiters();
        let mut holding = self.holding();
        if held.is_empty() {
            holding.remove(&backend.key);
        } else {
            holding.insert(backend.key.clone());
        }
        drop(holding);
        self.0.subscribers.tell(&retire(&new, &gone));
        came
    }

    /// The live objects of `source`: those of the set before, and others.
    fn carry_over(&self, before: &EndpointSet, source: &Endpoints) -> Carried {
        let mut before = before.named().peekable();
        let (mut gone, mut came) = (Vec::new(), false);
        let members = source.list.iter().map(|of| {
            // Nearly all were there before; both lists are ordered by address.
            while let Some((_, left)) = before.next_if(|(was, _)| was.address < of.address) {
                gone.push(Arc::clone(left));
            }
            if let Some((was, endpoint)) = before.next_if(|(was, _)| was.address == of.address) {
                if was.uid == of.uid {
                    return Arc::clone(endpoint);
                }
                gone.push(Arc::clone(endpoint));
            }
            let (endpoint, made) = self.0.live.endpoint(of);
            if made {
                came = true;
                self.0.drained.turn(&endpoint, of.uid.as_deref());
            }
            endpoint
        });
        let members = members.collect();
        gone.extend(before.map(|(_, left)| Arc::clone(left)));
        Carried { members, gone, came }
    }

    /// What the backend's policy says, and the settings where it says nothing.
    fn rules(&self, backend: &Backend) -> Rules {
        let upstream = &self.0.settings.upstream;
        let set = backend.config.load().as_ref().map(|config| config.lifecycle().floor);
        let set = set.unwrap_or_default();
        Rules {
            percent: set.percent.map_or(upstream.floor_percent, usize::from),
            window: set.window.unwrap_or(upstream.floor_window),
        }
    }

    /// A panic while it was locked has left it whole: each change is one insertion or removal.
    fn holding(&self) -> MutexGuard<'_, BTreeSet<BackendKey>> {
        self.0.holding.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets the drains, of which these `changed`. Endpoints that take nothing new any more lose
    /// their idle connections at once; requests that wait hear of those that do again.
    pub(crate) fn set_drains(&self, to: Drains, changed: impl Iterator<Item = DrainKey>) {
        let turned = self.0.drained.set(to, changed, &self.0.live);
        self.0.subscribers.tell(&turned.out);
        if turned.cut {
            self.0.cuts.iter().for_each(|worker| worker.notify_waiters());
        }
        if turned.back {
            // Seldom, and who has the endpoint is not written down.
            self.0.backends.iter().for_each(|backend| backend.news.notify_waiters());
        }
    }

    /// What `key` names and `means` the pod of, and what it has in flight.
    pub(crate) fn left(
        &self,
        key: &DrainKey,
        means: impl Fn(Option<&str>) -> bool,
    ) -> ByKind<usize> {
        let live = self.0.live.at(key.address).into_iter();
        let named = live.filter(|one| key.names(one.endpoint.address()));
        let meant = named.filter(|one| means(one.uid.as_deref()));
        let add = |(one, other): (usize, usize)| one + other;
        meant.fold(ByKind::default(), |sum, one| sum.zip(one.endpoint.left()).map(add))
    }

    /// Tells a worker, from 0, that something that runs is to be cut: whoever has a stream or a
    /// tunnel looks whether it is his.
    pub(crate) fn cuts(&self, worker: usize) -> Arc<Notify> {
        Arc::clone(&self.0.cuts[worker])
    }

    /// A mailbox with every endpoint that is retired from now on.
    pub(crate) fn subscribe(&self) -> Arc<Mailbox> {
        self.0.subscribers.subscribe()
    }

    /// All backends as they are now, by key.
    pub(crate) fn view(&self) -> Vec<BackendView> {
        let all: Vec<_> = self.0.backends.iter().map(|entry| Arc::clone(&entry)).collect();
        let now = Instant::now();
        let view = |backend: &Arc<Backend>| backend.view(now, &self.0.drained);
        let mut views: Vec<_> = all.iter().map(view).collect();
        views.sort_by(|a, b| a.backend.cmp(&b.backend));
        views
    }

    #[cfg(test)]
    pub(super) fn live_len(&self) -> usize {
        self.0.live.len()
    }

    /// Forgets what nobody needs, once that may be half of it: costs what was added since.
    fn sweep(&self) {
        let mut swept = self.0.swept.lock().unwrap_or_else(PoisonError::into_inner);
        let (backends, endpoints) = &mut *swept;
        *endpoints = self.0.live.sweep(*endpoints);
        if self.0.backends.len() >= (*backends).max(FIRST_SWEEP / 2) * 2 {
            // Held by nobody else, no backend can get another holder while its entry is locked.
            self.0.backends.retain(|_, backend| Arc::strong_count(backend) > 1 || backend.is_set());
            *backends = self.0.backends.len();
        }
    }
}

/// What becomes of the members of a set when another follows it.
struct Carried {
    /// Those of the new one.
    members: Arc<[Arc<Endpoint>]>,
    /// Those that are not in the new one.
    gone: Vec<Arc<Endpoint>>,
    /// The new one has some that nobody had.
    came: bool,
}

/// Tells who is lost. Asked in the order of addresses, it finds each where the backend's set goes
/// on; in any other, by a search.
struct Losses<'a> {
    set: &'a EndpointSet,
    live: &'a Live,
    /// Where in the set the last one was.
    at: Cell<usize>,
}

impl Losses<'_> {
    fn has(&self, one: &snapshot::Endpoint) -> bool {
        let said = &self.set.source().list;
        let last = self.at.get();
        let is_here = |at: &usize| said.get(*at).is_some_and(|it| it.address == one.address);
        let near = (last..last + 2).find(is_here);
        let at = near.or_else(|| said.binary_search_by_key(&one.address, |it| it.address).ok());
        match at.filter(|at| said[*at].uid == one.uid) {
            Some(at) => {
                self.at.set(at);
                self.live.is_lost_one(one, &self.set.members()[at])
            }
            None => self.live.is_lost(one),
        }
    }
}

/// Marks who takes nothing new any more, and who does again; gives the ones that are newly out.
fn retire(new: &EndpointSet, gone: &[Arc<Endpoint>]) -> Vec<u64> {
    let named = new.named().map(|(said, endpoint)| (endpoint, new.uses(said.state)));
    let all = named.chain(gone.iter().map(|endpoint| (endpoint, false)));
    let retired = all.filter(|(endpoint, used)| endpoint.set_retired(!used) && !used);
    retired.map(|(endpoint, _)| endpoint.id()).collect()
}
