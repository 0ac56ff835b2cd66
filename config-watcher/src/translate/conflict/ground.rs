//! Ports among Gateways: where two bind the same address, or one binds every address, the older
//! Gateway has the port. A Gateway that lost still counts against younger ones, so that a verdict
//! follows from ages alone.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use rustc_hash::FxHashMap;
use snapshot::ObjectKey;

use super::{Rank, Stand};

#[derive(Debug, Default)]
pub(super) struct Grounds {
    stands: FxHashMap<ObjectKey, Stand>,
    /// The ports that Gateways have claims on, standing or not.
    wanted: BTreeSet<(ObjectKey, u16)>,
    ports: FxHashMap<u16, Ground>,
}

/// The Gateways that stand on one port.
#[derive(Debug, Default)]
struct Ground {
    all: BTreeSet<Rank>,
    /// Those that bind the unspecified address.
    everywhere: BTreeSet<Rank>,
    at: BTreeMap<IpAddr, BTreeSet<Rank>>,
}

impl Grounds {
    /// Takes in that a Gateway has, or no longer has, claims on a port; returns the Gateways that
    /// this may concern there.
    pub(super) fn want(&mut self, gateway: &ObjectKey, port: u16, wants: bool) -> Vec<ObjectKey> {
        let key = (gateway.clone(), port);
        let changed = if wants { self.wanted.insert(key) } else { self.wanted.remove(&key) };
        match self.stands.get(gateway) {
            Some(stand) if changed => {
                let ground = self.ports.entry(port).or_default();
                let concerned = ground.change(stand, wants);
                if ground.all.is_empty() {
                    self.ports.remove(&port);
                }
                concerned
            }
            _ => Vec::new(),
        }
    }

    /// Takes in where a Gateway stands, which has claims on `ports`; returns the ports and Gateways
    /// that this may concern.
    pub(super) fn stand(
        &mut self,
        gateway: &ObjectKey,
        stand: Option<Stand>,
        ports: &[u16],
    ) -> Vec<(u16, ObjectKey)> {
        if self.stands.get(gateway) == stand.as_ref() {
            return Vec::new();
        }
        let mut concerned = Vec::new();
        let mut leave_and_enter = |this: &mut Self, enter: bool| {
            for port in ports {
                let found = this.want(gateway, *port, enter);
                concerned.extend(found.into_iter().map(|gateway| (*port, gateway)));
            }
        };
        leave_and_enter(self, false);
        match stand {
            Some(stand) => self.stands.insert(gateway.clone(), stand),
            None => self.stands.remove(gateway),
        };
        leave_and_enter(self, true);
        concerned
    }

    /// The older Gateway that has the port where `gateway` wants it.
    pub(super) fn taken_by(&self, gateway: &ObjectKey, port: u16) -> Option<ObjectKey> {
        let stand = self.stands.get(gateway)?;
        let first = self.ports.get(&port)?.first_against(stand)?;
        (*first < stand.rank).then(|| first.key.clone())
    }
}

impl Ground {
    /// The oldest Gateway that shares an address with `stand`, itself included.
    fn first_against(&self, stand: &Stand) -> Option<&Rank> {
        if stand.addresses.is_empty() {
            return self.all.first();
        }
        let there = stand.addresses.iter().filter_map(|address| self.at.get(address)?.first());
        self.everywhere.first().into_iter().chain(there).min()
    }

    fn change(&mut self, stand: &Stand, enters: bool) -> Vec<ObjectKey> {
        let change = |set: &mut BTreeSet<Rank>| {
            if enters {
                set.insert(stand.rank.clone());
            } else {
                set.remove(&stand.rank);
            }
        };
        let first_of_all = self.all.first().cloned();
        let first_everywhere = self.everywhere.first().cloned();
        change(&mut self.all);
        if stand.addresses.is_empty() {
            change(&mut self.everywhere);
        }
        let mut concerned = BTreeSet::from([stand.rank.clone()]);
        for address in &stand.addresses {
            let there = self.at.entry(*address).or_default();
            change(there);
            concerned.extend(there.iter().cloned());
            if there.is_empty() {
                self.at.remove(address);
            }
        }
        if self.everywhere.first() != first_everywhere.as_ref() {
            concerned.extend(self.all.iter().cloned());
        } else if self.all.first() != first_of_all.as_ref() {
            concerned.extend(self.everywhere.iter().cloned());
        }
        concerned.into_iter().map(|rank| rank.key).collect()
    }
}
