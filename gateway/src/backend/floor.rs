//! How fast a backend may shrink when endpoints are merely missing.
//!
//! An endpoint that took requests and is not in the next listing may be gone, or the listing may
//! be wrong: a relist that was answered too early, a slice that was deleted to be made again. What
//! left was either seen to leave (it drained or was not ready before, a drain was ordered, it
//! refuses connections, another pod has its address) or is **missing**. Missing endpoints beyond
//! the floor are **held**: they go on taking requests.
//!
//! Promises: within one window at least the floor's share of what was in use stays in use, unless
//! it was seen to leave; what is held is let go of by at least half of what is in use, and by one
//! at least, at each end of a window, so that a listing that is right wins in the end. No clock:
//! time is given. Who asks when a window ends, and what happens to requests, is left to the parent.

use std::sync::Arc;
use std::time::{Duration, Instant};

use snapshot::{Endpoint, EndpointState, Endpoints};

/// How fast a backend may shrink.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules {
    /// What stays in use within one window, in percent.
    pub(super) percent: usize,
    /// How long a window is.
    pub(super) window: Duration,
}

/// The listing of one backend, and who is held beside it.
#[derive(Debug, Default)]
pub(super) struct Floor {
    listed: Arc<Endpoints>,
    /// By address; none of these addresses is in `listed`.
    held: Vec<Endpoint>,
    /// Since something was missing.
    window: Option<Window>,
}

#[derive(Clone, Copy, Debug)]
struct Window {
    ends: Instant,
    /// Most that were in use at once, less those that were seen to leave.
    most: usize,
}

impl Floor {
    /// What the snapshot says.
    pub(super) fn listed(&self) -> &Arc<Endpoints> {
        &self.listed
    }

    /// Who takes requests although not listed, by address.
    pub(super) fn held(&self) -> &[Endpoint] {
        &self.held
    }

    /// When the next of them may be let go of.
    pub(super) fn held_until(&self) -> Option<Instant> {
        self.window.filter(|_| !self.held.is_empty()).map(|window| window.ends)
    }

    /// Takes a listing. `lost` are endpoints that take no requests, whatever a listing says.
    pub(super) fn list(
        &mut self,
        listed: Arc<Endpoints>,
        rules: &Rules,
        lost: impl Fn(&Endpoint) -> bool,
        now: Instant,
    ) {
        self.settle(rules, &lost, now);
        let old = std::mem::replace(&mut self.listed, listed);
        // Both parts are ordered by address, and so is what is found of each.
        let in_use = || {
            let (old, held) = (old.list.iter().filter(is_ready), self.held.iter());
            found(&self.listed, old).chain(found(&self.listed, held))
        };
        if self.window.is_none() && in_use().all(|(_, found)| found.is_some()) {
            return;
        }
        let mut before = 0;
        let mut left = 0;
        let mut missing = Vec::new();
        for (was, found) in in_use().filter(|(was, _)| !lost(was)) {
            before += 1;
            match found {
                Some(found) => left += usize::from(!is_ready(&found)),
                None => missing.push(was.clone()),
            }
        }
        let fresh = Window { ends: now + rules.window, most: 0 };
        let window = self.window.get_or_insert(fresh);
        window.most = window.most.max(before) - left;
        let floor = (window.most * rules.percent).div_ceil(100);
        missing.sort_unstable();
        missing.truncate(floor.saturating_sub(self.ready(&lost)));
        self.held = missing;
    }

    /// Lets go of who is lost, and of who has been held for long enough. True when anyone was.
    pub(super) fn settle(
        &mut self,
        rules: &Rules,
        lost: impl Fn(&Endpoint) -> bool,
        now: Instant,
    ) -> bool {
        let before = self.held.len();
        self.held.retain(|held| !lost(held));
        while let Some(window) = self.window.filter(|window| window.ends <= now) {
            let ready = self.ready(&lost);
            let in_use = ready + self.held.len();
            let floor = (in_use * rules.percent / 100).min(in_use.saturating_sub(1));
            self.held.truncate(floor.saturating_sub(ready));
            let next = Window { ends: window.ends + rules.window, most: in_use };
            self.window = (!self.held.is_empty()).then_some(next);
        }
        self.held.len() != before
    }

    /// Lets go of everyone: nobody wants the backend any more.
    pub(super) fn clear(&mut self) {
        self.held.clear();
        self.window = None;
    }

    fn ready(&self, lost: impl Fn(&Endpoint) -> bool) -> usize {
        self.listed.list.iter().filter(is_ready).filter(|one| !lost(one)).count()
    }
}

fn is_ready(endpoint: &&Endpoint) -> bool {
    endpoint.state == EndpointState::Ready
}

/// Endpoints, in the order of their addresses, with what a listing says of each address.
fn found<'a, 'b>(
    listed: &'a Endpoints,
    of: impl Iterator<Item = &'b Endpoint>,
) -> impl Iterator<Item = (&'b Endpoint, Option<&'a Endpoint>)> {
    let mut rest = listed.list.iter().peekable();
    of.map(move |one| {
        while rest.next_if(|listed| listed.address < one.address).is_some() {}
        (one, rest.next_if(|listed| listed.address == one.address))
    })
}

#[cfg(test)]
mod tests;
