//! What an apply keeps, changes and refuses; what its tables find.

mod naive;
mod snapshots;

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use proptest::prelude::*;
use snapshot::{Attachment, Match, PathMatch, Snapshot};

use self::naive::Verdict;
use self::snapshots::{
    Request, addresses, hostname, listener, listener_key, route, route_key, some_edits,
    some_request,
};
use super::Applier;
use crate::backend::Backends;
use crate::table::{Found, Seek};
use crate::telemetry::Telemetry;

fn applier() -> Applier {
    let telemetry = Telemetry::new();
    Applier::new(Backends::new(Arc::default(), telemetry.clone()), telemetry)
}

fn every_address() -> [SocketAddr; 3] {
    let [a, b] = addresses();
    [a, b, IpAddr::V6(Ipv6Addr::UNSPECIFIED)].map(|address| SocketAddr::new(address, 80))
}

fn find(applier: &Applier, address: SocketAddr, request: &Request) -> Verdict {
    let Some(slot) = applier.slots.get(&address) else { return Verdict::NoListener };
    let seek = Seek {
        host: &request.host,
        path: &request.path,
        query: Some(&request.query),
        method: &request.method,
        headers: &request.headers,
        sni: None,
        https: false,
    };
    match slot.load().find(&seek) {
        Found::Rule(hit) => Verdict::Rule(hit.rule.key.clone(), hit.prefix),
        Found::NoRoute(listener) => Verdict::NoRoute(listener.key.clone()),
        Found::NoListener => Verdict::NoListener,
        Found::Misdirected => unreachable!("no listener of these tests has TLS"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, ..ProptestConfig::default() })]

    #[test]
    fn a_table_finds_what_the_words_of_the_gateway_api_say(
        edits in some_edits(40),
        requests in prop::collection::vec(some_request(), 60),
    ) {
        let mut snapshot = Snapshot::default();
        edits.iter().for_each(|edit| edit.apply(&mut snapshot));
        let mut applier = applier();
        let refusals = applier.apply(Arc::new(snapshot.clone())).refusals;
        prop_assert!(refusals.is_empty(), "{refusals:?}");
        for (address, request) in every_address().iter().flat_map(|a| requests.iter().map(move |r| (*a, r))) {
            let expect = naive::find(&snapshot, address, request);
            prop_assert_eq!(find(&applier, address, request), expect, "{} {:?}", address, request);
        }
    }

    #[test]
    fn tables_do_not_remember_how_they_came_about(
        edits in some_edits(60),
        pace in 1..8_usize,
        requests in prop::collection::vec(some_request(), 40),
    ) {
        let mut snapshot = Snapshot::default();
        let mut applied = applier();
        for some in edits.chunks(pace) {
            some.iter().for_each(|edit| edit.apply(&mut snapshot));
            applied.apply(Arc::new(snapshot.clone()));
        }
        let mut fresh = applier();
        fresh.apply(Arc::new(snapshot.clone()));
        prop_assert!(applied.slots.keys().eq(fresh.slots.keys()));
        for (address, request) in every_address().iter().flat_map(|a| requests.iter().map(move |r| (*a, r))) {
            let expect = find(&fresh, address, request);
            prop_assert_eq!(find(&applied, address, request), expect, "{} {:?}", address, request);
        }
    }
}
