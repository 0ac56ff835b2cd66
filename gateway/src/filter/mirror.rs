//! Mirrors (Gateway API `HTTPRequestMirrorFilter`): where copies go, and how many.

use std::sync::Arc;

use snapshot::Fraction;

use crate::backend::Backend;

/// A mirror.
pub(crate) struct Mirror {
    /// Who gets the copies; a target that cannot be used gets none.
    pub(crate) target: Result<Arc<Backend>, Arc<str>>,
    fraction: Fraction,
}

impl Mirror {
    pub(super) fn new(from: &snapshot::Mirror, target: Result<Arc<Backend>, Arc<str>>) -> Self {
        Self { target, fraction: from.fraction }
    }

    /// Whether a request that drew `random` is copied: `numerator` of `denominator` are, if the
    /// draws are uniform.
    pub(crate) fn takes(&self, random: u32) -> bool {
        takes(self.fraction, random)
    }
}

fn takes(fraction: Fraction, random: u32) -> bool {
    // The draw as a number below the denominator, without division.
    let drawn = (u64::from(random) * u64::from(fraction.denominator)) >> 32;
    drawn < u64::from(fraction.numerator)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use snapshot::Fraction;

    use super::takes;

    proptest! {
        #[test]
        fn a_mirror_takes_its_share(denominator in 1..1_000_u32, part in 0.0..=1.0_f64) {
            let numerator = (f64::from(denominator) * part) as u32;
            let fraction = Fraction { numerator, denominator };
            // Evenly spread draws: the share is exact but for the rounding of one draw.
            let draws = 10_000_u32;
            let taken = (0..draws).filter(|i| takes(fraction, i * (u32::MAX / draws))).count();
            let expect = f64::from(numerator) / f64::from(denominator);
            let share = f64::from(u32::try_from(taken).unwrap()) / f64::from(draws);
            prop_assert!((share - expect).abs() < 0.001, "{share} for {expect}");
        }

        #[test]
        fn all_is_all_and_none_is_none(random: u32, denominator in 1..=u32::MAX) {
            let of = |numerator| takes(Fraction { numerator, denominator }, random);
            prop_assert!(of(denominator));
            prop_assert!(!of(0));
        }
    }
}
