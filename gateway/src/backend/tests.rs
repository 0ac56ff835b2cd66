//! Which endpoint takes a request, and who waits; addresses that are compared, never dialled.

use std::collections::BTreeSet;
use std::sync::Arc;

use proptest::prelude::*;
use snapshot::{Endpoint as Said, EndpointState, Endpoints, ObjectKey, Protocol};

use super::*;
use crate::telemetry::Telemetry;

fn key() -> BackendKey {
    BackendKey { service: ObjectKey::new("shop", "cart"), port: 80 }
}

fn backends() -> Backends {
    let mut settings = Settings::default();
    settings.upstream.no_endpoint_waiting = 2;
    Backends::new(Arc::new(settings), Telemetry::new())
}

/// A backend with endpoints on 10.0.0.0, 10.0.0.1 and so on, in these states.
fn backend(states: &[EndpointState]) -> (Backends, Arc<Backend>) {
    let backends = backends();
    backends.set(&key(), Some(Arc::new(plain()))).unwrap();
    put(&backends, states);
    let backend = backends.handle(&key());
    (backends, backend)
}

fn plain() -> snapshot::Backend {
    snapshot::Backend {
        protocol: Protocol::Auto,
        tls: None,
        refused: None,
        lifecycle: Default::default(),
    }
}

fn put(backends: &Backends, states: &[EndpointState]) {
    let said = |(host, state): (usize, &_)| said(u8::try_from(host).unwrap(), "pod", *state);
    let list = states.iter().enumerate().map(said).collect();
    backends.set_endpoints(&key(), listed(list));
}

fn listed(list: Arc<[Said]>) -> Option<Arc<Endpoints>> {
    Some(Arc::new(Endpoints { list, ..Endpoints::default() }))
}

fn said(host: u8, uid: &str, state: EndpointState) -> Said {
    let address = SocketAddr::from(([10, 0, 0, host], 8080));
    Said { address, uid: Some(uid.into()), state, zone: None, node: None }
}

fn view(backend: &Backend) -> BackendView {
    backend.view(Instant::now(), &drained::Drained::default())
}

fn host(picked: &Picked) -> u8 {
    match picked.endpoint().address().ip() {
        std::net::IpAddr::V4(ip) => ip.octets()[3],
        std::net::IpAddr::V6(_) => unreachable!("only IPv4 here"),
    }
}

fn refuse(endpoint: &Endpoint) {
    endpoint.failed(Instant::now(), Duration::from_secs(60), Duration::from_secs(60));
}

use EndpointState::{Draining, NotReady, Ready};

mod drains;

#[tokio::test]
async fn ready_endpoints_go_before_draining_ones_and_others_take_nothing() {
    for (states, expected) in [
        (&[NotReady, Draining, Ready, Draining][..], 2),
        (&[NotReady, NotReady, NotReady, Draining], 3),
    ] {
        let (_backends, backend) = backend(states);
        for _ in 0..50 {
            assert_eq!(host(&backend.pick(&[], None, None).await.unwrap()), expected);
        }
    }
}

#[tokio::test]
async fn a_pick_is_counted_until_it_is_dropped() {
    let (_backends, backend) = backend(&[Ready]);
    let picked = backend.pick(&[], None, None).await.unwrap();
    let endpoint = Arc::clone(picked.endpoint());
    assert_eq!(endpoint.in_flight(), 1);
    drop(picked);
    assert_eq!(endpoint.in_flight(), 0);
}

#[tokio::test]
async fn the_less_loaded_of_two_is_picked() {
    let (_backends, backend) = backend(&[Ready, Ready]);
    let mut picks = Vec::new();
    for _ in 0..100 {
        picks.push(backend.pick(&[], None, None).await.unwrap());
    }
    assert_eq!(picks.iter().filter(|picked| host(picked) == 0).count(), 50);
}

