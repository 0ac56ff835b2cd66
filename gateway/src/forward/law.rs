//! The retry law, as a function without side effects.
//!
//! RFC 9110 §9.2.2, made sharper: what was not written may go anywhere; what was provably not
//! processed too, while its body is still ours; what was written but got no byte of an answer only
//! when repeating it changes nothing, and once. Once a byte of a response has come there is no
//! other try, except that a route may name statuses after which it wants one.
//!
//! A route that says `attempts: 0` gets no other try at all (Gateway API: "an explicit zero value
//! MUST disable retries").

use http::{Method, StatusCode};
use snapshot::Retry;

use crate::failure::Failure;
use crate::pool::Stage;
use crate::telemetry::{RetryBy, RetryReason};

/// How a try ended that may not be good enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Without a response; it came this far.
    Failed(Stage, Failure),
    /// With a response that the route may not want.
    Status(StatusCode),
}

impl Outcome {
    /// Why another try is safe, or asked for, once it is allowed.
    pub(super) fn reason(self) -> RetryReason {
        match self {
            Self::Status(_) => RetryReason::Status,
            Self::Failed(_, Failure::TryTimeout) => RetryReason::Timeout,
            Self::Failed(Stage::NotSent, _) => RetryReason::NotSent,
            Self::Failed(Stage::Unprocessed, Failure::GoAway) => RetryReason::GoAway,
            Self::Failed(Stage::Unprocessed, _) => RetryReason::RefusedStream,
            // After a response began there is no other try.
            Self::Failed(Stage::Sent | Stage::ResponseStarted, _) => RetryReason::Idempotent,
        }
    }
}

/// What the decision depends on, besides the outcome.
#[derive(Clone, Copy, Debug)]
pub(super) struct Case<'a> {
    pub(super) method: &'a Method,
    /// The body, if there is one, can be sent once more from its beginning.
    pub(super) body_is_ours: bool,
    pub(super) route: Option<&'a Retry>,
    /// Most tries after the first by the law alone.
    pub(super) law_tries: u32,
    pub(super) so_far: Tally,
}

/// Tries after the first, by what allowed them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    /// By the law.
    pub(super) law: u32,
    /// Of these, such that had been written.
    pub(super) written: u32,
    /// By the route.
    pub(super) route: u32,
}

impl Tally {
    /// Counts one more try.
    pub(super) fn add(&mut self, by: RetryBy, outcome: Outcome) {
        match by {
            RetryBy::Law => self.law += 1,
            RetryBy::Route => self.route += 1,
        }
        if by == RetryBy::Law && matches!(outcome, Outcome::Failed(Stage::Sent, _)) {
            self.written += 1;
        }
    }
}

/// Whether there may be another try, and who allows it. The law's own tries come first; they are
/// also subject to the backend's retry budget, which is not asked here.
pub(super) fn may_retry(case: &Case<'_>, outcome: Outcome) -> Option<RetryBy> {
    if !case.body_is_ours || case.route.is_some_and(|retry| retry.attempts == 0) {
        return None;
    }
    match outcome {
        Outcome::Failed(_, failure) if !failure.row().another_try_may_help => None,
        Outcome::Failed(_, Failure::TryTimeout) => case.after_timeout(),
        Outcome::Failed(Stage::NotSent | Stage::Unprocessed, _) => {
            if case.so_far.law < case.law_tries { Some(RetryBy::Law) } else { case.route_asks() }
        }
        Outcome::Failed(Stage::Sent, _) if case.method.is_idempotent() => {
            let first = case.so_far.written == 0 && case.so_far.law < case.law_tries;
            if first { Some(RetryBy::Law) } else { case.route_asks() }
        }
        Outcome::Failed(Stage::Sent | Stage::ResponseStarted, _) => None,
        Outcome::Status(status) if case.wants(status) => case.route_asks(),
        Outcome::Status(_) => None,
    }
}

impl Case<'_> {
    fn route_asks(&self) -> Option<RetryBy> {
        self.route.filter(|retry| self.so_far.route < retry.attempts).map(|_| RetryBy::Route)
    }

    /// A try that ran out of `timeouts.backendRequest` may still be at work behind us: only a route
    /// that has retries gets another one, for methods that may be repeated or if it wants that for
    /// 504.
    fn after_timeout(&self) -> Option<RetryBy> {
        let harmless = self.method.is_idempotent() || self.wants(StatusCode::GATEWAY_TIMEOUT);
        if harmless { self.route_asks() } else { None }
    }

    fn wants(&self, status: StatusCode) -> bool {
        self.route.is_some_and(|retry| retry.codes.contains(&status.as_u16()))
    }
}

#[cfg(test)]
mod tests;
