//! The desk where drains are ordered, undone and asked after: `/v1/drain`.
//!
//! Promises: an answer of "drained" means that every proxy has applied the order and has nothing
//! in flight to the address, nor ever will; a caller that goes away leaves its order in place, and
//! a second call joins the first; calls are bounded in number and time. Who may call is left to
//! `access`, what an order does to `config_watcher::drains` and the proxies.

mod access;
mod ask;
mod door;

use std::collections::{BTreeSet, HashMap};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use config_watcher::drains::{
    Drains, Laggard, Members, Order, Origin, Place, Progress, Report, Standing, places,
};
use gateway::views::Views;
use http::{HeaderMap, Method};
use snapshot::{ByKind, DrainCause, DrainDeadlines, DrainKey, Version};
use tokio::sync::{Semaphore, watch};
use tokio::time::sleep;

use crate::drain::answer::{self, Answer, Drained, Waiting};
use crate::live::Live;
pub(super) use access::Access;
use ask::{Ask, Verb};
pub(super) use door::{Args, reply, start};

/// Between two looks at what is in flight: far below the 50 ms within which an idle pod is to have
/// its answer, and a look costs some atomic reads.
const LOOK: Duration = Duration::from_millis(10);
/// Calls that may wait at the same time. 256: more than pods end at once, and their looks cost less
/// than a tenth of a core.
const MOST_CALLS: usize = 256;
/// What a deadline cuts gets this long to be gone: the farewell of a tunnel is 1 s at most.
const CUT_TIME: Duration = Duration::from_millis(1_500);

/// See the module.
pub(super) struct Desk {
    drains: Drains,
    members: Mutex<Members>,
    live: watch::Receiver<Live>,
    views: Views,
    access: Access,
    calls: Semaphore,
    /// The name of the proxy in this process.
    proxy: Arc<str>,
}

/// Where a caller came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Door {
    /// The admin address, where whoever is on this machine is at home.
    Admin,
    /// The drain listener.
    Drain,
}

impl Desk {
    pub(super) fn new(
        drains: Drains,
        live: watch::Receiver<Live>,
        views: Views,
        access: Access,
    ) -> Self {
        Self {
            drains,
            members: Mutex::default(),
            live,
            views,
            access,
            calls: Semaphore::new(MOST_CALLS),
            proxy: super::source::host_name().into(),
        }
    }

    /// Does what is asked.
    pub(super) async fn answer(
        &self,
        door: Door,
        peer: SocketAddr,
        method: &Method,
        query: &str,
        headers: &HeaderMap,
    ) -> Answer {
        let begun = Instant::now();
        let ask = match Ask::read(method, query, peer) {
            Ok(ask) => ask,
            Err(reason) => return Answer::Wrong { reason },
        };
        let found = ask.key.map(|key| self.places(key)).unwrap_or_default();
        let by = match self.access.admit(door, peer, &ask, &found, headers).await {
            Ok(by) => by,
            Err(forbidden) => return forbidden,
        };
        match (ask.verb, ask.key) {
            (Verb::List, key) => self.list(key),
            (Verb::Undo, Some(key)) => self.undo(key),
            (Verb::Order, Some(key)) => self.order(key, &found, by, ask.timeout, begun).await,
            (_, None) => Answer::Wrong { reason: ask::NO_ADDRESS.to_owned() },
        }
    }

    fn places(&self, key: DrainKey) -> Vec<Place> {
        let snapshot = self.live.borrow().snapshot.clone();
        places(&snapshot.endpoints, key)
    }