#[tokio::test]
async fn endpoints_that_stay_the_same_keep_their_state_over_a_swap() {
    let (backends, backend) = backend(&[Ready, Ready]);
    let held = backend.pick(&[], None, None).await.unwrap();
    let list = Arc::from([
        said(0, "pod", Ready),
        // The same address, but another pod.
        said(1, "another", Ready),
    ]);
    let other = backends.handle(&BackendKey { port: 81, ..key() });
    backends.set_endpoints(other.key(), listed(Arc::clone(&list)));
    backends.set_endpoints(&key(), listed(list));

    let in_flight: Vec<_> = view(&backend).endpoints.iter().map(|view| view.in_flight).collect();
    assert_eq!(in_flight, if host(&held) == 0 { [1, 0] } else { [0, 0] });
    let views = backends.view();
    assert_eq!(views[0].endpoints, views[1].endpoints, "shared by both backends");
    assert_eq!(views.iter().map(|view| view.backend.port).collect::<Vec<_>>(), [80, 81]);
}

#[tokio::test]
async fn earlier_tries_are_avoided_where_another_can_be_contacted() {
    let (_backends, backend) = backend(&[Ready, Ready, Ready]);
    let first = backend.pick(&[], None, None).await.unwrap();
    let avoid = [Arc::clone(first.endpoint())];
    for _ in 0..50 {
        let again = backend.pick(&avoid, None, None).await.unwrap();
        assert_ne!(host(&again), host(&first));
    }
}

#[tokio::test]
async fn the_only_endpoint_is_tried_again_at_once_if_it_can_be_contacted() {
    let (_backends, backend) = backend(&[Ready]);
    let first = backend.pick(&[], None, None).await.unwrap();
    let avoid = [Arc::clone(first.endpoint())];
    assert!(backend.choose(&avoid, None).unwrap().is_some());
}

#[tokio::test]
async fn the_session_goes_to_its_endpoint_while_that_takes_requests() {
    let (backends, backend) = backend(&[Ready; 5]);
    let prefer = Some(SocketAddr::from(([10, 0, 0, 3], 8080)));
    let mut held = Vec::new();
    for _ in 0..20 {
        held.push(backend.pick(&[], prefer, None).await.unwrap());
    }
    assert!(held.iter().all(|picked| host(picked) == 3), "loaded or not");

    put(&backends, &[Ready, Ready, Ready, Draining, Ready]);
    for _ in 0..20 {
        assert_ne!(host(&backend.pick(&[], prefer, None).await.unwrap()), 3);
    }
}

#[tokio::test]
async fn a_request_waits_for_an_endpoint_and_goes_on_when_it_comes() {
    let (backends, backend) = backend(&[NotReady]);
    let (picked, ()) = tokio::join!(backend.pick(&[], None, None), async {
        assert_eq!(view(&backend).waiting, 1);
        put(&backends, &[NotReady, Ready]);
    });
    assert_eq!(host(&picked.unwrap()), 1);
    assert_eq!(view(&backend).waiting, 0);
}

/// A backend without endpoints, for which requests wait so long.
fn waited_for(no_endpoint_wait: Duration) -> Arc<Backend> {
    let mut settings = Settings::default();
    settings.upstream.no_endpoint_wait = no_endpoint_wait;
    let backends = Backends::new(Arc::new(settings), Telemetry::new());
    backends.set(&key(), Some(Arc::new(plain()))).unwrap();
    backends.handle(&key())
}

#[tokio::test]
async fn a_wait_ends_at_the_limit() {
    let limit = Duration::from_millis(20);
    let gone = waited_for(limit).pick(&[], None, None).await.err();
    assert!(matches!(gone, Some(NoEndpoint::Waited(waited)) if waited >= limit), "{gone:?}");
}

#[tokio::test]
async fn a_wait_ends_at_the_deadline() {
    let (limit, deadline) = (Duration::from_secs(60), Some(Instant::now()));
    let gone = waited_for(limit).pick(&[], None, deadline).await.err();
    assert!(matches!(gone, Some(NoEndpoint::Waited(waited)) if waited < limit / 2), "{gone:?}");
}

