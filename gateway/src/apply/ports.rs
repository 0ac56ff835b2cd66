//! Addresses and ports: which listeners share one, and what each of them is.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use imbl::OrdMap;
use imbl::ordmap::DiffItem;
use snapshot::{Certificate, CertificateKey, Listener, ListenerKey, Snapshot};

use super::identities::Identities;
use super::refusals::{Refusal, Refusals, Scope};
use crate::table::{ListenerInfo, Listeners};
use crate::tls::PortTls;

/// What an address and port has but for routes.
pub(super) struct Port {
    pub(super) tls: Option<Arc<PortTls>>,
    pub(super) by_host: Arc<Listeners>,
    /// In the order that `by_host` means.
    pub(super) listeners: Vec<Arc<ListenerInfo>>,
}

/// All addresses that listeners name.
#[derive(Default)]
pub(super) struct Ports {
    list: BTreeMap<SocketAddr, Port>,
    /// Who is on an address; no set is empty.
    keys: BTreeMap<SocketAddr, BTreeSet<ListenerKey>>,
    identities: Identities,
}

/// Where a listener listens.
pub(super) fn addresses(listener: &Listener) -> impl Iterator<Item = SocketAddr> {
    let unspecified = IpAddr::V6(Ipv6Addr::UNSPECIFIED);
    let default = listener.addresses.is_empty().then_some(unspecified);
    let all = listener.addresses.iter().copied().chain(default);
    all.map(|address| SocketAddr::new(address, listener.port))
}

impl Ports {
    pub(super) fn get(&self, address: &SocketAddr) -> Option<&Port> {
        self.list.get(address)
    }

    /// Takes over the difference of two snapshots' listeners and certificates; the addresses that
    /// changed.
    pub(super) fn apply(
        &mut self,
        before: &Snapshot,
        next: &Snapshot,
        refusals: &mut Refusals,
    ) -> BTreeSet<SocketAddr> {
        let mut changed = BTreeSet::new();
        for item in before.listeners.diff(&next.listeners) {
            let (old, new) = match item {
                DiffItem::Add(key, new) => (None, Some((key, new))),
                DiffItem::Update { old, new } => (Some(old), Some(new)),
                DiffItem::Remove(key, old) => (Some((key, old)), None),
            };
            if let Some((key, listener)) = old {
                changed.extend(addresses(listener).inspect(|address| self.leave(address, key)));
            }
            if let Some((key, listener)) = new {
                changed.extend(addresses(listener).inspect(|address| self.enter(address, key)));
            }
        }
        let certificates = changed_keys(&before.certificates, &next.certificates);
        if !certificates.is_empty() {
            self.identities.renew(&certificates, &next.certificates, refusals);
            let users = next.listeners.values().filter(|listener| uses(listener, &certificates));
            changed.extend(users.flat_map(|listener| addresses(listener)));
        }
        for address in &changed {
            self.build(*address, next, refusals);
        }
        changed
    }

    fn enter(&mut self, address: &SocketAddr, key: &ListenerKey) {
        self.keys.entry(*address).or_default().insert(key.clone());
    }

    fn leave(&mut self, address: &SocketAddr, key: &ListenerKey) {
        if let Some(keys) = self.keys.get_mut(address) {
            keys.remove(key);
            if keys.is_empty() {
                self.keys.remove(address);
            }
        }
    }

    fn build(&mut self, address: SocketAddr, next: &Snapshot, refusals: &mut Refusals) {
        let keys = self.keys.get(&address).into_iter().flatten();
        let named = keys.filter_map(|key| next.listeners.get_key_value(key));
        let mut refused = Vec::new();
        let listeners = compatible(named, &mut refused);
        if listeners.is_empty() {
            self.list.remove(&address);
            refusals.set_all(Scope::Port(address), refused);
            return;
        }
        let tls = listeners[0].1.tls.is_some().then(|| {
            let before = self.list.get(&address).and_then(|port| port.tls.as_deref());
            let pairs = listeners.iter().map(|(key, listener)| (*key, &***listener));
            let built = PortTls::build(pairs, &next.certificates, before);
            let refusal = |(resource, reason)| Refusal { resource, reason };
            refused.extend(built.refusals.into_iter().map(refusal));
            built.tls
        });
        let by_host = Listeners::new(listeners.iter().map(|(_, listener)| &listener.hostname));
        let infos = listeners.iter().map(|(key, listener)| {
            let identity = listener.backend_client_certificate.as_ref();
            Arc::new(ListenerInfo {
                label: key.to_string().into(),
                key: (*key).clone(),
                identity: identity
                    .and_then(|key| self.identities.get(key, &next.certificates, refusals)),
                https: listener.tls.is_some(),
                port: listener.port,
            })
        });
        let listeners = infos.collect();
        self.list.insert(address, Port { tls, by_host: Arc::new(by_host), listeners });
        refusals.set_all(Scope::Port(address), refused);
    }
}

type Named<'a> = (&'a ListenerKey, &'a Arc<Listener>);

/// The listeners that one socket can serve together. Whoever makes snapshots has seen to it that
/// these are all; were it not so, the first by name would have the port.
fn compatible<'a>(
    named: impl Iterator<Item = Named<'a>>,
    refused: &mut Vec<Refusal>,
) -> Vec<Named<'a>> {
    let mut list: Vec<Named<'a>> = Vec::new();
    for (key, listener) in named {
        let conflict = list.iter().find(|(_, other)| {
            other.tls.is_some() != listener.tls.is_some() || other.hostname == listener.hostname
        });
        match conflict {
            None => list.push((key, listener)),
            Some((other, _)) => refused.push(Refusal {
                resource: key.to_string(),
                reason: format!(
                    "its port is {other}'s, with another protocol or the same hostname"
                ),
            }),
        }
    }
    list
}

fn uses(listener: &Listener, certificates: &BTreeSet<CertificateKey>) -> bool {
    let tls = listener.tls.iter().flat_map(|tls| &tls.certificates);
    tls.chain(&listener.backend_client_certificate).any(|key| certificates.contains(key))
}

fn changed_keys(
    before: &OrdMap<CertificateKey, Arc<Certificate>>,
    next: &OrdMap<CertificateKey, Arc<Certificate>>,
) -> BTreeSet<CertificateKey> {
    let key = |item| match item {
        DiffItem::Add(key, _) | DiffItem::Update { new: (key, _), .. } => key,
        DiffItem::Remove(key, _) => key,
    };
    before.diff(next).map(key).cloned().collect()
}
