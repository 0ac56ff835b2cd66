//! Times of lines: RFC 3339 in UTC, to the millisecond.

use std::time::{SystemTime, UNIX_EPOCH};

/// `2026-01-02T03:04:05.678Z`.
const LEN: usize = 24;
/// Where the milliseconds stand.
const MILLIS: usize = 20;

/// Keeps the text of the last second, since most lines share it.
#[derive(Debug)]
pub(super) struct Clock {
    second: u64,
    text: [u8; LEN],
}

impl Default for Clock {
    fn default() -> Self {
        Self { second: 0, text: *b"1970-01-01T00:00:00.000Z" }
    }
}

impl Clock {
    /// Times before 1970 and after 9999, which only a broken clock gives, show as 1970.
    pub(super) fn text(&mut self, time: SystemTime) -> [u8; LEN] {
        let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        if since.as_secs() != self.second {
            *self = Self::at(since.as_secs()).unwrap_or_default();
        }
        let millis = since.subsec_millis();
        for (place, unit) in [100, 10, 1].into_iter().enumerate() {
            let digit = u8::try_from(millis / unit % 10).expect("a digit");
            self.text[MILLIS + place] = b'0' + digit;
        }
        self.text
    }

    fn at(second: u64) -> Option<Self> {
        let time = jiff::Timestamp::from_second(i64::try_from(second).ok()?).ok()?;
        let text = format!("{time:.3}").into_bytes().try_into().ok()?;
        Some(Self { second, text })
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime, UNIX_EPOCH};

    use super::Clock;

    fn shown(clock: &mut Clock, time: SystemTime) -> String {
        String::from_utf8(clock.text(time).to_vec()).unwrap()
    }

    #[test]
    fn times_are_rfc_3339_to_the_millisecond() {
        let mut clock = Clock::default();
        let time = UNIX_EPOCH + Duration::from_millis(1_767_323_045_678);
        assert_eq!(shown(&mut clock, time), "2026-01-02T03:04:05.678Z");
        assert_eq!(shown(&mut clock, time + Duration::from_millis(9)), "2026-01-02T03:04:05.687Z");
        assert_eq!(shown(&mut clock, time + Duration::from_secs(1)), "2026-01-02T03:04:06.678Z");
        assert_eq!(shown(&mut clock, UNIX_EPOCH), "1970-01-01T00:00:00.000Z");
    }

    #[test]
    fn a_broken_clock_does_no_harm() {
        let mut clock = Clock::default();
        let before = UNIX_EPOCH - Duration::from_secs(5);
        assert_eq!(shown(&mut clock, before), "1970-01-01T00:00:00.000Z");
        let far = UNIX_EPOCH + Duration::from_secs(1 << 50);
        assert_eq!(shown(&mut clock, far), "1970-01-01T00:00:00.000Z");
    }
}
