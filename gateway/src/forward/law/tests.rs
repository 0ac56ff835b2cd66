//! The law by tables.

use http::{Method, StatusCode};
use snapshot::Retry;

use super::{Case, Outcome, Tally, may_retry};
use crate::failure::Failure;
use crate::pool::Stage;
use crate::telemetry::RetryBy::{self, Law, Route};

const LAW_TRIES: u32 = 2;

fn route(attempts: u32, codes: &[u16]) -> Retry {
    Retry { codes: codes.to_vec(), attempts, backoff: None }
}

fn tally(law: u32, written: u32, route: u32) -> Tally {
    Tally { law, written, route }
}

#[track_caller]
fn check(
    method: &Method,
    body_is_ours: bool,
    route: Option<&Retry>,
    so_far: Tally,
    outcome: Outcome,
    expected: Option<RetryBy>,
) {
    let case = Case { method, body_is_ours, route, law_tries: LAW_TRIES, so_far };
    assert_eq!(may_retry(&case, outcome), expected, "{case:?} {outcome:?}");
}

#[test]
fn without_a_routes_wish_the_law_alone_decides() {
    use Failure::{ConnectFailed, ConnectTimeout, Reset, TlsFailed, Unprocessed};
    let (get, put, post) = (&Method::GET, &Method::PUT, &Method::POST);
    let none = tally(0, 0, 0);
    for (method, ours, so_far, reach, failure, expected) in [
        (post, true, none, Stage::NotSent, ConnectFailed, Some(Law)),
        (post, true, none, Stage::NotSent, ConnectTimeout, Some(Law)),
        (post, true, none, Stage::NotSent, TlsFailed, Some(Law)),
        (post, true, tally(1, 0, 0), Stage::NotSent, ConnectFailed, Some(Law)),
        (post, true, tally(2, 0, 0), Stage::NotSent, ConnectFailed, None),
        (post, true, none, Stage::Unprocessed, Unprocessed, Some(Law)),
        (post, false, none, Stage::Unprocessed, Unprocessed, None),
        (post, true, none, Stage::Sent, Reset, None),
        (get, true, none, Stage::Sent, Reset, Some(Law)),
        (put, true, none, Stage::Sent, Reset, Some(Law)),
        (put, false, none, Stage::Sent, Reset, None),
        (get, true, tally(1, 1, 0), Stage::Sent, Reset, None),
        (get, true, tally(1, 0, 0), Stage::Sent, Reset, Some(Law)),
        (get, true, none, Stage::ResponseStarted, Reset, None),
    ] {
        check(method, ours, None, so_far, Outcome::Failed(reach, failure), expected);
    }
}

#[test]
fn what_no_other_try_can_mend_is_not_tried_again() {
    let eager = route(100, &[500, 502, 503, 504]);
    for failure in Failure::ALL.iter().filter(|f| !f.row().another_try_may_help) {
        let outcome = Outcome::Failed(Stage::NotSent, *failure);
        check(&Method::GET, true, Some(&eager), tally(0, 0, 0), outcome, None);
    }
}

#[test]
fn a_route_adds_its_attempts_to_those_of_the_law() {
    let refused = Outcome::Failed(Stage::NotSent, Failure::ConnectFailed);
    let reset = Outcome::Failed(Stage::Sent, Failure::Reset);
    let asked = route(3, &[]);
    for (method, so_far, outcome, expected) in [
        (Method::POST, tally(1, 0, 0), refused, Some(Law)),
        (Method::POST, tally(2, 0, 0), refused, Some(Route)),
        (Method::POST, tally(2, 0, 2), refused, Some(Route)),
        (Method::POST, tally(2, 0, 3), refused, None),
        (Method::POST, tally(0, 0, 0), reset, None),
        (Method::GET, tally(1, 1, 0), reset, Some(Route)),
    ] {
        check(&method, true, Some(&asked), so_far, outcome, expected);
    }
}

#[test]
fn zero_attempts_switch_every_other_try_off() {
    let never = route(0, &[500]);
    for outcome in [
        Outcome::Failed(Stage::NotSent, Failure::ConnectFailed),
        Outcome::Failed(Stage::Unprocessed, Failure::Unprocessed),
        Outcome::Failed(Stage::Sent, Failure::Reset),
        Outcome::Status(StatusCode::INTERNAL_SERVER_ERROR),
    ] {
        check(&Method::GET, true, Some(&never), tally(0, 0, 0), outcome, None);
    }
}

#[test]
fn a_status_is_tried_again_only_if_the_route_names_it() {
    let asked = route(2, &[500, 503]);
    let post = Method::POST;
    for (code, ours, made, expected) in [
        (500, true, 0, Some(Route)),
        (503, true, 1, Some(Route)),
        (503, true, 2, None),
        (502, true, 0, None),
        (200, true, 0, None),
        (500, false, 0, None),
    ] {
        let outcome = Outcome::Status(StatusCode::from_u16(code).unwrap());
        check(&post, ours, Some(&asked), tally(0, 0, made), outcome, expected);
        check(&post, ours, None, tally(0, 0, made), outcome, None);
    }
}

#[test]
fn a_try_that_timed_out_is_repeated_only_where_that_is_harmless_or_wanted() {
    let timeout = Outcome::Failed(Stage::Sent, Failure::TryTimeout);
    let (plain, wanted) = (route(1, &[500]), route(1, &[504]));
    for (method, route, expected) in [
        (Method::GET, None, None),
        (Method::GET, Some(&plain), Some(Route)),
        (Method::POST, Some(&plain), None),
        (Method::POST, Some(&wanted), Some(Route)),
    ] {
        check(&method, true, route, tally(0, 0, 0), timeout, expected);
    }
    check(&Method::GET, true, Some(&plain), tally(0, 0, 1), timeout, None);
}

#[test]
fn the_reason_of_a_try_is_what_made_it_safe_or_wanted() {
    use crate::telemetry::RetryReason;
    for (outcome, expected) in [
        (Outcome::Failed(Stage::NotSent, Failure::ConnectFailed), RetryReason::NotSent),
        (Outcome::Failed(Stage::Unprocessed, Failure::GoAway), RetryReason::GoAway),
        (Outcome::Failed(Stage::Unprocessed, Failure::Unprocessed), RetryReason::RefusedStream),
        (Outcome::Failed(Stage::Sent, Failure::Reset), RetryReason::Idempotent),
        (Outcome::Failed(Stage::Sent, Failure::TryTimeout), RetryReason::Timeout),
        (Outcome::Status(StatusCode::SERVICE_UNAVAILABLE), RetryReason::Status),
    ] {
        assert_eq!(outcome.reason(), expected, "{outcome:?}");
    }
}
