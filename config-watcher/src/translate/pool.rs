//! Addresses for Gateways from the operator's pool: one of its own for each that asks for none in
//! particular, and the ones asked for where they are free.
//!
//! Promises: what a Gateway gets follows from what all of them wish and hold, whatever the order
//! in which that became known; what one holds (its status says so) it keeps while it wants it.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use rustc_hash::FxHashMap;
use snapshot::ObjectKey;

use super::rank::Rank;

/// What a Gateway wants of the pool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wish {
    /// The older Gateway comes first.
    pub rank: Rank,
    /// Addresses that its spec names.
    pub fixed: Vec<IpAddr>,
    /// How many more, whichever they are.
    pub any: usize,
    /// What it had when its status was written last.
    pub held: Vec<IpAddr>,
}

/// What a Gateway gets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Given {
    /// Addresses that its spec names, and it has.
    pub fixed: Vec<IpAddr>,
    /// Addresses that it has besides; fewer than it wished for when the pool is exhausted.
    pub any: Vec<IpAddr>,
    /// Addresses that its spec names, and another Gateway has.
    pub taken: Vec<(IpAddr, ObjectKey)>,
}

/// Wishes and gifts.
#[derive(Debug, Default)]
pub(crate) struct Pool {
    wishes: FxHashMap<ObjectKey, Wish>,
    given: FxHashMap<ObjectKey, Given>,
    stale: bool,
}

impl Pool {
    /// What a Gateway has.
    pub(crate) fn given(&self, gateway: &ObjectKey) -> Option<&Given> {
        self.given.get(gateway)
    }

    /// Replaces what a Gateway wants.
    pub(crate) fn wish(&mut self, gateway: &ObjectKey, wish: Option<Wish>) {
        if self.wishes.get(gateway) != wish.as_ref() {
            self.stale = true;
            match wish {
                Some(wish) => self.wishes.insert(gateway.clone(), wish),
                None => self.wishes.remove(gateway),
            };
        }
    }

    /// Shares `net` out; returns the Gateways that have other addresses now.
    ///
    /// Costs the number of Gateways, whenever one of them comes, goes, or asks for other
    /// addresses: rare, and under a microsecond for each.
    pub(crate) fn settle(&mut self, net: IpNet) -> Vec<ObjectKey> {
        if !std::mem::take(&mut self.stale) {
            return Vec::new();
        }
        let given = share(net, &self.wishes);
        let old = std::mem::replace(&mut self.given, given);
        let left = old.keys().filter(|gateway| !self.given.contains_key(*gateway));
        let moved = self.given.iter().filter(|(gateway, given)| old.get(*gateway) != Some(given));
        left.chain(moved.map(|(gateway, _)| gateway)).cloned().collect()
    }
}

fn share(net: IpNet, wishes: &FxHashMap<ObjectKey, Wish>) -> FxHashMap<ObjectKey, Given> {
    let by_rank: BTreeMap<&Rank, &Wish> = wishes.values().map(|wish| (&wish.rank, wish)).collect();
    let mut owners: FxHashMap<IpAddr, &ObjectKey> = FxHashMap::default();
    let mut given: FxHashMap<ObjectKey, Given> = FxHashMap::default();
    for wish in by_rank.values() {
        let gift = given.entry(wish.rank.key.clone()).or_default();
        for address in wish.held.iter().filter(|address| is_host(net, **address)) {
            let fixed = wish.fixed.contains(address);
            if (fixed || gift.any.len() < wish.any) && !owners.contains_key(address) {
                owners.insert(*address, &wish.rank.key);
                if fixed { &mut gift.fixed } else { &mut gift.any }.push(*address);
            }
        }
    }
    for wish in by_rank.values() {
        let gift = given.entry(wish.rank.key.clone()).or_default();
        for address in wish.fixed.iter().filter(|address| is_host(net, **address)) {
            match owners.get(address) {
                Some(owner) if **owner == wish.rank.key => {}
                Some(owner) => gift.taken.push((*address, (*owner).clone())),
                None => {
                    owners.insert(*address, &wish.rank.key);
                    gift.fixed.push(*address);
                }
            }
        }
    }
    for wish in by_rank.values() {
        let gift = given.entry(wish.rank.key.clone()).or_default();
        while gift.any.len() < wish.any {
            let Some(address) = free(net, &wish.rank.key, &owners) else { break };
            owners.insert(address, &wish.rank.key);
            gift.any.push(address);
        }
        gift.fixed.sort_unstable();
        gift.any.sort_unstable();
    }
    given
}

/// Whether a pool hands an address out: not those that name an IPv4 network or all of its hosts.
pub(crate) fn is_host(net: IpNet, address: IpAddr) -> bool {
    let (first, count) = hosts(net);
    net.contains(&address) && number(address).wrapping_sub(first) < count
}

