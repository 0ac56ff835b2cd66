//! A map by name that is as quick to read as a flat hash map and cheap to change.
//!
//! A flat map of 40,000 hosts takes 8 ms to copy, which every change would cost; a persistent map
//! finds in several times the time of a flat one. Here the map is cut into flat maps behind
//! `Arc`s: a clone copies the pointers, a change copies one shard. There are about as many shards
//! as entries in a shard, so that neither copy is ever large; few entries are one shard.

use std::collections::HashMap;
use std::hash::BuildHasher;
use std::sync::Arc;

use rustc_hash::FxBuildHasher;

/// Entries that are copied with one another at no cost to speak of.
const LEAST: usize = 16;

/// A part of the entries.
pub(super) type Shard<V> = HashMap<Arc<str>, V, FxBuildHasher>;

/// A map from names to values that are cheap to clone.
#[derive(Clone)]
pub(super) enum Shards<V> {
    /// So few that one map holds them, at no step further.
    One(Shard<V>),
    Many(Box<Many<V>>),
}

/// See [`Shards`].
#[derive(Clone)]
pub(super) struct Many<V> {
    /// A power of two.
    list: Vec<Arc<Shard<V>>>,
    len: usize,
}

impl<V> Default for Shards<V> {
    fn default() -> Self {
        Self::One(Shard::default())
    }
}

impl<V> Shards<V> {
    /// How many entries there are.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::One(shard) => shard.len(),
            Self::Many(many) => many.len,
        }
    }

    pub(super) fn get(&self, name: &str) -> Option<&V> {
        match self {
            Self::One(shard) => shard.get(name),
            Self::Many(many) => many.list[place(name, many.list.len())].get(name),
        }
    }

    /// In no order.
    pub(super) fn values(&self) -> impl Iterator<Item = &V> {
        let (one, many) = match self {
            Self::One(shard) => (Some(shard), &[][..]),
            Self::Many(many) => (None, &*many.list),
        };
        let many = many.iter().map(|shard| &**shard);
        one.into_iter().chain(many).flat_map(|shard| shard.values())
    }
}

impl<V: Clone> Shards<V> {
    pub(super) fn insert(&mut self, name: Arc<str>, value: V) {
        let new = self.shard(&name).insert(name, value).is_none();
        if let Self::Many(many) = self {
            many.len += usize::from(new);
        }
    }

    /// The value of a name, which has one from now on.
    pub(super) fn get_or_default(&mut self, name: &Arc<str>) -> &mut V
    where
        V: Default,
    {
        if self.get(name).is_none() {
            self.insert(name.clone(), V::default());
        }
        self.shard(name).get_mut(name).expect("the name has a value by now")
    }

    pub(super) fn remove(&mut self, name: &str) {
        match self {
            Self::One(shard) => _ = shard.remove(name),
            Self::Many(many) => {
                let place = place(name, many.list.len());
                if many.list[place].contains_key(name) {
                    Arc::make_mut(&mut many.list[place]).remove(name);
                    many.len -= 1;
                }
            }
        }
    }

    /// The shard of a name, for a change that adds at most one entry.
    fn shard(&mut self, name: &str) -> &mut Shard<V> {
        let count = match self {
            Self::One(_) => 1,
            Self::Many(many) => many.list.len(),
        };
        if self.len() >= count * count.max(LEAST) {
            self.grow(count * 2);
        }
        match self {
            Self::One(shard) => shard,
            Self::Many(many) => {
                let place = place(name, many.list.len());
                Arc::make_mut(&mut many.list[place])
            }
        }
    }

    /// Twice the shards. Each time takes four times the entries of the time before, so that an
    /// entry is moved a bounded number of times on average.
    fn grow(&mut self, count: usize) {
        let mut list = vec![Shard::default(); count];
        let mut spread = |shard: &Shard<V>| {
            for (name, value) in shard {
                list[place(name, count)].insert(name.clone(), value.clone());
            }
        };
        match &*self {
            Self::One(shard) => spread(shard),
            Self::Many(many) => many.list.iter().for_each(|shard| spread(shard)),
        }
        let (len, list) = (self.len(), list.into_iter().map(Arc::new).collect());
        *self = Self::Many(Box::new(Many { list, len }));
    }
}

/// Bits that the flat maps below do not use to place and to tag an entry.
fn place(name: &str, count: usize) -> usize {
    (FxBuildHasher.hash_one(name) >> 40) as usize & (count - 1)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::Shards;

    proptest! {
        #[test]
        fn shards_are_a_map_and_clones_stay(
            edits in prop::collection::vec((0..200_u16, prop::option::of(0..9_u8)), 0..600),
        ) {
            let mut map = BTreeMap::new();
            let mut shards = Shards::default();
            let mut past = Vec::new();
            for (index, (name, value)) in edits.into_iter().enumerate() {
                let name = name.to_string();
                match value {
                    Some(value) => {
                        shards.insert(name.as_str().into(), value);
                        map.insert(name, value);
                    }
                    None => {
                        shards.remove(&name);
                        map.remove(&name);
                    }
                }
                if index % 100 == 0 {
                    past.push((shards.clone(), map.clone()));
                }
            }
            past.push((shards, map));
            for (shards, map) in past {
                prop_assert_eq!(shards.len(), map.len());
                prop_assert_eq!(shards.values().count(), map.len());
                for name in 0..200_u16 {
                    let name = name.to_string();
                    prop_assert_eq!(shards.get(&name), map.get(&name));
                }
            }
        }
    }

    #[test]
    fn a_change_copies_one_small_shard() {
        let mut shards = Shards::default();
        for name in 0..40_000 {
            shards.insert(name.to_string().into(), name);
        }
        let before = shards.clone();
        shards.insert("new".into(), 0);
        let (Shards::Many(before), Shards::Many(shards)) = (before, shards) else {
            panic!("40,000 entries are not few");
        };
        let pairs = before.list.iter().zip(&shards.list);
        let copied: Vec<_> = pairs.filter(|(old, new)| !std::sync::Arc::ptr_eq(old, new)).collect();
        assert_eq!(copied.len(), 1);
        assert_eq!(shards.list.len(), 256);
        assert!(shards.list.iter().all(|shard| shard.len() < 256), "names are spread unevenly");
    }
}
