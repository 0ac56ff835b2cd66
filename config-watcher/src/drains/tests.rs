//! Orders from their beginning to their end; a clock that tests move.

use std::time::Duration;

use proptest::prelude::*;
use snapshot::{Endpoint, EndpointState, ObjectKey};

use super::*;

fn backend(name: &str) -> BackendKey {
    BackendKey { service: ObjectKey::new("shop", name), port: 80 }
}

fn endpoint(address: &str, uid: Option<&str>) -> Endpoint {
    Endpoint {
        address: address.parse().unwrap(),
        uid: uid.map(Arc::from),
        state: EndpointState::Ready,
        zone: None,
        node: None,
    }
}

/// Endpoints of `cart`, in the order of their addresses.
fn endpoints(list: &[(&str, Option<&str>)]) -> OrdMap<BackendKey, Arc<Endpoints>> {
    let list = list.iter().map(|(address, uid)| endpoint(address, *uid)).collect();
    OrdMap::unit(backend("cart"), Arc::new(Endpoints { list, ..Endpoints::default() }))
}

fn key(text: &str) -> DrainKey {
    text.parse().unwrap()
}

fn order(address: &str, pods: &[Option<&str>]) -> Order {
    Order {
        key: key(address),
        pods: pods.iter().map(|pod| pod.map(Arc::from)).collect(),
        cause: DrainCause::Api { by: "test".into() },
        limits: ByKind::default(),
    }
}

fn by_node(order: Order) -> Order {
    Order { cause: DrainCause::Node { name: "n1".into(), reason: "cordoned".into() }, ..order }
}

const POD: &[Option<&str>] = &[Some("pod")];

#[test]
fn the_places_of_an_address_are_found_in_all_backends() {
    let mut all = endpoints(&[
        ("10.0.0.1:80", Some("a")),
        ("10.0.0.1:81", Some("b")),
        ("10.0.0.2:80", Some("c")),
        ("[fd00::1]:80", Some("d")),
    ]);
    let other = Endpoints { list: [endpoint("10.0.0.1:90", None)].into(), ..Default::default() };
    all.insert(backend("search"), Arc::new(other));
    for (named, expected) in [
        ("10.0.0.1", &["10.0.0.1:80", "10.0.0.1:81", "10.0.0.1:90"][..]),
        ("10.0.0.1:81", &["10.0.0.1:81"]),
        ("fd00::1", &["[fd00::1]:80"]),
        ("10.0.0.3", &[]),
        ("10.0.0.2:81", &[]),
    ] {
        let found: Vec<_> = places(&all, key(named));
        let found: Vec<_> = found.iter().map(|one| one.endpoint.address.to_string()).collect();
        assert_eq!(found, expected, "{named}");
    }
}

#[test]
fn a_second_order_joins_the_first_and_another_pods_takes_its_place() {
    let (drains, now) = (Drains::default(), Instant::now());
    let there = endpoints(&[("10.0.0.1:80", Some("pod"))]);
    let first = drains.order(order("10.0.0.1", POD), now).unwrap();
    let merged = drains.merge(&there, now);
    drains.published(Version(7));
    let later = now + Duration::from_secs(1);
    let mut second = order("10.0.0.1", POD);
    second.limits = ByKind::all(Some(later));
    assert_eq!(drains.order(second, later), Ok(first));
    let standing = drains.get(key("10.0.0.1"), Origin::Api).unwrap();
    assert_eq!((standing.since, standing.version), (now, Some(Version(7))));
    let again = drains.merge(&there, later);
    assert!(merged.ptr_eq(&again), "nothing changed");

    let other = drains.order(order("10.0.0.1", &[Some("new")]), later).unwrap();
    assert_ne!(other, first);
    assert!(drains.merge(&there, later)[&key("10.0.0.1")].means(Some("new")));
}

#[test]
fn an_order_is_in_the_version_that_follows_its_merge() {
    let (drains, now) = (Drains::default(), Instant::now());
    drains.order(order("10.0.0.1", POD), now).unwrap();
    let _ = drains.merge(&OrdMap::new(), now);
    drains.order(order("10.0.0.2", POD), now).unwrap();
    drains.published(Version(1));
    let version = |address| drains.get(key(address), Origin::Api).unwrap().version;
    assert_eq!((version("10.0.0.1"), version("10.0.0.2")), (Some(Version(1)), None));
    let _ = drains.merge(&OrdMap::new(), now);
    drains.published(Version(2));
    assert_eq!((version("10.0.0.1"), version("10.0.0.2")), (Some(Version(1)), Some(Version(2))));
}

#[test]
fn what_a_node_ordered_and_what_a_person_ordered_end_apart() {
    let (drains, now) = (Drains::default(), Instant::now());
    drains.order(order("10.0.0.1", POD), now).unwrap();
    drains.order(by_node(order("10.0.0.1", POD)), now).unwrap();
    let cause = || {
        let merged = drains.merge(&OrdMap::new(), now);
        merged.get(&key("10.0.0.1")).map(|drain| Origin::from(&drain.cause))
    };
    assert_eq!(cause(), Some(Origin::Api));
    assert!(drains.undo(key("10.0.0.1"), Origin::Api));
    assert_eq!(cause(), Some(Origin::Node));
    assert!(!drains.undo(key("10.0.0.1"), Origin::Api));
    assert!(drains.undo(key("10.0.0.1"), Origin::Node));
    assert_eq!(cause(), None);
}