/// The first address to hand out, as a number, and how many there are.
fn hosts(net: IpNet) -> (u128, u128) {
    let first = number(net.network());
    let bits = u32::from(net.max_prefix_len() - net.prefix_len());
    let all = 1_u128.checked_shl(bits).unwrap_or(u128::MAX);
    match net {
        IpNet::V4(_) if bits >= 2 => (first + 1, all - 2),
        _ => (first, all),
    }
}

/// The first free address from the place that the Gateway's name points at. The name and not the
/// order of arrival decides, so that a Gateway keeps its address over restarts where no status is
/// kept, and most keep theirs when another comes or goes.
fn free(net: IpNet, gateway: &ObjectKey, owners: &FxHashMap<IpAddr, &ObjectKey>) -> Option<IpAddr> {
    let (first, count) = hosts(net);
    let start = u128::from(hash(gateway)) % count;
    // Among one more than are owned, one is free.
    let tries = count.min(owners.len() as u128 + 1);
    (0..tries)
        .map(|step| address(net, first + (start + step) % count))
        .find(|address| !owners.contains_key(address))
}

/// FNV-1a: the same in every release, which the addresses rest on.
fn hash(gateway: &ObjectKey) -> u64 {
    let name = gateway.namespace.bytes().chain([b'/']).chain(gateway.name.bytes());
    name.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u128::from(address.to_bits()),
        IpAddr::V6(address) => address.to_bits(),
    }
}

fn address(net: IpNet, number: u128) -> IpAddr {
    match net {
        IpNet::V4(_) => {
            let bits = u32::try_from(number).expect("a sum within an IPv4 network");
            IpAddr::V4(Ipv4Addr::from_bits(bits))
        }
        IpNet::V6(_) => IpAddr::V6(Ipv6Addr::from_bits(number)),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::net::IpAddr;

    use ipnet::IpNet;
    use snapshot::ObjectKey;

    use super::{Given, Pool, Rank, Wish};

    fn key(name: &str) -> ObjectKey {
        ObjectKey::new("infra", name)
    }

    fn ips(list: &[&str]) -> Vec<IpAddr> {
        list.iter().map(|ip| ip.parse().unwrap()).collect()
    }

    fn wish(name: &str, created: i64, fixed: &[&str], any: usize, held: &[&str]) -> Wish {
        let rank = Rank { created, key: key(name) };
        Wish { rank, fixed: ips(fixed), any, held: ips(held) }
    }

    fn given(net: &str, wishes: &[Wish]) -> Vec<Given> {
        let mut pool = Pool::default();
        for wish in wishes {
            pool.wish(&wish.rank.key, Some(wish.clone()));
        }
        pool.settle(net.parse::<IpNet>().unwrap());
        wishes.iter().map(|it| pool.given(&it.rank.key).unwrap().clone()).collect()
    }

    #[test]
    fn everyone_gets_an_address_of_its_own_until_there_is_none() {
        let wishes: Vec<_> =
            (0..8).map(|index| wish(&format!("g{index}"), index, &[], 1, &[])).collect();
        let given = given("10.9.0.0/29", &wishes);
        let addresses: BTreeSet<_> = given.iter().flat_map(|it| &it.any).collect();
        let hosts: Vec<IpAddr> = (1..7).map(|last| [10, 9, 0, last].into()).collect();
        assert_eq!(addresses, hosts.iter().collect());
        assert!(given[6].any.is_empty() && given[7].any.is_empty(), "the youngest go without");
    }

    #[test]
    fn what_is_held_is_kept_against_older_ones_and_against_the_spec_of_others() {
        let held = wish("young", 9, &[], 1, &["10.9.0.1"]);
        let asks = wish("old", 1, &["10.9.0.1", "10.9.0.2"], 0, &[]);
        let found = given("10.9.0.0/30", &[held, asks]);
        assert_eq!(found[0].any, ips(&["10.9.0.1"]));
        assert_eq!(found[1].fixed, ips(&["10.9.0.2"]));
        assert_eq!(found[1].taken, [(ips(&["10.9.0.1"])[0], key("young"))]);
    }

    #[test]
    fn an_address_outside_of_the_pool_is_neither_held_nor_given() {
        let found = given("10.9.0.0/30", &[wish("g", 1, &["10.8.0.1"], 1, &["10.9.0.3"])]);
        assert!(found[0].fixed.is_empty() && found[0].any.len() == 1);
        assert_ne!(found[0].any, ips(&["10.9.0.3"]));
    }

    #[test]
    fn a_whole_network_of_ipv6_is_a_pool_too() {
        let found = given("fd00::/64", &[wish("g", 1, &[], 2, &[])]);
        assert_eq!(found[0].any.len(), 2);
        assert_eq!(given("::/0", &[wish("g", 1, &[], 1, &[])])[0].any.len(), 1);
    }
}
