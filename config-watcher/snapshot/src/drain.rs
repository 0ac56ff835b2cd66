//! Drains: addresses that finish what they have and take nothing new, and why.
//!
//! A drain is an order from outside (a pod's preStop hook, a person, a node that leaves), not a
//! fact of an EndpointSlice, so it stands apart from the endpoints that it covers.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;
use std::sync::Arc;

use imbl::OrdMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What a drain names: an address with all its ports, or with one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DrainKey {
    /// The pod's address. Never an IPv4 address in IPv6 clothes.
    pub address: IpAddr,
    /// The pod's own port; `None` is every one.
    pub port: Option<u16>,
}

/// An address that takes nothing new.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drain {
    /// The pods that are meant, by UID; `None` is an endpoint without one. Another pod that comes
    /// to the address later is not drained.
    pub pods: Arc<[Option<Arc<str>>]>,
    /// Who wants it. The first one, where there are several.
    pub cause: DrainCause,
    /// What has had its time and is cut now.
    pub cut: ByKind<bool>,
}

/// Who wants a drain.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum DrainCause {
    /// Somebody asked for it: the pod itself, or whoever holds a token.
    Api {
        /// Who, for people.
        by: Arc<str>,
    },
    /// The node goes away.
    Node {
        /// Its name.
        name: Arc<str>,
        /// What it was seen by, for people.
        reason: Arc<str>,
    },
}

/// One value for each kind of what can be in flight at an endpoint.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ByKind<T> {
    /// HTTP/1 and HTTP/2 exchanges that are neither of the others.
    pub requests: T,
    /// gRPC calls, of whatever length.
    pub streams: T,
    /// Upgraded connections (WebSocket).
    pub tunnels: T,
}

impl<T> ByKind<T> {
    /// The same value for each.
    pub fn all(value: T) -> Self
    where
        T: Clone,
    {
        Self { requests: value.clone(), streams: value.clone(), tunnels: value }
    }

    /// Each value by itself turned into another.
    pub fn map<U>(self, mut each: impl FnMut(T) -> U) -> ByKind<U> {
        ByKind {
            requests: each(self.requests),
            streams: each(self.streams),
            tunnels: each(self.tunnels),
        }
    }

    /// The values of two, kind by kind.
    pub fn zip<U>(self, other: ByKind<U>) -> ByKind<(T, U)> {
        ByKind {
            requests: (self.requests, other.requests),
            streams: (self.streams, other.streams),
            tunnels: (self.tunnels, other.tunnels),
        }
    }

    /// The values, in the order of the fields.
    pub fn values(self) -> [T; 3] {
        [self.requests, self.streams, self.tunnels]
    }
}

impl DrainKey {
    /// Every port of an address.
    #[must_use]
    pub fn whole(address: IpAddr) -> Self {
        Self { address: address.to_canonical(), port: None }
    }

    /// One port of an address.
    #[must_use]
    pub fn port(address: SocketAddr) -> Self {
        Self { address: address.ip().to_canonical(), port: Some(address.port()) }
    }

    /// Whether it names this address and port.
    #[must_use]
    pub fn names(&self, address: SocketAddr) -> bool {
        self.address == address.ip() && self.port.is_none_or(|port| port == address.port())
    }
}

impl Drain {
    /// Whether it means the pod with this UID, at an address that its key names.
    #[must_use]
    pub fn means(&self, uid: Option<&str>) -> bool {
        self.pods.iter().any(|pod| pod.as_deref() == uid)
    }

    /// The drains that cover an endpoint, an address and port of the pod with this UID: at most one
    /// by its address, and one by its port.
    pub fn of<'d>(
        drains: &'d OrdMap<DrainKey, Arc<Self>>,
        address: SocketAddr,
        uid: Option<&str>,
    ) -> impl Iterator<Item = &'d Arc<Self>> + use<'d> {
        let keys = [DrainKey::whole(address.ip()), DrainKey::port(address)];
        let found = keys.map(|key| drains.get(&key).filter(|drain| drain.means(uid)));
        found.into_iter().flatten()
    }
}

impl fmt::Display for DrainCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Api { by } => write!(f, "by {by}"),
            Self::Node { name, reason } => write!(f, "node {name}: {reason}"),
        }
    }
}

impl fmt::Display for DrainKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.port {
            None => self.address.fmt(f),
            Some(port) => SocketAddr::new(self.address, port).fmt(f),
        }
    }
}

impl Serialize for DrainKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for DrainKey {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?.parse().map_err(serde::de::Error::custom)
    }
}

/// A text that names no address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no address; write 10.0.0.1, 10.0.0.1:8080 or [fd00::1]:8080")]
pub struct DrainKeyError(String);

impl FromStr for DrainKey {
    type Err = DrainKeyError;

    /// Reads `10.0.0.1`, `10.0.0.1:8080`, `fd00::1` and `[fd00::1]:8080`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let whole = text.parse().map(Self::whole);
        whole.or_else(|_| text.parse().map(Self::port)).map_err(|_| DrainKeyError(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_as_they_are_written() {
        for text in ["10.0.0.1", "10.0.0.1:8080", "fd00::1", "[fd00::1]:8080"] {
            assert_eq!(text.parse::<DrainKey>().unwrap().to_string(), text);
        }
        assert_eq!("::ffff:10.0.0.1".parse(), "10.0.0.1".parse::<DrainKey>());
        for text in ["", "10.0.0", "10.0.0.1:", "10.0.0.1:99999", "pod-1", "10.0.0.1/24"] {
            assert!(text.parse::<DrainKey>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_drain_covers_the_pods_it_was_ordered_for_on_the_ports_it_names() {
        let drain = |pods: &[Option<&str>]| {
            let pods = pods.iter().map(|pod| pod.map(Arc::from)).collect();
            let cause = DrainCause::Api { by: "test".into() };
            Arc::new(Drain { pods, cause, cut: ByKind::default() })
        };
        let mut drains = OrdMap::new();
        drains.insert("10.0.0.1".parse().unwrap(), drain(&[Some("a"), Some("b")]));
        drains.insert("10.0.0.1:81".parse().unwrap(), drain(&[None]));
        for (address, uid, expected) in [
            ("10.0.0.1:80", Some("a"), 1),
            ("10.0.0.1:81", Some("b"), 1),
            ("10.0.0.1:80", Some("c"), 0),
            ("10.0.0.1:80", None, 0),
            ("10.0.0.1:81", None, 1),
            ("10.0.0.2:80", Some("a"), 0),
        ] {
            let found = Drain::of(&drains, address.parse().unwrap(), uid);
            assert_eq!(found.count(), expected, "{address} {uid:?}");
        }
    }
}
