//! Which of two claims to a port and hostname holds.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use snapshot::{Hostname, ListenerKey, ObjectKey, ParentKind};

use super::{Claim, Conflict, Conflicts, Family, Rank, Stand, Verdict};
use crate::translate::rank::ParentKey;

fn gateway(name: &str) -> ObjectKey {
    ObjectKey::new("infra", name)
}

fn rank(created: i64, name: &str) -> Rank {
    Rank { created, key: gateway(name) }
}

fn claim(section: &str, port: u16, family: Family, host: &str) -> Claim {
    let hostname = if host == "*" { Hostname::Any } else { host.parse().unwrap() };
    Claim { section: section.into(), port, family, hostname }
}

fn key(parent: &ParentKey, section: &str) -> ListenerKey {
    ListenerKey { kind: parent.kind, parent: parent.object.clone(), section: section.into() }
}

#[test]
fn listeners_of_one_object_that_want_the_same_all_lose() {
    let mut conflicts = Conflicts::default();
    let parent = ParentKey::gateway(gateway("g"));
    let claims = vec![
        claim("a", 80, Family::Http, "x.com"),
        claim("b", 80, Family::Http, "x.com"),
        claim("c", 80, Family::Http, "y.com"),
    ];
    let changed = conflicts.claim(&parent, &gateway("g"), None, claims);
    assert_eq!(changed, [key(&parent, "a"), key(&parent, "b")]);
    let lost = Some(Conflict::Hostname(parent.clone()));
    assert_eq!(conflicts.verdict(&key(&parent, "a")).conflict, lost);
    assert_eq!(conflicts.verdict(&key(&parent, "c")), Verdict::default());
}

#[test]
fn the_gateway_comes_before_sets_and_the_older_set_before_the_younger() {
    let mut conflicts = Conflicts::default();
    let own = ParentKey::gateway(gateway("g"));
    let old = ParentKey::set(gateway("old"));
    let young = ParentKey::set(gateway("young"));
    let http = |host| vec![claim("l", 80, Family::Http, host)];
    conflicts.claim(&young, &gateway("g"), Some(rank(2, "young")), http("x.com"));
    assert_eq!(conflicts.verdict(&key(&young, "l")).conflict, None);
    conflicts.claim(&old, &gateway("g"), Some(rank(1, "old")), http("x.com"));
    let to_old = Some(Conflict::Hostname(old.clone()));
    assert_eq!(conflicts.verdict(&key(&young, "l")).conflict, to_old);
    conflicts.claim(&own, &gateway("g"), None, vec![claim("l", 80, Family::Tls, "z.com")]);
    let to_own = Some(Conflict::Protocol(own.clone()));
    assert_eq!(conflicts.verdict(&key(&old, "l")).conflict, to_own);
    conflicts.claim(&own, &gateway("g"), None, Vec::new());
    assert_eq!(conflicts.verdict(&key(&old, "l")).conflict, None);
}

#[test]
fn of_two_gateways_on_one_address_the_older_has_the_port() {
    let mut conflicts = Conflicts::default();
    let stand = |created, name: &str, address: &str| {
        let addresses = address.parse().into_iter().collect();
        Some(Stand { rank: rank(created, name), addresses })
    };
    for (created, name, address) in
        [(3, "everywhere", ""), (2, "one", "10.0.0.1"), (1, "two", "10.0.0.2")]
    {
        let parent = ParentKey::gateway(gateway(name));
        conflicts.stand(&gateway(name), stand(created, name, address));
        let claims = vec![claim("l", 80, Family::Http, "*")];
        conflicts.claim(&parent, &gateway(name), None, claims);
    }
    let taken = |conflicts: &Conflicts, name: &str| {
        conflicts.verdict(&key(&ParentKey::gateway(gateway(name)), "l")).taken_by
    };
    assert_eq!(taken(&conflicts, "one"), None);
    assert_eq!(taken(&conflicts, "two"), None);
    assert_eq!(taken(&conflicts, "everywhere"), Some(gateway("two")));
    let changed = conflicts.stand(&gateway("everywhere"), stand(0, "everywhere", ""));
    assert_eq!(changed.len(), 3);
    assert_eq!(taken(&conflicts, "one"), Some(gateway("everywhere")));
}

/// Everything that stands, to be judged the simple way.
#[derive(Clone, Debug, Default)]
struct Model {
    parents: BTreeMap<ParentKey, (ObjectKey, Option<Rank>, Vec<Claim>)>,
    stands: BTreeMap<ObjectKey, Stand>,
}

impl Model {
    fn verdicts(&self) -> BTreeMap<ListenerKey, Verdict> {
        let mut found = BTreeMap::new();
        for (parent, (gateway, claimant, claims)) in &self.parents {
            for claim in claims {
                let verdict = self.verdict(gateway, claimant, claim);
                if verdict != Verdict::default() {
                    found.insert(key(parent, &claim.section), verdict);
                }
            }
        }
        found
    }

    fn on(&self, gateway: &ObjectKey, port: u16) -> Vec<(&Option<Rank>, &ParentKey, &Claim)> {
        let mut found: Vec<_> = self
            .parents
            .iter()
            .filter(|(_, (other, ..))| other == gateway)
            .flat_map(|(parent, (_, rank, claims))| {
                claims.iter().map(move |claim| (rank, parent, claim))
            })
            .filter(|(_, _, claim)| claim.port == port)
            .collect();
        found.sort_by_key(|(rank, ..)| (*rank).clone());
        found
    }

