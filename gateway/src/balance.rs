//! Which endpoint takes a request: the least loaded of two.
//!
//! Two candidates are drawn at random and the one with fewer requests in flight wins (Mitzenmacher,
//! "The Power of Two Choices in Randomized Load Balancing", 2001): nearly as even as comparing all,
//! at the price of two looks, and no herd runs to the one that is idle.
//!
//! Promises: a usable candidate is found whenever there is one; pure, with randomness given by the
//! caller. What makes a candidate usable is left to `backend`.

/// Draws before every candidate is looked at. With half of them usable (quarantine takes no more)
/// two are found by then but once in 4,000 times.
const DRAWS: usize = 16;

/// The index of the least loaded of two usable candidates, chosen at random among `count`; `None`
/// when none is usable. `random` gives a number below its argument, which is never 0.
pub(crate) fn least_of_two(
    count: usize,
    usable: impl Fn(usize) -> bool,
    load: impl Fn(usize) -> usize,
    mut random: impl FnMut(usize) -> usize,
) -> Option<usize> {
    if count <= 1 {
        return (count == 1 && usable(0)).then_some(0);
    }
    let first = random(count);
    // The second draw skips the first, so that two candidates are always two.
    let second = (first + 1 + random(count - 1)) % count;
    let (first, second) = match (usable(first), usable(second)) {
        (true, true) => (first, second),
        _ => two_of_few(count, &usable, &mut random)?,
    };
    Some(if load(second) < load(first) { second } else { first })
}

/// Two usable candidates at random, the same one twice if there is but one.
fn two_of_few(
    count: usize,
    usable: &impl Fn(usize) -> bool,
    random: &mut impl FnMut(usize) -> usize,
) -> Option<(usize, usize)> {
    let mut found = None;
    for _ in 0..DRAWS {
        let drawn = random(count);
        match found {
            Some(first) if first != drawn && usable(drawn) => return Some((first, drawn)),
            None if usable(drawn) => found = Some(drawn),
            _ => {}
        }
    }
    two_of_all((0..count).filter(|index| usable(*index)), random)
}

/// Two of a sequence at random, each pair as likely as any other (Vitter's algorithm R).
fn two_of_all(
    mut candidates: impl Iterator<Item = usize>,
    random: &mut impl FnMut(usize) -> usize,
) -> Option<(usize, usize)> {
    let first = candidates.next()?;
    let Some(second) = candidates.next() else { return Some((first, first)) };
    let mut kept = [first, second];
    for (seen, candidate) in candidates.enumerate() {
        if let Some(place) = kept.get_mut(random(seen + 3)) {
            *place = candidate;
        }
    }
    Some((kept[0], kept[1]))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn seeded(seed: u64) -> impl FnMut(usize) -> usize {
        let mut random = fastrand::Rng::with_seed(seed);
        move |below| random.usize(..below)
    }

    proptest! {
        #[test]
        fn a_usable_candidate_is_found_whenever_there_is_one(
            usable in prop::collection::vec(any::<bool>(), 0..200),
            seed in any::<u64>(),
        ) {
            let chosen = least_of_two(usable.len(), |i| usable[i], |i| i, seeded(seed));
            prop_assert_eq!(chosen.is_some(), usable.contains(&true));
            if let Some(chosen) = chosen {
                prop_assert!(usable[chosen]);
            }
        }

        #[test]
        fn the_most_loaded_is_never_chosen_where_two_are_usable(
            count in 2usize..100,
            most in any::<prop::sample::Index>(),
            out in prop::collection::vec(any::<prop::sample::Index>(), 0..50),
            seed in any::<u64>(),
        ) {
            let most = most.index(count);
            let out: Vec<_> = out.iter().map(|index| index.index(count)).collect();
            let usable = |i: usize| i == most || !out.contains(&i);
            prop_assume!((0..count).filter(|i| usable(*i)).count() >= 2);
            let load = |i: usize| usize::from(i == most);
            prop_assert_ne!(least_of_two(count, usable, load, seeded(seed)), Some(most));
        }
    }

    #[test]
    fn equal_candidates_get_equal_shares() {
        for count in [2, 3, 7, 50] {
            let mut random = seeded(42);
            let mut hits = vec![0u32; count];
            for _ in 0..1000 * count {
                hits[least_of_two(count, |_| true, |_| 0, &mut random).unwrap()] += 1;
            }
            assert!(hits.iter().all(|hit| (850..1150).contains(hit)), "{count}: {hits:?}");
        }
    }

    #[test]
    fn the_usable_share_what_the_others_do_not_take() {
        for count in [4, 40, 400] {
            let mut random = seeded(7);
            let mut hits = vec![0u32; count];
            for _ in 0..1000 * count / 4 {
                let usable = |i: usize| i.is_multiple_of(4);
                hits[least_of_two(count, usable, |_| 0, &mut random).unwrap()] += 1;
            }
            for (index, hit) in hits.into_iter().enumerate() {
                let fair = if index.is_multiple_of(4) { 850..1150 } else { 0..1 };
                assert!(fair.contains(&hit), "{index} of {count}: {hit}");
            }
        }
    }

    #[test]
    fn loads_stay_close_together() {
        let mut random = seeded(1);
        let mut load = [0usize; 20];
        for _ in 0..20_000 {
            let chosen = least_of_two(20, |_| true, |i| load[i], &mut random).unwrap();
            load[chosen] += 1;
        }
        let spread = load.iter().max().unwrap() - load.iter().min().unwrap();
        // One random choice alone would be off by about 130 here.
        assert!(spread <= 6, "{load:?}");
    }
}