#[tokio::test]
async fn no_more_than_the_allowed_number_wait() {
    let (backends, backend) = backend(&[]);
    let (first, second, overflow, ()) = tokio::join!(
        backend.pick(&[], None, None),
        backend.pick(&[], None, None),
        backend.pick(&[], None, None),
        async { put(&backends, &[Ready]) },
    );
    assert!(first.is_ok() && second.is_ok());
    assert_eq!(overflow.err(), Some(NoEndpoint::Overflow));
}

#[tokio::test]
async fn a_wait_that_is_given_up_frees_its_place() {
    let (_backends, backend) = backend(&[]);
    for _ in 0..5 {
        let wait = std::pin::pin!(backend.pick(&[], None, None));
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        assert!(wait.poll(&mut context).is_pending());
        assert_eq!(view(&backend).waiting, 1);
    }
    assert_eq!(view(&backend).waiting, 0);
}

#[tokio::test]
async fn refused_and_unknown_backends_say_so_at_once() {
    let backends = backends();
    let backend = backends.handle(&key());
    let unknown = backend.pick(&[], None, None).await.err();
    assert!(matches!(unknown, Some(NoEndpoint::Refused(_))), "{unknown:?}");

    let refused = snapshot::Backend { refused: Some("no valid policy".into()), ..plain() };
    backends.set(&key(), Some(Arc::new(refused))).unwrap();
    put(&backends, &[Ready]);
    let refused = backend.pick(&[], None, None).await.err();
    assert_eq!(refused, Some(NoEndpoint::Refused("no valid policy".into())));
}

#[tokio::test]
async fn a_config_that_cannot_be_used_leaves_the_old_one() {
    let (backends, backend) = backend(&[Ready]);
    let tls = snapshot::BackendTls { hostname: "not a name".into(), anchors: None, names: vec![] };
    let bad = snapshot::Backend { tls: Some(tls), ..plain() };
    assert!(backends.set(&key(), Some(Arc::new(bad))).unwrap_err().contains("not a name"));
    assert!(backend.pick(&[], None, None).await.unwrap().config().tls().is_none());
}

#[tokio::test]
async fn an_equal_config_changes_nothing() {
    let (backends, backend) = backend(&[Ready]);
    let before = backend.pick(&[], None, None).await.unwrap().config().id();
    backends.set(&key(), Some(Arc::new(plain()))).unwrap();
    assert_eq!(backend.pick(&[], None, None).await.unwrap().config().id(), before);
}

#[tokio::test]
async fn endpoints_that_refuse_are_left_alone_up_to_half_of_them() {
    for (count, refusing, most_out) in [(1, 1, 0), (2, 2, 1), (3, 3, 1), (4, 1, 1), (10, 9, 5)] {
        let (_backends, backend) = backend(&vec![Ready; count]);
        for member in &backend.set.load().members()[..refusing] {
            refuse(member);
        }
        let mut met = vec![false; count];
        for _ in 0..1000 {
            met[usize::from(host(&backend.pick(&[], None, None).await.unwrap()))] = true;
        }
        let out = met.iter().filter(|met| !**met).count();
        assert_eq!(out, most_out, "{refusing} of {count} refuse: {met:?}");
    }
}

#[tokio::test]
async fn when_all_that_drain_refuse_a_request_waits_for_a_new_one() {
    for tried in [0, 1] {
        let (backends, backend) = backend(&[Draining, Draining]);
        let gone: Vec<_> = backend.set.load().members().to_vec();
        gone.iter().for_each(|endpoint| refuse(endpoint));
        let (picked, ()) = tokio::join!(backend.pick(&gone[..tried], None, None), async {
            assert_eq!(backend.waiting.load(Ordering::Relaxed), 1);
            put(&backends, &[Draining, Draining, Ready]);
        });
        assert_eq!(host(&picked.unwrap()), 2);
    }
}

