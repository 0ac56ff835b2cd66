//! Times on the command line: `500ms`, `15s`, `1m 30s`.

use std::time::Duration;

use jiff::SignedDuration;

/// Reads a time that is not negative.
pub(crate) fn parse(text: &str) -> Result<Duration, String> {
    let time: SignedDuration =
        text.parse().map_err(|_| "is no time; write 500ms, 15s or 1m30s".to_owned())?;
    time.try_into().map_err(|_| "must not be negative".to_owned())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::parse;

    #[test]
    fn times_are_read_with_their_unit() {
        assert_eq!(parse("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(parse("1m30s"), Ok(Duration::from_secs(90)));
        assert_eq!(parse("0s"), Ok(Duration::ZERO));
        assert!(parse("15").is_err() && parse("-1s").is_err() && parse("soon").is_err());
    }
}
