//! Who comes first where two want the same: the older object, then the first by namespace and name.

use snapshot::{ObjectKey, ParentKind};

use crate::api::meta::Meta;

/// The place of an object among others of its kind; the least one wins. Objects without a creation
/// time (those from files) are all of the same age.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Rank {
    /// Seconds since 1970; 0 where there is no time.
    pub created: i64,
    /// Decides between objects of the same age.
    pub key: ObjectKey,
}

impl Rank {
    /// The rank of an object.
    pub(crate) fn of(meta: &Meta) -> Self {
        let created = meta.creation_timestamp.map_or(0, |time| time.as_second());
        Self { created, key: meta.key() }
    }
}

/// An object that holds listeners.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ParentKey {
    /// Gateway or ListenerSet.
    pub kind: ParentKind,
    /// Which.
    pub object: ObjectKey,
}

impl ParentKey {
    /// The Gateway of this key.
    pub(crate) fn gateway(object: ObjectKey) -> Self {
        Self { kind: ParentKind::Gateway, object }
    }

    /// The ListenerSet of this key.
    pub(crate) fn set(object: ObjectKey) -> Self {
        Self { kind: ParentKind::ListenerSet, object }
    }
}

impl std::fmt::Display for ParentKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?} {}", self.kind, self.object)
    }
}
