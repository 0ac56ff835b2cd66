//! How long a rule waits and how often it tries: `timeouts` and `retry` of HTTPRoute rules.

use std::time::Duration;

use snapshot::{Retry, Timeouts};

use super::duration;
use super::fault::Fault;
use super::field::Field;
use crate::api::route::{Retry as WrittenRetry, Timeouts as WrittenTimeouts};

/// `HTTPRouteRetry.attempts` when it is absent.
const DEFAULT_ATTEMPTS: u32 = 1;

/// The timeouts of `rule`; zero switches one off.
pub(crate) fn timeouts(
    from: Option<&WrittenTimeouts>,
    rule: &Field<'_>,
) -> Result<Timeouts, Fault> {
    let Some(from) = from else { return Ok(Timeouts::default()) };
    let at = rule.at("timeouts");
    let request = duration::optional(from.request.as_ref(), &at.at("request"))?;
    let backend_request =
        duration::optional(from.backend_request.as_ref(), &at.at("backendRequest"))?;
    if let (Some(whole), Some(one)) = (request.filter(|d| *d != Duration::ZERO), backend_request)
        && one > whole
    {
        let what = "is longer than `request`, which holds every try; make it no longer";
        return Err(Fault::value(&at.at("backendRequest"), what));
    }
    Ok(Timeouts { request, backend_request })
}

/// The retries that `rule` asks for.
pub(crate) fn retry(from: Option<&WrittenRetry>, rule: &Field<'_>) -> Result<Option<Retry>, Fault> {
    let Some(from) = from else { return Ok(None) };
    let at = rule.at("retry");
    for (index, code) in from.codes.iter().enumerate() {
        if !(400..=599).contains(code) {
            let what = format_args!("{code} is no status to retry on; use 400 to 599");
            return Err(Fault::value(&at.nth("codes", index), what));
        }
    }
    Ok(Some(Retry {
        codes: from.codes.clone(),
        attempts: from.attempts.unwrap_or(DEFAULT_ATTEMPTS),
        backoff: duration::optional(from.backoff.as_ref(), &at.at("backoff"))?,
    }))
}

#[cfg(test)]
mod tests {
    use super::{retry, timeouts};
    use crate::translate::field::Field;
    use snapshot::{Retry, Timeouts};
    use std::time::Duration;

    fn timeouts_of(json: &str) -> Result<Timeouts, String> {
        let from = serde_json::from_str(json).unwrap();
        timeouts(Some(&from), &Field::SPEC.nth("rules", 2)).map_err(|fault| fault.message)
    }

    fn retry_of(json: &str) -> Result<Option<Retry>, String> {
        let from = serde_json::from_str(json).unwrap();
        retry(Some(&from), &Field::SPEC.nth("rules", 2)).map_err(|fault| fault.message)
    }

    #[test]
    fn zero_switches_a_timeout_off_and_absence_leaves_the_default() {
        let both = timeouts_of(r#"{"request": "0s", "backendRequest": "5s"}"#).unwrap();
        assert_eq!(both.request, Some(Duration::ZERO));
        assert_eq!(both.backend_request, Some(Duration::from_secs(5)));
        assert_eq!(timeouts_of("{}").unwrap(), Timeouts::default());
        assert!(timeouts_of(r#"{"request": "5s", "backendRequest": "5s"}"#).is_ok());
    }

    #[test]
    fn a_try_never_outlasts_the_request() {
        let error = timeouts_of(r#"{"request": "1s", "backendRequest": "1001ms"}"#).unwrap_err();
        let start = "spec.rules[2].timeouts.backendRequest: is longer than `request`";
        assert!(error.starts_with(start), "{error}");
        let error = timeouts_of(r#"{"request": "1 s"}"#).unwrap_err();
        assert!(error.starts_with("spec.rules[2].timeouts.request: `1 s` is no duration"));
    }

    #[test]
    fn retries_are_one_unless_said_otherwise() {
        let asked = retry_of(r#"{"codes": [500, 404]}"#).unwrap().unwrap();
        assert_eq!(asked, Retry { codes: vec![500, 404], attempts: 1, backoff: None });
        let none = retry_of(r#"{"attempts": 0, "backoff": "100ms"}"#).unwrap().unwrap();
        assert_eq!((none.attempts, none.backoff), (0, Some(Duration::from_millis(100))));
    }

    #[test]
    fn what_is_no_retry_is_named() {
        let error = retry_of(r#"{"codes": [500, 200]}"#).unwrap_err();
        assert!(error.starts_with("spec.rules[2].retry.codes[1]: 200 is no status"), "{error}");
        let error = retry_of(r#"{"backoff": "1"}"#).unwrap_err();
        assert!(error.starts_with("spec.rules[2].retry.backoff: `1` is no duration"), "{error}");
    }
}