#[tokio::test]
async fn a_contact_ends_the_quarantine() {
    let (_backends, backend) = backend(&[Ready, Ready]);
    let bad = Arc::clone(&backend.set.load().members()[0]);
    refuse(&bad);
    assert_eq!(host(&backend.pick(&[], None, None).await.unwrap()), 1);
    bad.contacted();
    let held = [
        backend.pick(&[], None, None).await.unwrap(),
        backend.pick(&[], None, None).await.unwrap(),
    ];
    assert_eq!(held.iter().map(host).map(u32::from).sum::<u32>(), 1);
}

#[tokio::test]
async fn a_retry_takes_no_endpoint_that_refused_however_many_did() {
    let (_backends, backend) = backend(&[Ready; 6]);
    let members = backend.set.load().members().to_vec();
    for bad in &members[..5] {
        refuse(bad);
    }
    for _ in 0..50 {
        let picked = backend.pick(&members[..1], None, None).await.unwrap();
        assert_eq!(host(&picked), 5);
    }
}

#[tokio::test]
async fn when_all_that_a_request_met_are_gone_it_waits_for_the_news() {
    let (backends, backend) = backend(&[Ready; 4]);
    let tried = backend.set.load().members()[..2].to_vec();
    tried.iter().for_each(|tried| refuse(tried));
    assert!(backend.choose(&tried, None).unwrap().is_none(), "two of four: the rest may be gone");
    let (picked, ()) = tokio::join!(backend.pick(&tried, None, None), async {
        put(&backends, &[NotReady, NotReady, NotReady, NotReady, Ready]);
    });
    assert_eq!(host(&picked.unwrap()), 4);
}

#[tokio::test]
async fn who_refused_is_gone_when_his_pause_is_over_as_well() {
    let (_backends, backend) = backend(&[Ready; 4]);
    let tried = backend.set.load().members()[..2].to_vec();
    tried[0].failed(Instant::now(), Duration::ZERO, Duration::ZERO);
    refuse(&tried[1]);
    assert!(tried[0].pause(Instant::now()).is_none());
    assert!(backend.choose(&tried, None).unwrap().is_none(), "the second was long in refusing");
}

#[tokio::test]
async fn a_request_that_waits_hears_that_all_go_and_waits_for_others() {
    let (backends, backend) = backend(&[Ready; 4]);
    let tried = backend.set.load().members()[..2].to_vec();
    tried.iter().for_each(|tried| refuse(tried));
    let (picked, ()) = tokio::join!(backend.pick(&tried, None, None), async {
        put(&backends, &[Draining; 4]);
        tokio::time::sleep(NEWS_WAIT + Duration::from_millis(200)).await;
        put(&backends, &[Draining, Draining, Draining, Draining, Ready]);
    });
    assert_eq!(host(&picked.unwrap()), 4);
}

#[tokio::test]
async fn without_news_a_request_puts_up_with_what_there_is() {
    let (_backends, backend) = backend(&[Ready]);
    let tried = backend.set.load().members().to_vec();
    refuse(&tried[0]);
    let soon = Some(Instant::now() + Duration::from_millis(30));
    assert_eq!(host(&backend.pick(&tried, None, soon).await.unwrap()), 0);
}

#[tokio::test]
async fn endpoints_that_take_nothing_new_are_told_once() {
    let (backends, _backend) = backend(&[Ready, Ready, Draining, NotReady]);
    let ids: Vec<_> = backends.handle(&key()).set.load().members().iter().map(|m| m.id()).collect();
    let mailbox = backends.subscribe();
    // 1 drains, 2 leaves (it was told before), 3 comes back.
    let list = Arc::from([said(0, "pod", Ready), said(1, "pod", Draining), said(3, "pod", Ready)]);
    backends.set_endpoints(&key(), listed(list));
    assert_eq!(mailbox.next().await, Retired::These(vec![ids[1]]));
    // Without a ready one, those that drain are needed again: no news. Then all leave.
    let list = [said(0, "pod", Draining), said(1, "pod", Draining), said(3, "pod", NotReady)];
    backends.set_endpoints(&key(), listed(Arc::from(list)));
    assert!(!backends.handle(&key()).set.load().members()[1].is_retired());
    backends.set_endpoints(&key(), None);
    let mut told = match mailbox.next().await {
        Retired::These(told) => told,
        Retired::Many => unreachable!("few"),
    };
    told.sort_unstable();
    assert_eq!(told, [ids[0], ids[1], ids[3]]);
}

