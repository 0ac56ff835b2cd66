//! What an endpoint counts, and how it pauses.

use std::time::{Duration, Instant};

use super::*;

fn endpoint() -> Arc<Endpoint> {
    Arc::new(Endpoint::new("127.0.0.1:80".parse().unwrap()))
}

#[test]
fn a_request_is_counted_until_its_guard_is_dropped() {
    let endpoint = endpoint();
    let first = endpoint.enter().unwrap();
    let second = endpoint.enter().unwrap();
    assert_eq!(endpoint.in_flight(), 2);
    drop(first);
    assert_eq!(second.endpoint().in_flight(), 1);
    drop(second);
    assert_eq!(endpoint.in_flight(), 0);
}

#[test]
fn a_draining_endpoint_lets_nothing_in_and_counts_nobody_turned_away() {
    let endpoint = endpoint();
    let before = endpoint.enter().unwrap();
    assert!(!endpoint.drain(ByKind::default()));
    assert_eq!(endpoint.left(), ByKind { requests: 1, ..ByKind::default() });
    assert!(endpoint.is_draining() && endpoint.enter().is_none());
    drop(before);
    assert_eq!(endpoint.left(), ByKind::default());
    endpoint.resume();
    assert!(endpoint.enter().is_some());
}

#[test]
fn what_is_left_is_told_by_kind_whatever_it_was_at_first() {
    let endpoint = endpoint();
    let mut held = [(); 4].map(|()| endpoint.enter().unwrap());
    held[1].turn_into(Kind::Stream);
    held[2].turn_into(Kind::Tunnel);
    held[3].turn_into(Kind::Stream);
    assert_eq!(endpoint.left().values(), [1, 2, 1]);
    let [request, stream, tunnel, other] = held;
    drop((request, other));
    assert_eq!(endpoint.left().values(), [0, 1, 1]);
    drop((stream, tunnel));
    assert_eq!(endpoint.left().values(), [0, 0, 0]);
}

#[test]
fn kinds_are_cut_each_by_itself_and_an_undo_takes_it_back() {
    let endpoint = endpoint();
    let cut = |requests, streams, tunnels| ByKind { requests, streams, tunnels };
    assert!(endpoint.drain(cut(false, false, true)));
    assert!(!endpoint.drain(cut(false, false, true)), "no news");
    assert!(endpoint.is_cut(Kind::Tunnel) && !endpoint.is_cut(Kind::Stream));
    assert!(endpoint.drain(cut(false, true, true)));
    assert!(endpoint.is_cut(Kind::Stream) && !endpoint.is_cut(Kind::Request));
    endpoint.resume();
    assert!(!endpoint.is_cut(Kind::Tunnel) && endpoint.enter().is_some());
}

#[test]
fn pauses_double_up_to_the_longest_and_end_with_a_contact() {
    let endpoint = endpoint();
    let (first, longest) = (Duration::from_millis(500), Duration::from_secs(2));
    let mut now = Instant::now();
    let mut pauses = Vec::new();
    for _ in 0..4 {
        endpoint.failed(now, first, longest);
        let pause = endpoint.pause(now).unwrap();
        pauses.push(pause.as_millis());
        now += pause;
        assert_eq!(endpoint.pause(now), None);
    }
    assert_eq!(pauses, [500, 1000, 2000, 2000]);

    endpoint.contacted();
    assert!(!endpoint.may_pause());
    endpoint.failed(now, first, longest);
    assert_eq!(endpoint.pause(now), Some(first));
}

#[test]
fn failures_during_a_pause_do_not_lengthen_it() {
    let endpoint = endpoint();
    let (first, longest) = (Duration::from_millis(500), Duration::from_secs(2));
    let now = Instant::now();
    for _ in 0..100 {
        endpoint.failed(now, first, longest);
    }
    assert_eq!(endpoint.failures(), 1);
    assert_eq!(endpoint.pause(now), Some(first));
}

#[test]
fn retirement_is_news_once() {
    let endpoint = endpoint();
    assert!(endpoint.set_retired(true));
    assert!(!endpoint.set_retired(true));
    assert!(endpoint.is_retired());
    assert!(endpoint.set_retired(false));
}

#[test]
fn it_serves_since_it_began_to() {
    let (endpoint, now) = (endpoint(), Instant::now());
    assert_eq!(endpoint.serving_for(now), None);
    endpoint.set_serving(true, now);
    endpoint.set_serving(true, now + Duration::from_secs(5));
    let later = now + Duration::from_secs(9);
    assert_eq!(endpoint.serving_for(later), Some(Duration::from_secs(9)));
    endpoint.set_serving(false, later);
    assert_eq!(endpoint.serving_for(later), None);
}
