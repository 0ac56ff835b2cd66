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

type Shard<V> = HashMap<Arc<str>, V, FxBuildHasher>;

/// A map from names to values that are cheap to clone.
#[derive(Clone)]
pub(super) struct Shards<V> {
    /// None, or a power of two.
    list: Vec<Arc<Shard<V>>>,
    len: usize,
}

impl<V> Default for Shards<V> {
    fn default() -> Self {
        Self { list: Vec::new(), len: 0 }
    }
}

impl<V> Shards<V> {
    /// How many entries there are.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn get(&self, name: &str) -> Option<&V> {
        match self.list.as_slice() {
            [] => None,
            [one] => one.get(name),
            list => list[place(name, list.len())].get(name),
        }
    }

    /// In no order.
    pub(super) fn values(&self) -> impl Iterator<Item = &V> {
        self.list.iter().flat_map(|shard| shard.values())
    }
}

impl<V: Clone> Shards<V> {
    pub(super) fn insert(&mut self, name: Arc<str>, value: V) {
        if self.shard(&name).insert(name, value).is_none() {
            self.len += 1;
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
        if self.get(name).is_some() {
            let place = place(name, self.list.len());
            Arc::make_mut(&mut self.list[place]).remove(name);
            self.len -= 1;
        }
    }

    /// The shard of a name, for a change that adds at most one entry.
    fn shard(&mut self, name: &str) -> &mut Shard<V> {
        if self.len >= self.list.len() * self.list.len().max(LEAST) {
            self.grow();
        }
        let place = place(name, self.list.len());
        Arc::make_mut(&mut self.list[place])
    }

    /// Twice the shards. Each time takes four times the entries of the time before, so that an
    /// entry is moved a bounded number of times on average.
    fn grow(&mut self) {
        let count = (self.list.len() * 2).max(1);
        let mut list = vec![Shard::default(); count];
        for shard in &self.list {
            for (name, value) in &**shard {
                list[place(name, count)].insert(name.clone(), value.clone());
            }
        }
        self.list = list.into_iter().map(Arc::new).collect();
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
        let pairs = before.list.iter().zip(&shards.list);
        let copied: Vec<_> = pairs.filter(|(old, new)| !std::sync::Arc::ptr_eq(old, new)).collect();
        assert_eq!(copied.len(), 1);
        assert_eq!(shards.list.len(), 256);
        assert!(shards.list.iter().all(|shard| shard.len() < 256), "names are spread unevenly");
    }
}