    fn verdict(&self, gateway: &ObjectKey, claimant: &Option<Rank>, claim: &Claim) -> Verdict {
        let all = self.on(gateway, claim.port);
        let (first, holder, _) = all[0];
        let families: BTreeSet<_> =
            all.iter().filter(|it| it.0 == first).map(|it| it.2.family).collect();
        let conflict = if families.len() > 1 || !families.contains(&claim.family) {
            Some(Conflict::Protocol(holder.clone()))
        } else {
            let same: Vec<_> = all
                .iter()
                .filter(|it| it.2.family == claim.family && it.2.hostname == claim.hostname)
                .collect();
            let winners = same.iter().filter(|it| it.0 == same[0].0).count();
            let holder = same[0].1.clone();
            (winners > 1 || same[0].0 != claimant).then_some(match claim.family {
                Family::Tcp => Conflict::Protocol(holder),
                _ => Conflict::Hostname(holder),
            })
        };
        let overlaps = claim.family == Family::Tls
            && all.iter().any(|it| {
                it.2.family == Family::Tls
                    && it.2.hostname != claim.hostname
                    && it.2.hostname.intersection(&claim.hostname).is_some()
            });
        Verdict { conflict, taken_by: self.taken(gateway, claim.port), overlaps }
    }

    fn taken(&self, gateway: &ObjectKey, port: u16) -> Option<ObjectKey> {
        let stand = self.stands.get(gateway)?;
        let meets = |other: &Stand| {
            other.addresses.is_empty()
                || stand.addresses.is_empty()
                || !other.addresses.is_disjoint(&stand.addresses)
        };
        let older = self.stands.iter().filter(|(other, it)| {
            it.rank < stand.rank && meets(it) && !self.on(other, port).is_empty()
        });
        older.map(|(_, it)| &it.rank).min().map(|rank| rank.key.clone())
    }
}

fn claims() -> impl Strategy<Value = Vec<Claim>> {
    let host = prop::sample::select(vec![
        "*",
        "a.com",
        "b.a.com",
        "*.a.com",
        "*.com",
        "*.b.a.com",
        "c.b.a.com",
        "a.org",
    ]);
    let family = prop::sample::select(vec![Family::Http, Family::Tls, Family::Tls, Family::Tcp]);
    prop::collection::vec((80_u16..82, family, host), 0..4).prop_map(|list| {
        list.into_iter()
            .enumerate()
            .map(|(index, (port, family, host))| claim(&format!("l{index}"), port, family, host))
            .collect()
    })
}

#[derive(Clone, Debug)]
enum Step {
    Claim(u8, u8, i64, Vec<Claim>),
    Stand(u8, Option<(i64, Vec<u8>)>),
}

fn step() -> impl Strategy<Value = Step> {
    let stand = prop::option::of((0_i64..3, prop::collection::vec(1_u8..4, 0..3)));
    prop_oneof![
        (0_u8..6, 0_u8..3, 0_i64..3, claims())
            .prop_map(|(parent, gateway, age, claims)| Step::Claim(parent, gateway, age, claims)),
        (0_u8..3, stand).prop_map(|(gateway, stand)| Step::Stand(gateway, stand)),
    ]
}

fn apply(conflicts: &mut Conflicts, model: &mut Model, step: Step) -> Vec<ListenerKey> {
    match step {
        Step::Claim(parent, of, age, claims) => {
            let own = parent < 3;
            let of = gateway(&format!("g{}", if own { parent } else { of }));
            let name = format!("s{parent}");
            let parent =
                if own { ParentKey::gateway(of.clone()) } else { ParentKey::set(gateway(&name)) };
            let rank = (parent.kind == ParentKind::ListenerSet).then(|| rank(age, &name));
            let changed = conflicts.claim(&parent, &of, rank.clone(), claims.clone());
            model.parents.insert(parent, (of, rank, claims));
            changed
        }
        Step::Stand(of, stand) => {
            let name = format!("g{of}");
            let stand = stand.map(|(age, addresses)| Stand {
                rank: rank(age, &name),
                addresses: addresses.iter().map(|last| [10, 0, 0, *last].into()).collect(),
            });
            match &stand {
                Some(stand) => model.stands.insert(gateway(&name), stand.clone()),
                None => model.stands.remove(&gateway(&name)),
            };
            conflicts.stand(&gateway(&name), stand)
        }
    }
}

proptest! {
    #[test]
    fn verdicts_follow_from_what_stands_and_every_change_is_told(
        steps in prop::collection::vec(step(), 1..30),
    ) {
        let mut conflicts = Conflicts::default();
        let mut model = Model::default();
        let mut known = BTreeMap::new();
        for step in steps {
            for key in apply(&mut conflicts, &mut model, step) {
                match conflicts.verdict(&key) {
                    verdict if verdict == Verdict::default() => known.remove(&key),
                    verdict => known.insert(key, verdict),
                };
            }
            prop_assert_eq!(&known, &model.verdicts());
        }
    }
}