/// The last part of the addresses that take requests, drawn often enough to meet all.
fn met(backend: &Backend) -> BTreeSet<u8> {
    (0..200)
        .filter_map(|_| backend.choose(&[], None).unwrap())
        .map(|picked| host(&picked))
        .collect()
}

fn held(backend: &Backend) -> Vec<u8> {
    let all = view(backend).endpoints.into_iter();
    let held = all.filter(|one| one.held_ms.is_some());
    held.map(|one| *one.address.to_string().as_bytes()[..8].last().unwrap() - b'0').collect()
}

#[test]
fn a_listing_without_endpoints_takes_half_of_them_and_time_the_rest() {
    let (backends, backend) = backend(&[Ready; 4]);
    backends.set_endpoints(&key(), None);
    assert_eq!(met(&backend), BTreeSet::from([0, 1]));
    assert_eq!(held(&backend), [0, 1]);
    let left = view(&backend).endpoints[0].held_ms;
    assert!(left.is_some_and(|left| left <= 10_000), "{left:?}");
    assert_eq!(backend.set.load().counts().held, 2);
    assert!(!backend.set.load().members()[0].is_retired());

    backends.settle(Instant::now() + Duration::from_secs(11));
    assert_eq!(held(&backend), [0]);
    backends.settle(Instant::now() + Duration::from_secs(21));
    assert!(met(&backend).is_empty() && view(&backend).endpoints.is_empty());
}

#[test]
fn a_held_endpoint_is_out_with_the_first_contact_it_refuses() {
    let (backends, backend) = backend(&[Ready; 4]);
    backends.set_endpoints(&key(), None);
    for (refused, left) in [(0, BTreeSet::from([1])), (0, BTreeSet::new())] {
        refuse(&backend.set.load().members()[refused]);
        assert_eq!(met(&backend), left, "at once");
        assert!(backend.choose_any(&[], None).unwrap().is_none() == left.is_empty());
        backends.settle(Instant::now());
        assert_eq!(held(&backend), Vec::from_iter(left), "and then for good");
    }
}

#[test]
fn an_address_that_is_another_pods_is_not_held() {
    let (backends, backend) = backend(&[Ready; 4]);
    let other = BackendKey { port: 81, ..key() };
    // One is known as another's before, on whatever port, one afterwards.
    let mut moved = said(0, "another", Ready);
    moved.address.set_port(9090);
    backends.set_endpoints(&other, listed(Arc::from([moved.clone()])));
    backends.set_endpoints(&key(), None);
    assert_eq!(held(&backend), [1, 2]);
    backends.set_endpoints(&other, listed(Arc::from([moved, said(1, "another", Ready)])));
    assert_eq!(held(&backend), [2]);
}

#[test]
fn nothing_is_held_of_what_was_drained_by_order_or_of_a_backend_that_is_gone() {
    let (backends, backend) = backend(&[Ready; 4]);
    for drained in &backend.set.load().members()[..3] {
        drained.drain(snapshot::ByKind::default());
    }
    backends.set_endpoints(&key(), None);
    assert_eq!(held(&backend), [3]);
    backends.set(&key(), None).unwrap();
    assert!(held(&backend).is_empty());

    put(&backends, &[Ready; 4]);
    backends.set_endpoints(&key(), None);
    assert!(held(&backend).is_empty(), "no snapshot has it");
}

/// Policies that say how endpoints come and go, and nothing else.
fn lifecycle(lifecycle: snapshot::Lifecycle) -> Option<Arc<snapshot::Backend>> {
    Some(Arc::new(snapshot::Backend { lifecycle, ..plain() }))
}

