//! Items with a name, numbered: a name is kept once, in its item.

use std::hash::{BuildHasher, Hash};

use hashbrown::HashTable;
use rustc_hash::FxBuildHasher;

/// The number of an item; given again when the item is gone.
pub(super) type Id = u32;

/// What can be found by its name.
pub(super) trait Named {
    type Name: Eq + Hash;

    /// Stays the same for as long as the item is kept.
    fn name(&self) -> &Self::Name;
}

/// The items; no two have the same name.
#[derive(Debug)]
pub(super) struct Numbered<T> {
    list: Vec<Option<T>>,
    free: Vec<Id>,
    by_name: HashTable<Id>,
}

impl<T> Default for Numbered<T> {
    fn default() -> Self {
        Self { list: Vec::new(), free: Vec::new(), by_name: HashTable::new() }
    }
}

impl<T: Named> Numbered<T> {
    /// How many items there are.
    pub(super) fn len(&self) -> usize {
        self.by_name.len()
    }

    /// All items.
    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        self.list.iter().flatten()
    }

    /// The number of a name.
    pub(super) fn find(&self, name: &T::Name) -> Option<Id> {
        let is_it = |id: &Id| self.get(*id).name() == name;
        self.by_name.find(FxBuildHasher.hash_one(name), is_it).copied()
    }

    pub(super) fn get(&self, id: Id) -> &T {
        self.list[id as usize].as_ref().expect("a number that was given is an item's")
    }

    pub(super) fn get_mut(&mut self, id: Id) -> &mut T {
        self.list[id as usize].as_mut().expect("a number that was given is an item's")
    }

    /// Takes an item in whose name is new.
    pub(super) fn insert(&mut self, item: T) -> Id {
        let hash = FxBuildHasher.hash_one(item.name());
        let id = self.free.pop().unwrap_or_else(|| {
            self.list.push(None);
            Id::try_from(self.list.len() - 1).expect("four thousand million do not fit in memory")
        });
        self.list[id as usize] = Some(item);
        let list = &self.list;
        let again = |id: &Id| {
            let item = list[*id as usize].as_ref().expect("a number that was given is an item's");
            FxBuildHasher.hash_one(item.name())
        };
        self.by_name.insert_unique(hash, id, again);
        id
    }

    /// Takes an item out.
    pub(super) fn remove(&mut self, id: Id) -> T {
        let hash = FxBuildHasher.hash_one(self.get(id).name());
        if let Ok(found) = self.by_name.find_entry(hash, |other| *other == id) {
            found.remove();
        }
        self.free.push(id);
        self.list[id as usize].take().expect("a number that was given is an item's")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::{Named, Numbered};

    impl Named for u16 {
        type Name = Self;

        fn name(&self) -> &Self {
            self
        }
    }

    proptest! {
        #[test]
        fn items_are_found_by_name_and_number(
            steps in prop::collection::vec((0..99_u16, any::<bool>()), 0..400),
        ) {
            let (mut numbered, mut expect) = (Numbered::default(), BTreeMap::new());
            for (item, keep) in steps {
                match (numbered.find(&item), keep) {
                    (None, true) => drop(expect.insert(item, numbered.insert(item))),
                    (Some(id), false) => {
                        prop_assert_eq!(numbered.remove(id), item);
                        expect.remove(&item);
                    }
                    _ => {}
                }
                prop_assert_eq!(numbered.len(), expect.len());
                prop_assert_eq!(numbered.iter().count(), expect.len());
            }
            for item in 0..99 {
                prop_assert_eq!(numbered.find(&item), expect.get(&item).copied());
            }
            for (item, id) in expect {
                prop_assert_eq!(numbered.get(id), &item);
            }
        }
    }
}
