//! Durations as the Gateway API writes them (GEP-2257): `10s`, `1h30m`, `500ms`.

use std::sync::Arc;
use std::time::Duration;

use super::fault::Fault;
use super::field::Field;

/// Most components of a duration.
const MAX_PARTS: usize = 4;
/// Most digits of a component.
const MAX_DIGITS: usize = 5;

/// Reads a duration: one to four times one to five digits and `h`, `m`, `s` or `ms`; their sum.
pub(crate) fn parse(text: &str) -> Option<Duration> {
    let mut rest = text;
    let mut total = Duration::ZERO;
    for _ in 0..MAX_PARTS {
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        if !(1..=MAX_DIGITS).contains(&digits) {
            return None;
        }
        let value: u64 = rest[..digits].parse().ok()?;
        let unit = &rest[digits..];
        let end = unit.find(|c: char| c.is_ascii_digit()).unwrap_or(unit.len());
        total += match &unit[..end] {
            "h" => Duration::from_secs(value * 3_600),
            "m" => Duration::from_secs(value * 60),
            "s" => Duration::from_secs(value),
            "ms" => Duration::from_millis(value),
            _ => return None,
        };
        rest = &unit[end..];
        if rest.is_empty() {
            return Some(total);
        }
    }
    None
}

/// Reads an optional duration of a field.
pub(crate) fn optional(text: Option<&Arc<str>>, at: &Field<'_>) -> Result<Option<Duration>, Fault> {
    let read = |text: &Arc<str>| {
        parse(text).ok_or_else(|| {
            Fault::value(at, format_args!("`{text}` is no duration; write it as `10s` or `1m30s`"))
        })
    };
    text.map(read).transpose()
}

#[cfg(test)]
mod tests {
    use super::parse;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_parses_is_what_the_api_servers_pattern_takes(
            text in "([0-9]{0,6}(h|m|s|ms|d|)){0,5}",
        ) {
            let pattern = regex::Regex::new("^([0-9]{1,5}(h|m|s|ms)){1,4}$").unwrap();
            prop_assert_eq!(parse(&text).is_some(), pattern.is_match(&text));
        }
    }

    #[test]
    fn the_test_vectors_of_gep_2257_hold() {
        let valid = [
            ("0h", 0),
            ("0s", 0),
            ("0h0m0s", 0),
            ("1h", 3_600_000),
            ("30m", 1_800_000),
            ("10s", 10_000),
            ("500ms", 500),
            ("2h30m", 9_000_000),
            ("150m", 9_000_000),
            ("7230s", 7_230_000),
            ("1h30m10s", 5_410_000),
            ("10s30m1h", 5_410_000),
            ("100ms200ms300ms", 600),
            ("00060m", 3_600_000),
            ("1h2h20m10m", 12_600_000),
        ];
        for (text, millis) in valid {
            assert_eq!(parse(text).map(|d| d.as_millis()), Some(millis), "{text}");
        }
        let invalid = [
            "",
            "1",
            "1m1",
            "1d",
            "1h30m10s20ms50h",
            "999999h",
            "1.5h",
            "-15m",
            "s",
            "1 s",
            " 1s",
            "1us",
            "1S",
            "1ms5",
            "+1s",
            "١s",
        ];
        for text in invalid {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
