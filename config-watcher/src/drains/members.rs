//! The proxies that a drain waits for: a membership by lease.
//!
//! Promises: a drain is done only when every proxy that counts has applied it and has nothing in
//! flight, and one counts at least; a proxy that was silent for the lease does not count, and
//! counts again when it is heard. What a proxy reports it read in this order: the version that is
//! live, then what is in flight; so a zero that comes with a version is one that stays.
//!
//! How reports come here is left to others. The clock is an argument.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use snapshot::{ByKind, DrainKey, Version};

/// A proxy that was silent for so long is gone or serves nobody. 5 s: five reports lost in a row.
pub const LEASE: Duration = Duration::from_secs(5);

/// Proxies that are remembered. 4,096: as many nodes, and no more names than that from anybody.
const MOST: usize = 4_096;

/// Every proxy that was heard of within its lease.
#[derive(Debug, Default)]
pub struct Members(BTreeMap<Arc<str>, Member>);

#[derive(Debug)]
struct Member {
    report: Report,
    heard: Instant,
}

/// What a proxy says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// The version that is live on it: swapped in, not merely received.
    pub version: Version,
    /// What is in flight, read after `version`. An address that is not here has nothing.
    pub in_flight: HashMap<DrainKey, ByKind<usize>>,
}

/// A proxy that a drain still waits for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Laggard {
    /// Which.
    pub proxy: Arc<str>,
    /// It has not applied the drain yet: what it has in flight may still grow.
    pub behind: bool,
    /// What it has in flight there.
    pub in_flight: ByKind<usize>,
}

/// How far a drain is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// No proxy has anything in flight, nor ever will.
    Done,
    /// These do.
    Waiting(Vec<Laggard>),
    /// No proxy is heard of: who knows what they do.
    Nobody,
}

impl Members {
    /// Takes a proxy's report. The first one makes it a member. A proxy beyond the most that are
    /// remembered is not taken: false.
    pub fn report(&mut self, proxy: &str, report: Report, now: Instant) -> bool {
        if let Some(member) = self.0.get_mut(proxy) {
            *member = Member { report, heard: now };
            return true;
        }
        if self.0.len() >= MOST {
            self.0.retain(|_, member| member.counts(now));
        }
        let room = self.0.len() < MOST;
        if room {
            self.0.insert(proxy.into(), Member { report, heard: now });
        }
        room
    }

    /// How far the drain of `key` is that came with `version`.
    #[must_use]
    pub fn progress(&self, key: DrainKey, version: Version, now: Instant) -> Progress {
        let mut nobody = true;
        let mut waiting = Vec::new();
        for (proxy, member) in self.0.iter().filter(|(_, member)| member.counts(now)) {
            nobody = false;
            let behind = member.report.version < version;
            let in_flight = member.report.in_flight.get(&key).copied().unwrap_or_default();
            if behind || in_flight != ByKind::default() {
                waiting.push(Laggard { proxy: proxy.clone(), behind, in_flight });
            }
        }
        match (nobody, waiting.is_empty()) {
            (true, _) => Progress::Nobody,
            (false, true) => Progress::Done,
            (false, false) => Progress::Waiting(waiting),
        }
    }
}

impl Member {
    fn counts(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.heard) < LEASE
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const DRAIN: Version = Version(7);

    fn key() -> DrainKey {
        "10.0.0.1".parse().unwrap()
    }

    fn report(version: u64, requests: usize) -> Report {
        let left = ByKind { requests, ..ByKind::default() };
        Report { version: Version(version), in_flight: HashMap::from([(key(), left)]) }
    }

    fn waiting(members: &Members, now: Instant) -> Vec<(String, bool, usize)> {
        match members.progress(key(), DRAIN, now) {
            Progress::Waiting(list) => list
                .iter()
                .map(|one| (one.proxy.to_string(), one.behind, one.in_flight.requests))
                .collect(),
            Progress::Done => Vec::new(),
            Progress::Nobody => panic!("somebody is there"),
        }
    }