#[test]
fn each_kind_is_cut_when_its_own_limit_has_passed_and_not_before() {
    let (drains, now) = (Drains::default(), Instant::now());
    let after = |seconds| Some(now + Duration::from_secs(seconds));
    let mut order = order("10.0.0.1", POD);
    order.limits = ByKind { requests: None, streams: after(20), tunnels: after(10) };
    drains.order(order, now).unwrap();
    for (seconds, cut, next) in [
        (0, [false; 3], after(10)),
        (9, [false; 3], after(10)),
        (10, [false, false, true], after(20)),
        (25, [false, true, true], None),
        // A clock that goes back undoes nothing.
        (5, [false, true, true], None),
    ] {
        let merged = drains.merge(&OrdMap::new(), now + Duration::from_secs(seconds));
        assert_eq!(merged[&key("10.0.0.1")].cut.values(), cut, "after {seconds} s");
        assert_eq!(drains.next_limit(), next, "after {seconds} s");
    }
}

#[test]
fn an_order_is_forgotten_some_minutes_after_its_pod() {
    let (drains, now) = (Drains::default(), Instant::now());
    let there = endpoints(&[("10.0.0.1:80", Some("pod"))]);
    drains.order(order("10.0.0.1", POD), now).unwrap();
    let stands =
        |at: u64, endpoints: &_| !drains.merge(endpoints, now + Duration::from_secs(at)).is_empty();
    assert!(stands(0, &there));
    assert!(stands(10, &OrdMap::new()));
    assert!(stands(200, &there), "it is back: the same pod");
    let replaced = endpoints(&[("10.0.0.1:80", Some("other"))]);
    assert!(stands(300, &replaced));
    assert!(stands(599, &replaced));
    assert!(!stands(600, &replaced));
}

#[test]
fn without_a_uid_what_comes_back_to_an_address_is_new() {
    let (drains, now) = (Drains::default(), Instant::now());
    let there = endpoints(&[("10.0.0.1:80", None)]);
    assert!(drains.merge(&there, now).is_empty());
    drains.order(order("10.0.0.1", &[None]), now).unwrap();
    assert_eq!(drains.merge(&there, now).len(), 1);
    assert_eq!(drains.merge(&OrdMap::new(), now).len(), 1, "what it has may still run");
    assert_eq!(drains.merge(&there, now).len(), 0);
}

#[test]
fn orders_whose_pods_are_gone_make_room_for_others() {
    let (drains, now) = (Drains::default(), Instant::now());
    let address = |index: usize| format!("10.0.{}.{}", index / 256, index % 256);
    let list: Vec<_> = (0..=MOST).map(|index| format!("{}:80", address(index))).collect();
    let list: Vec<_> = list.iter().map(|address| (address.as_str(), Some("pod"))).collect();
    let _ = drains.merge(&endpoints(&list), now);
    for index in 0..MOST {
        drains.order(order(&address(index), POD), now).unwrap();
    }
    assert_eq!(drains.order(order(&address(MOST), POD), now), Err(Full));
    drains.order(order(&address(0), POD), now).unwrap();
    let _ = drains.merge(&endpoints(&list[1..]), now);
    drains.order(order(&address(MOST), POD), now).unwrap();
    assert_eq!(drains.get(key(&address(0)), Origin::Api), None);
}

#[tokio::test]
async fn whoever_publishes_hears_of_orders_and_undos_made_before_it_asked() {
    let (drains, now) = (Drains::default(), Instant::now());
    drains.order(order("10.0.0.1", POD), now).unwrap();
    drains.changed().await;
    drains.undo(key("10.0.0.1"), Origin::Api);
    drains.changed().await;
}

proptest! {
    /// However orders, undos and changes of endpoints follow each other, the drains are those of
    /// the orders that stand, and the difference of two merges is all that changed.
    #[test]
    fn merged_drains_are_those_of_the_orders_that_stand(
        steps in prop::collection::vec((0u8..5, 0u8..3, any::<bool>()), 1..60),
    ) {
        let (drains, mut now) = (Drains::default(), Instant::now());
        let mut there = [true; 3];
        for (what, host, flag) in steps {
            let address = format!("10.0.0.{host}");
            let origin = if flag { Origin::Api } else { Origin::Node };
            let asked = order(&address, POD);
            match what {
                0 | 1 => {
                    let asked = if flag { asked } else { by_node(asked) };
                    drains.order(asked, now).unwrap();
                }
                2 => {
                    drains.undo(key(&address), origin);
                }
                3 => there[usize::from(host)] = flag,
                _ => now += Duration::from_secs(100),
            }
            let list = ["10.0.0.0:80", "10.0.0.1:80", "10.0.0.2:80"].into_iter().zip(there);
            let list: Vec<_> = list.filter(|(_, there)| *there).map(|(a, _)| (a, POD[0])).collect();
            let merged = drains.merge(&endpoints(&list), now);
            let mut standing: Vec<_> = drains.list().iter().map(|one| one.order.key).collect();
            standing.dedup();
            prop_assert_eq!(merged.keys().copied().collect::<Vec<_>>(), standing);
        }
    }
}
