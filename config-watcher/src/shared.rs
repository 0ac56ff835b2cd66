//! Values that many owners have alike, kept once.
//!
//! Promises: what comes out equals what went in; what is remembered is bounded ([`PLACES`] values),
//! so little that is gone is held. What is alike comes close together (the routes of a host, the
//! endpoints of a zone), so a small table that forgets finds most of it.

use std::borrow::Borrow;
use std::hash::{BuildHasher, Hash};
use std::sync::Arc;

use rustc_hash::FxBuildHasher;

/// How many values are remembered, each in the place of its hash.
const PLACES: usize = 1_024;

/// The values seen last.
#[derive(Debug)]
pub(crate) struct Shared<T: ?Sized>(Box<[Option<Arc<T>>]>);

impl<T: ?Sized> Default for Shared<T> {
    fn default() -> Self {
        Self(vec![None; PLACES].into())
    }
}

impl<T: ?Sized + Eq + Hash> Shared<T> {
    /// `value`, or the one before that equals it.
    pub(crate) fn of<Q: Borrow<T> + Into<Arc<T>>>(&mut self, value: Q) -> Arc<T> {
        let place = FxBuildHasher.hash_one(value.borrow()) as usize % PLACES;
        let place = &mut self.0[place];
        match place {
            Some(known) if **known == *value.borrow() => known.clone(),
            _ => place.insert(value.into()).clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::Shared;

    #[test]
    fn equal_values_are_one_and_others_stay_apart() {
        let mut shared = Shared::<str>::default();
        let first = shared.of("a");
        assert!(Arc::ptr_eq(&first, &shared.of("a")));
        // More than are remembered: whatever is forgotten, what comes out is right.
        for name in 0..5_000 {
            assert_eq!(*shared.of(&*name.to_string()), *name.to_string());
        }
        assert_eq!(*shared.of("a"), *first);
    }
}