    #[test]
    fn a_drain_waits_for_every_proxy_to_apply_it_and_to_have_nothing_in_flight() {
        let (mut members, now) = (Members::default(), Instant::now());
        members.report("a", report(6, 0), now);
        members.report("b", report(7, 2), now);
        members.report("c", report(8, 0), now);
        assert_eq!(waiting(&members, now), [("a".into(), true, 0), ("b".into(), false, 2)]);
        members.report("b", report(7, 0), now);
        members.report("a", report(7, 1), now);
        assert_eq!(waiting(&members, now), [("a".into(), false, 1)]);
        members.report("a", Report { version: DRAIN, ..Report::default() }, now);
        assert_eq!(members.progress(key(), DRAIN, now), Progress::Done);
    }

    #[test]
    fn a_proxy_that_dies_between_apply_and_ack_counts_until_its_lease_is_over() {
        let (mut members, now) = (Members::default(), Instant::now());
        members.report("dead", report(6, 3), now);
        let just_before = now + LEASE - Duration::from_millis(1);
        members.report("alive", report(7, 0), just_before);
        assert_eq!(waiting(&members, just_before), [("dead".into(), true, 3)]);
        assert_eq!(members.progress(key(), DRAIN, now + LEASE), Progress::Done);
        // It was only slow: it counts again.
        members.report("dead", report(6, 3), now + LEASE);
        assert_eq!(waiting(&members, now + LEASE), [("dead".into(), true, 3)]);
    }

    #[test]
    fn one_that_joins_with_an_old_version_is_waited_for_and_with_a_new_one_is_not() {
        let (mut members, now) = (Members::default(), Instant::now());
        members.report("a", report(7, 0), now);
        members.report("late", report(9, 0), now);
        assert_eq!(members.progress(key(), DRAIN, now), Progress::Done);
        members.report("stale", report(5, 0), now);
        assert_eq!(waiting(&members, now), [("stale".into(), true, 0)]);
    }

    #[test]
    fn without_any_proxy_nothing_is_drained() {
        let (mut members, now) = (Members::default(), Instant::now());
        assert_eq!(members.progress(key(), DRAIN, now), Progress::Nobody);
        members.report("a", report(7, 0), now);
        assert_eq!(members.progress(key(), DRAIN, now + LEASE), Progress::Nobody);
    }

    #[test]
    fn a_clock_that_seems_to_go_back_ends_no_lease() {
        let (mut members, now) = (Members::default(), Instant::now());
        members.report("a", report(7, 1), now + Duration::from_secs(60));
        assert_eq!(waiting(&members, now), [("a".into(), false, 1)]);
    }

    #[test]
    fn the_gone_make_room_for_the_new_and_nobody_else_does() {
        let (mut members, now) = (Members::default(), Instant::now());
        for index in 0..MOST {
            assert!(members.report(&index.to_string(), report(7, 0), now));
        }
        assert!(!members.report("one more", report(7, 0), now));
        assert!(members.report("0", report(7, 0), now + LEASE));
        assert!(members.report("one more", report(7, 0), now + LEASE));
    }

    proptest! {
        /// Proxies apply, serve, report, die and come back in any order: whenever a drain is said
        /// to be done, no proxy whose lease runs could have had anything in flight at its last
        /// report, or been without the drain.
        #[test]
        fn done_is_never_said_over_the_head_of_a_proxy_that_counts(
            steps in prop::collection::vec((0usize..4, 0u64..10, 0usize..3, 0u64..3), 1..80),
        ) {
            let (mut members, mut now) = (Members::default(), Instant::now());
            let mut last: [Option<(u64, usize, Instant)>; 4] = [None; 4];
            for (proxy, version, requests, seconds) in steps {
                now += Duration::from_secs(seconds);
                members.report(&proxy.to_string(), report(version, requests), now);
                last[proxy] = Some((version, requests, now));
                let counting = last.iter().flatten().filter(|(.., heard)| now - *heard < LEASE);
                let all = counting.clone().all(|(version, requests, _)| {
                    *version >= DRAIN.0 && *requests == 0
                });
                let done = members.progress(key(), DRAIN, now) == Progress::Done;
                prop_assert_eq!(done, all && counting.count() > 0);
            }
        }
    }
}