#[tokio::test]
async fn a_policy_sets_the_floor_and_leaves_connections_alone() {
    let (backends, backend) = backend(&[Ready; 4]);
    let before = backend.pick(&[], None, None).await.unwrap().config().id();
    let floor = snapshot::Floor { percent: Some(75), window: Some(Duration::from_secs(60)) };
    let policy = snapshot::Lifecycle { floor, ..Default::default() };
    backends.set(&key(), lifecycle(policy)).unwrap();
    assert_eq!(backend.pick(&[], None, None).await.unwrap().config().id(), before);
    backends.set_endpoints(&key(), None);
    assert_eq!(held(&backend), [0, 1, 2]);
    backends.settle(Instant::now() + Duration::from_secs(59));
    assert_eq!(held(&backend).len(), 3);
}

#[test]
fn a_new_endpoint_comes_to_its_share_slowly_where_a_policy_says_so() {
    let share_of_the_new = |slow_start| {
        let (backends, backend) = backend(&[Ready, Ready]);
        let policy = snapshot::Lifecycle { slow_start, ..Default::default() };
        backends.set(&key(), lifecycle(policy)).unwrap();
        for old in backend.set.load().members() {
            old.set_serving(false, Instant::now());
            old.set_serving(true, Instant::now().checked_sub(Duration::from_secs(7200)).unwrap());
        }
        put(&backends, &[Ready; 3]);
        let picks = (0..3000).map(|_| host(&backend.choose(&[], None).unwrap().unwrap()));
        picks.filter(|host| *host == 2).count()
    };
    assert!((850..1150).contains(&share_of_the_new(None)));
    let hour = Some(Duration::from_secs(3600));
    assert!((50..200).contains(&share_of_the_new(hour)), "a tenth of a third");
}

#[test]
fn endpoints_that_are_all_new_share_evenly_and_a_single_one_takes_all() {
    let hour = Some(Duration::from_secs(3600));
    for count in [1, 4] {
        let (backends, backend) = backend(&[]);
        let policy = snapshot::Lifecycle { slow_start: hour, ..Default::default() };
        backends.set(&key(), lifecycle(policy)).unwrap();
        put(&backends, &vec![Ready; count]);
        assert_eq!(met(&backend).len(), count);
    }
}

#[test]
fn what_nobody_needs_is_forgotten() {
    let backends = backends();
    for port in 0..10_000u16 {
        let key = BackendKey { port, ..key() };
        backends.set(&key, Some(Arc::new(plain()))).unwrap();
        let list = Arc::from([Said { uid: Some(port.to_string().into()), ..said(0, "", Ready) }]);
        backends.set_endpoints(&key, listed(list));
        backends.set(&key, None).unwrap();
        backends.set_endpoints(&key, None);
    }
    assert!(backends.view().len() <= 1024, "{}", backends.view().len());
    assert!(backends.live_len() <= 1024, "{}", backends.live_len());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// However endpoints come, go, refuse and recover, at least half of those that are ready can
    /// be picked.
    #[test]
    fn quarantine_never_takes_more_than_half(
        steps in prop::collection::vec((0usize..12, 0u8..3), 1..40),
    ) {
        let (backends, backend) = backend(&[Ready; 12]);
        let mut states = [Ready; 12];
        for (index, what) in steps {
            let member = Arc::clone(&backend.set.load().members()[index]);
            match what {
                0 => refuse(&member),
                1 => member.contacted(),
                _ => {
                    states[index] = if states[index] == Ready { NotReady } else { Ready };
                    put(&backends, &states);
                }
            }
            let ready = states.iter().filter(|state| **state == Ready).count();
            let mut met = [false; 12];
            for _ in 0..150 {
                if let Some(picked) = backend.choose(&[], None).unwrap() {
                    met[usize::from(host(&picked))] = true;
                }
            }
            let met = met.iter().filter(|met| **met).count();
            prop_assert!(met * 2 >= ready && met <= ready, "{} of {} ready", met, ready);
        }
    }
}
