//! Which of several listeners gets what they all want: a hostname or a protocol on a port of one
//! Gateway, and the port itself among Gateways that bind the same address.
//!
//! Listeners claim; every claim has a verdict; a changed claim gives new verdicts only to those
//! that it concerns. Within a Gateway precedence is: the Gateway's own listeners, then the oldest
//! ListenerSet (Gateway API `ListenerSetSpec.listeners`). Among listeners of one object nobody wins
//! (`GatewaySpec.listeners`, "handling indistinct listeners").

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use rustc_hash::FxHashMap;
use snapshot::{Hostname, ListenerKey, ObjectKey};

use self::ground::Grounds;
use self::port::Port;
use super::rank::{ParentKey, Rank};

mod ground;
mod port;
#[cfg(test)]
mod tests;

/// What a port can carry at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Family {
    /// Protocol `HTTP`.
    Http,
    /// Protocols `HTTPS` and `TLS`: told apart by SNI.
    Tls,
    /// Protocol `TCP`: one listener has the whole port.
    Tcp,
}

/// What one listener wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Claim {
    /// The listener's name in its object.
    pub section: Arc<str>,
    /// TCP port.
    pub port: u16,
    /// What it speaks there.
    pub family: Family,
    /// For which names.
    pub hostname: Hostname,
}

/// Whose claims they are, in the order of precedence within a Gateway: `None` is the Gateway
/// itself, then its ListenerSets by rank.
type Claimant = Option<Rank>;

/// What became of a claim.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// Why the listener cannot be served beside the others of its Gateway.
    pub conflict: Option<Conflict>,
    /// The older Gateway that has the port on an address of this one's.
    pub taken_by: Option<ObjectKey>,
    /// Another TLS listener on the port has a hostname that shares names with this one's.
    pub overlaps: bool,
}

/// A lost claim, and the object that holds what was wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Conflict {
    /// The port carries another protocol.
    Protocol(ParentKey),
    /// The hostname on this port belongs to another listener.
    Hostname(ParentKey),
}

/// Where a Gateway stands among the others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stand {
    /// The oldest wins.
    pub rank: Rank,
    /// Addresses that it binds; empty is the unspecified address, which is every one.
    pub addresses: BTreeSet<IpAddr>,
}

#[derive(Debug)]
struct Standing {
    gateway: ObjectKey,
    claimant: Claimant,
    claims: Vec<Claim>,
}

/// All claims and their verdicts.
#[derive(Debug, Default)]
pub(crate) struct Conflicts {
    parents: FxHashMap<ParentKey, Standing>,
    ports: BTreeMap<(ObjectKey, u16), Port>,
    grounds: Grounds,
    verdicts: FxHashMap<ListenerKey, Verdict>,
}

impl Conflicts {
    /// The verdict on a listener; one that claims nothing has nothing against it.
    pub(crate) fn verdict(&self, listener: &ListenerKey) -> Verdict {
        self.verdicts.get(listener).cloned().unwrap_or_default()
    }

    /// Replaces the claims of the listeners of `parent`, which belongs to `gateway`; returns the
    /// listeners whose verdict differs now. `rank` is that of a ListenerSet.
    pub(crate) fn claim(
        &mut self,
        parent: &ParentKey,
        gateway: &ObjectKey,
        rank: Claimant,
        claims: Vec<Claim>,
    ) -> Vec<ListenerKey> {
        let new = Standing { gateway: gateway.clone(), claimant: rank, claims };
        let mut concerned = BTreeSet::new();
        let old = self.parents.remove(parent);
        if let Some(old) = &old {
            let same_place = old.gateway == new.gateway && old.claimant == new.claimant;
            for claim in &old.claims {
                if !same_place || !new.claims.contains(claim) {
                    self.take_out(old, claim, &mut concerned);
                }
            }
        }
        for claim in &new.claims {
            let stood = old.as_ref().is_some_and(|old| {
                old.gateway == new.gateway
                    && old.claimant == new.claimant
                    && old.claims.contains(claim)
            });
            if !stood {
                self.put_in(&new, claim, &mut concerned);
            }
            concerned.insert(listener(parent, &claim.section));
        }
        concerned.extend(
            old.iter().flat_map(|old| &old.claims).map(|claim| listener(parent, &claim.section)),
        );
        if !new.claims.is_empty() {
            self.parents.insert(parent.clone(), new);
        }
        self.judge(concerned)
    }

