//! `HTTPRequestMirrorFilter`: copies of requests.

use snapshot::{Fraction, Mirror, Target};

use crate::api::route::MirrorFilter;
use crate::translate::fault::Fault;
use crate::translate::field::Field;

/// A mirror to `target`.
pub(super) fn read(from: &MirrorFilter, target: Target, at: &Field<'_>) -> Result<Mirror, Fault> {
    let fraction = match (from.percent, &from.fraction) {
        (None, None) => Fraction { numerator: 100, denominator: 100 },
        (Some(percent @ 0..=100), None) => Fraction { numerator: percent, denominator: 100 },
        (Some(percent), None) => {
            let what = format_args!("{percent} is more than all; use 0 to 100");
            return Err(Fault::value(&at.at("percent"), what));
        }
        (None, Some(fraction)) => {
            let denominator = fraction.denominator.unwrap_or(100);
            if denominator == 0 || fraction.numerator > denominator {
                let what = format_args!("{}/{denominator} is no share of 1", fraction.numerator);
                return Err(Fault::value(&at.at("fraction"), what));
            }
            Fraction { numerator: fraction.numerator, denominator }
        }
        (Some(_), Some(_)) => {
            return Err(Fault::value(at, "`percent` and `fraction` exclude each other; keep one"));
        }
    };
    Ok(Mirror { target, fraction })
}