    async fn order(
        &self,
        key: DrainKey,
        found: &[Place],
        by: Arc<str>,
        timeout: Duration,
        begun: Instant,
    ) -> Answer {
        let Ok(_call) = self.calls.try_acquire() else {
            let reason = format!("{MOST_CALLS} calls wait already; try again");
            return Answer::Busy { reason };
        };
        let deadline = begun + timeout;
        let standing = self.drains.get(key, Origin::Api);
        let id = match standing.filter(|_| found.is_empty()) {
            // Its pod is gone from all slices, and what it had may still run.
            Some(standing) => standing.id,
            None if found.is_empty() => return unknown(key),
            None => {
                let cause = DrainCause::Api { by };
                let (pods, limits) = (pods(found), self.limits(found, begun, deadline));
                match self.drains.order(Order { key, pods, cause, limits }, begun) {
                    Ok(id) => id,
                    Err(full) => return Answer::Busy { reason: full.to_string() },
                }
            }
        };
        self.wait(key, id, begun, deadline).await
    }

    /// Waits until nothing is in flight. Dropped, the order stays.
    async fn wait(&self, key: DrainKey, id: u64, begun: Instant, deadline: Instant) -> Answer {
        let mut cut = None;
        // Who was there at the last look: what is cut between two looks was seen by the first.
        let mut last = Vec::new();
        loop {
            let Some(standing) = self.drains.get(key, Origin::Api).filter(|one| one.id == id)
            else {
                return Answer::Undone { address: key.to_string() };
            };
            let now = Instant::now();
            match self.progress(&standing, now) {
                Some((Progress::Done, Version(version))) => {
                    let took = begun.elapsed().as_millis();
                    let late = doomed(&standing, &last, now);
                    return Answer::Drained(Drained {
                        address: key.to_string(),
                        version,
                        took_ms: u64::try_from(took).unwrap_or(u64::MAX),
                        cut: cut.unwrap_or(late),
                    });
                }
                Some((Progress::Waiting(laggards), _)) if now >= deadline => {
                    let doomed = doomed(&standing, &laggards, now);
                    let cut = *cut.get_or_insert(doomed);
                    if doomed == ByKind::default() && cut == doomed || now >= deadline + CUT_TIME {
                        return Answer::Deadline(Waiting { address: key.to_string(), laggards });
                    }
                }
                Some((Progress::Waiting(laggards), _)) => last = laggards,
                _ if now >= deadline => {
                    let laggards = Vec::new();
                    return Answer::Deadline(Waiting { address: key.to_string(), laggards });
                }
                _ => {}
            }
            sleep(LOOK.min(deadline.saturating_duration_since(now).max(LOOK / 10))).await;
        }
    }

    /// How far an order is that is in a version, and in which.
    fn progress(&self, standing: &Standing, now: Instant) -> Option<(Progress, Version)> {
        let version = standing.version?;
        let key = standing.order.key;
        // Live first, in flight second: a zero that comes with a version stays.
        let live = self.live.borrow().applied.as_ref().map(|applied| applied.version)?;
        let means = |uid: Option<&str>| standing.order.pods.iter().any(|pod| pod.as_deref() == uid);
        let in_flight = HashMap::from([(key, self.views.in_flight(&key, means))]);
        let mut members = self.members.lock().unwrap_or_else(PoisonError::into_inner);
        members.report(&self.proxy, Report { version: live, in_flight }, now);
        Some((members.progress(key, version, now), version))
    }

    fn undo(&self, key: DrainKey) -> Answer {
        if self.drains.undo(key, Origin::Api) {
            return Answer::Undone { address: key.to_string() };
        }
        let remedy = match self.drains.get(key, Origin::Node) {
            Some(standing) => format!("its {} drains it; uncordon that", standing.order.cause),
            None => "`headgate drain --list` shows what is drained".to_owned(),
        };
        Answer::Unknown { address: key.to_string(), remedy }
    }

    /// All drains, or those of one address.
    fn list(&self, key: Option<DrainKey>) -> Answer {
        let now = Instant::now();
        let all = self.drains.list().into_iter();
        let asked = all.filter(|one| key.is_none_or(|key| one.order.key.address == key.address));
        let drains = asked.map(|standing| {
            let progress = self.progress(&standing, now).map(|(progress, _)| progress);
            let since = now.saturating_duration_since(standing.since).as_millis();
            answer::Standing {
                address: standing.order.key.to_string(),
                cause: standing.order.cause,
                since_ms: u64::try_from(since).unwrap_or(u64::MAX),
                drained: progress == Some(Progress::Done),
                laggards: match progress {
                    Some(Progress::Waiting(laggards)) => laggards,
                    _ => Vec::new(),
                },
            }
        });
        Answer::List { drains: drains.collect() }
    }