    /// Says where a Gateway stands among the others, or that it binds nothing; returns the
    /// listeners whose verdict differs now.
    pub(crate) fn stand(&mut self, gateway: &ObjectKey, stand: Option<Stand>) -> Vec<ListenerKey> {
        let ports: Vec<u16> = self
            .ports
            .range((gateway.clone(), 0)..=(gateway.clone(), u16::MAX))
            .map(|((_, port), _)| *port)
            .collect();
        let mut concerned = BTreeSet::new();
        for (port, gateway) in self.grounds.stand(gateway, stand, &ports) {
            self.all_on(&gateway, port, &mut concerned);
        }
        self.judge(concerned)
    }

    fn put_in(&mut self, of: &Standing, claim: &Claim, concerned: &mut BTreeSet<ListenerKey>) {
        let place = (of.gateway.clone(), claim.port);
        let port = self.ports.entry(place).or_default();
        let first_there = port.is_empty();
        port.put_in(&of.claimant, claim, &mut |claimant, section| {
            concerned.insert(listener(&parent_of(claimant, &of.gateway), section));
        });
        if first_there {
            self.ground(&of.gateway, claim.port, true, concerned);
        }
    }

    fn take_out(&mut self, of: &Standing, claim: &Claim, concerned: &mut BTreeSet<ListenerKey>) {
        let place = (of.gateway.clone(), claim.port);
        let Some(port) = self.ports.get_mut(&place) else { return };
        port.take_out(&of.claimant, claim, &mut |claimant, section| {
            concerned.insert(listener(&parent_of(claimant, &of.gateway), section));
        });
        if port.is_empty() {
            self.ports.remove(&place);
            self.ground(&of.gateway, claim.port, false, concerned);
        }
    }

    fn ground(
        &mut self,
        gateway: &ObjectKey,
        port: u16,
        wanted: bool,
        concerned: &mut BTreeSet<ListenerKey>,
    ) {
        for gateway in self.grounds.want(gateway, port, wanted) {
            self.all_on(&gateway, port, concerned);
        }
    }

    fn all_on(&self, gateway: &ObjectKey, port: u16, concerned: &mut BTreeSet<ListenerKey>) {
        if let Some(found) = self.ports.get(&(gateway.clone(), port)) {
            found.all(&mut |claimant, section| {
                concerned.insert(listener(&parent_of(claimant, gateway), section));
            });
        }
    }

    fn judge(&mut self, concerned: BTreeSet<ListenerKey>) -> Vec<ListenerKey> {
        let mut changed = Vec::new();
        for key in concerned {
            let new = self.decide(&key);
            let old = match new.clone() {
                Some(verdict) => self.verdicts.insert(key.clone(), verdict),
                None => self.verdicts.remove(&key),
            };
            if old.unwrap_or_default() != new.unwrap_or_default() {
                changed.push(key);
            }
        }
        changed
    }

    fn decide(&self, key: &ListenerKey) -> Option<Verdict> {
        let parent = ParentKey { kind: key.kind, object: key.parent.clone() };
        let standing = self.parents.get(&parent)?;
        let claim = standing.claims.iter().find(|claim| claim.section == key.section)?;
        let port = self.ports.get(&(standing.gateway.clone(), claim.port))?;
        let conflict = port.conflict(&standing.claimant, claim);
        Some(Verdict {
            conflict: conflict.map(|(kind, holder)| kind(parent_of(holder, &standing.gateway))),
            taken_by: self.grounds.taken_by(&standing.gateway, claim.port),
            overlaps: claim.family == Family::Tls && port.overlaps(&claim.hostname),
        })
    }
}

fn listener(parent: &ParentKey, section: &Arc<str>) -> ListenerKey {
    ListenerKey { kind: parent.kind, parent: parent.object.clone(), section: section.clone() }
}

fn parent_of(claimant: &Claimant, gateway: &ObjectKey) -> ParentKey {
    match claimant {
        None => ParentKey::gateway(gateway.clone()),
        Some(rank) => ParentKey::set(rank.key.clone()),
    }
}
