//! Who is held, for how long, and that it ends.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use proptest::prelude::*;

use super::*;

const RULES: Rules = Rules { percent: 50, window: Duration::from_secs(10) };

fn endpoint(host: u8, state: EndpointState) -> Endpoint {
    let address = SocketAddr::from(([10, 0, 0, host], 80));
    Endpoint { address, uid: Some("pod".into()), state, zone: None, node: None }
}

fn listed(endpoints: impl IntoIterator<Item = Endpoint>) -> Arc<Endpoints> {
    Arc::new(Endpoints { list: endpoints.into_iter().collect(), ..Endpoints::default() })
}

fn ready(hosts: impl IntoIterator<Item = u8>) -> Arc<Endpoints> {
    listed(hosts.into_iter().map(|host| endpoint(host, EndpointState::Ready)))
}

fn host(endpoint: &Endpoint) -> u8 {
    match endpoint.address {
        SocketAddr::V4(address) => address.ip().octets()[3],
        SocketAddr::V6(_) => unreachable!("only IPv4 here"),
    }
}

fn held(floor: &Floor) -> Vec<u8> {
    floor.held().iter().map(host).collect()
}

fn nobody(_: &Endpoint) -> bool {
    false
}

/// A floor over this many ready endpoints.
fn over(count: u8, now: Instant) -> Floor {
    let mut floor = Floor::default();
    floor.list(ready(0..count), &RULES, nobody, now);
    floor
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[test]
fn half_may_be_missing_at_once_and_no_more() {
    let now = Instant::now();
    for (before, after, expected) in
        [(4, 3, 0), (4, 2, 0), (4, 1, 1), (4, 0, 2), (5, 2, 1), (1, 0, 1), (3, 0, 2), (100, 1, 49)]
    {
        let mut floor = over(before, now);
        floor.list(ready(0..after), &RULES, nobody, now);
        assert_eq!(floor.held().len(), expected, "{before} to {after}");
    }
}

#[test]
fn many_small_losses_within_a_window_count_together() {
    let now = Instant::now();
    let mut floor = over(8, now);
    for (second, count) in [(1, 7), (2, 6), (3, 5), (4, 4), (5, 3), (6, 2)] {
        floor.list(ready(0..count), &RULES, nobody, now + seconds(second));
    }
    assert_eq!(held(&floor), [2, 3]);
}

#[test]
fn a_scale_down_that_nobody_announced_completes() {
    let now = Instant::now();
    let mut floor = over(4, now);
    floor.list(ready([]), &RULES, nobody, now);
    let mut seen = Vec::new();
    for second in 0..=30 {
        floor.settle(&RULES, nobody, now + seconds(second));
        seen.push(floor.held().len());
    }
    assert_eq!((seen[0], seen[9], seen[10], seen[19], seen[20]), (2, 2, 1, 1, 0));
    assert_eq!(floor.held_until(), None);
}

#[test]
fn whoever_was_seen_to_leave_is_not_held() {
    use EndpointState::{Draining, NotReady, Ready};
    let now = Instant::now();
    let mut floor = over(4, now);
    let leaving = [Draining, NotReady, Ready, Ready];
    let leaving = (0..).zip(leaving).map(|(host, state)| endpoint(host, state));
    floor.list(listed(leaving), &RULES, nobody, now);
    assert!(held(&floor).is_empty());
    floor.list(ready([]), &RULES, nobody, now);
    assert_eq!(held(&floor), [2], "half of the two that are missing");
}

#[test]
fn whoever_is_lost_is_let_go_of_at_once() {
    let now = Instant::now();
    let mut floor = over(4, now);
    floor.list(ready([]), &RULES, |one| host(one) == 0, now);
    assert_eq!(held(&floor), [1, 2]);
    assert!(floor.settle(&RULES, |one| host(one) == 1, now));
    assert_eq!(held(&floor), [2]);
    assert!(!floor.settle(&RULES, nobody, now));
}

#[test]
fn nobody_is_held_beside_enough_new_ones() {
    let now = Instant::now();
    let mut floor = over(4, now);
    floor.list(ready([]), &RULES, nobody, now);
    floor.list(ready([9]), &RULES, nobody, now + seconds(1));
    assert_eq!(held(&floor), [0]);
    floor.list(ready([8, 9]), &RULES, nobody, now + seconds(2));
    assert!(held(&floor).is_empty());
}

#[test]
fn a_listing_that_comes_right_again_holds_nobody() {
    let now = Instant::now();
    let mut floor = over(4, now);
    floor.list(ready([]), &RULES, nobody, now);
    floor.list(ready(0..4), &RULES, nobody, now + seconds(1));
    assert!(held(&floor).is_empty());
    floor.list(ready(0..2), &RULES, nobody, now + seconds(12));
    assert!(held(&floor).is_empty(), "a window that is over counts no more");
}

#[test]
fn endpoints_that_take_nothing_do_not_stand_for_those_that_are_missing() {
    let now = Instant::now();
    let mut floor = over(4, now);
    floor.list(ready([0, 1]), &RULES, |one| host(one) < 2, now);
    assert_eq!(held(&floor), [2], "0 and 1 are drained: half of the other two");
}

/// What happens to a backend.
#[derive(Clone, Debug)]
enum Step {
    /// A listing of these hosts; those of the second set drain.
    List(BTreeSet<u8>, BTreeSet<u8>),
    /// This host refuses a connection; its pod never comes back.
    Refuse(u8),
    Wait(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let hosts = || prop::collection::btree_set(0u8..16, 0..16);
    let step = prop_oneof![
        4 => (hosts(), hosts()).prop_map(|(all, draining)| Step::List(all, draining)),
        1 => (0u8..16).prop_map(Step::Refuse),
        2 => (0u64..15).prop_map(Step::Wait),
    ];
    prop::collection::vec(step, 1..40)
}

proptest! {
    /// Whatever is listed, refused and waited for: a listing takes away no more than half of what
    /// was in use and not seen to leave, nobody is held who is listed or lost, and what is held
    /// ends.
    #[test]
    fn never_below_the_floor_and_always_at_the_end(steps in steps(), percent in 0usize..=100) {
        let rules = Rules { percent, ..RULES };
        let (mut now, mut floor) = (Instant::now(), Floor::default());
        let mut refused = BTreeSet::new();
        for step in steps {
            match step {
                Step::Wait(time) => now += seconds(time),
                Step::Refuse(host) => {
                    refused.insert(host);
                }
                Step::List(all, draining) => {
                    let lost = |one: &Endpoint| refused.contains(&host(one));
                    floor.settle(&rules, lost, now);
                    let was: BTreeSet<_> = in_use(&floor, &refused);
                    let list = all.iter().map(|host| {
                        let drains = draining.contains(host);
                        let states = [EndpointState::Ready, EndpointState::Draining];
                        endpoint(*host, states[usize::from(drains)])
                    });
                    floor.list(listed(list), &rules, lost, now);
                    let now_in_use = in_use(&floor, &refused);
                    let left = was.iter().filter(|host| all.contains(host));
                    let stayed = was.len() - left.filter(|host| draining.contains(host)).count();
                    prop_assert!(now_in_use.len() * 100 >= stayed * percent);
                    for held in floor.held() {
                        prop_assert!(!all.contains(&host(held)) && !lost(held));
                        prop_assert!(was.contains(&host(held)), "held, and was not in use");
                    }
                    prop_assert!(floor.held().is_sorted());
                }
            }
        }
        // With so many windows every one of sixteen has gone, one at least in each.
        floor.settle(&rules, nobody, now + RULES.window * 17);
        prop_assert!(floor.held().is_empty() && floor.window.is_none());
    }
}

fn in_use(floor: &Floor, refused: &BTreeSet<u8>) -> BTreeSet<u8> {
    let listed = floor.listed().list.iter().filter(is_ready);
    listed.chain(floor.held()).map(host).filter(|host| !refused.contains(host)).collect()
}