    /// When what still runs is cut, by the policies of the address's backends: where several have
    /// one, the most patient.
    fn limits(
        &self,
        found: &[Place],
        begun: Instant,
        deadline: Instant,
    ) -> ByKind<Option<Instant>> {
        let snapshot = self.live.borrow().snapshot.clone();
        let backends = found.iter().filter_map(|place| snapshot.backends.get(&place.backend));
        let policies: Vec<_> = backends.map(|backend| backend.lifecycle.drain).collect();
        limits(&policies, begun, deadline)
    }
}

/// Streams and tunnels are cut at the deadline or earlier, plain requests only where a policy says
/// so: they end by themselves, or with their pod.
fn limits(
    policies: &[DrainDeadlines],
    begun: Instant,
    deadline: Instant,
) -> ByKind<Option<Instant>> {
    let longest = |of: fn(&DrainDeadlines) -> Option<Duration>| {
        // `None` is the most patient; of no policy at all too.
        let all = policies.iter().map(of).collect::<Option<Vec<_>>>();
        all.and_then(|all| all.into_iter().max()).map(|time| deadline.min(begun + time))
    };
    ByKind {
        requests: longest(|policy| policy.requests),
        streams: Some(longest(|policy| policy.streams).unwrap_or(deadline)),
        tunnels: Some(longest(|policy| policy.tunnels).unwrap_or(deadline)),
    }
}

/// The pods behind an address.
fn pods(found: &[Place]) -> Arc<[Option<Arc<str>>]> {
    let pods: BTreeSet<_> = found.iter().map(|place| place.endpoint.uid.clone()).collect();
    pods.into_iter().collect()
}

fn unknown(key: DrainKey) -> Answer {
    Answer::Unknown {
        address: key.to_string(),
        remedy: "no route leads to it; `headgate endpoints` lists those that one leads to"
            .to_owned(),
    }
}

/// What laggards have in flight that is cut by now.
fn doomed(standing: &Standing, laggards: &[Laggard], now: Instant) -> ByKind<usize> {
    let add = |(one, other): (usize, usize)| one + other;
    let all = laggards
        .iter()
        .fold(ByKind::default(), |sum: ByKind<usize>, laggard| sum.zip(laggard.in_flight).map(add));
    let limits = standing.order.limits;
    let is_cut = |(count, limit): (usize, Option<Instant>)| match limit {
        Some(limit) if limit <= now => count,
        _ => 0,
    };
    all.zip(limits).map(is_cut)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_runs_is_cut_at_the_most_patient_policy_but_not_after_the_deadline() {
        let begun = Instant::now();
        let after = |seconds| begun + Duration::from_secs(seconds);
        let policy = |requests: Option<u64>, streams: Option<u64>, tunnels: Option<u64>| {
            let time = |seconds: Option<u64>| seconds.map(Duration::from_secs);
            let (requests, streams) = (time(requests), time(streams));
            DrainDeadlines { requests, streams, tunnels: time(tunnels) }
        };
        for (policies, expected) in [
            (&[][..], [None, Some(30), Some(30)]),
            (&[policy(None, None, None)], [None, Some(30), Some(30)]),
            (&[policy(Some(5), Some(10), Some(60))], [Some(5), Some(10), Some(30)]),
            (
                &[policy(Some(5), Some(10), Some(3)), policy(None, Some(20), Some(2))],
                [None, Some(20), Some(3)],
            ),
        ] {
            let limits = limits(policies, begun, after(30));
            assert_eq!(limits.values(), expected.map(|at| at.map(after)), "{policies:?}");
        }
    }
}
