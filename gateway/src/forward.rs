//! Pick, send, judge: a request and the tries it takes.
//!
//! Promises: a request is tried again only as [`law`] allows and within the backend's retry budget;
//! every wait has an end ([`clock`]); dropped, it takes the try under way with it. What the client
//! sees of a failure is left to `request`, the endpoints to `backend`, connections to `pool`.

mod attempt;
mod clock;
mod law;

use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use http::request::Parts;
use http::{Request, Response};
use smallvec::SmallVec;
use tokio::time::{Instant, sleep_until};

use crate::backend::Backend;
use crate::connect::ClientIdentity;
use crate::connection::Connection;
use crate::endpoint::Endpoint;
use crate::failure::Failure;
use crate::finish::{Finish, Trying};
use crate::pool::{ResponseBody, Stage};
use crate::replay::{self, Replay};
use crate::table::Rule;
use crate::telemetry::{RetryBy, RetryReason};
use attempt::Failed;
use clock::Clock;
use law::{Case, Outcome, Tally};

/// The pause before what was written is repeated by the law. What took its pod down may take
/// the others as well: they have stopped listening by then, and a refused connection costs no
/// repeat. The law allows one.
const LOST: Duration = Duration::from_millis(20);
/// Pauses before a route's retries double up to this many times the first.
const MOST_BACKOFF: u32 = 10;

/// A request that is ready to be sent.
pub(crate) struct Job<'a> {
    /// Where it came from.
    pub(crate) connection: &'a Rc<Connection>,
    /// What it matched.
    pub(crate) rule: &'a Rule,
    /// Who takes it.
    pub(crate) backend: &'a Arc<Backend>,
    /// What we present to backends that ask for a certificate.
    pub(crate) identity: Option<&'a Arc<ClientIdentity>>,
    /// In the form that `Pool::send` asks for.
    pub(crate) head: &'a Parts,
    /// `None` when it has no body.
    pub(crate) body: Option<&'a Replay>,
    /// It is a gRPC call.
    pub(crate) grpc: bool,
    /// Where its session lives.
    pub(crate) prefer: Option<SocketAddr>,
}

/// A response whose body is still to come.
pub(crate) struct Answered {
    /// As the backend sent it.
    pub(crate) response: Response<ResponseBody<replay::Body>>,
    /// Who sent it; keep it to the end of the body.
    pub(crate) trying: Trying,
    /// When its head came.
    pub(crate) came: std::time::Instant,
    /// When a timeout of the route ends the body.
    pub(crate) deadline: Option<Instant>,
}

/// Sends the request until there is an answer to give.
///
/// # Errors
/// With the failure of the last try.
pub(crate) async fn forward(job: &Job<'_>, finish: &mut Finish) -> Result<Answered, Failure> {
    let upstream = &job.connection.worker.settings.upstream;
    let first_byte = (!job.grpc).then_some(upstream.first_byte_timeout);
    let clock = Clock::new(finish.begun().into(), &job.rule.timeouts, first_byte);
    job.backend.count_request(finish.begun());
    let mut tries = Tries::default();
    loop {
        let result = attempt::attempt(job, &clock, &tries.avoid, finish).await;
        let outcome = match &result {
            Ok(answered) => Outcome::Status(answered.response.status()),
            Err(Failed { end: Some((stage, _)), failure }) => Outcome::Failed(*stage, *failure),
            Err(Failed { end: None, failure }) => return Err(*failure),
        };
        let Some(by) = tries.another(job, outcome) else {
            if let Some(body) = job.body {
                body.release();
            }
            return result.map_err(|failed| failed.failure);
        };
        tries.tally.add(by, outcome);
        finish.retries(by, outcome.reason());
        tries.avoid(match result {
            Ok(answered) => Some(answered.trying.endpoint().clone()),
            Err(failed) => failed.end.map(|(_, endpoint)| endpoint),
        });
        match by {
            RetryBy::Route => pause(tries.pause(job), &clock).await?,
            RetryBy::Law if outcome.reason() == RetryReason::Idempotent => {
                pause(backoff(LOST, 1, fastrand::f64()), &clock).await?;
            }
            RetryBy::Law => {}
        }
    }
}

/// What was tried so far.
#[derive(Default)]
struct Tries {
    tally: Tally,
    avoid: SmallVec<[Arc<Endpoint>; 2]>,
}

impl Tries {
    /// Whether there is another try, and by whose leave.
    fn another(&self, job: &Job<'_>, outcome: Outcome) -> Option<RetryBy> {
        let settings = &job.connection.worker.settings.retry;
        let case = Case {
            method: &job.head.method,
            body_is_ours: job.body.is_none_or(Replay::is_replayable),
            route: job.rule.retry.as_deref(),
            law_tries: settings.tries,
            so_far: self.tally,
        };
        let by = law::may_retry(&case, outcome)?;
        // What a GOAWAY left out has cost its backend nothing, and there may be a whole connection
        // of it; nor has a refused connection, and where all pods go, there is one for each
        // request: no storm, and no case for the budget. A REFUSED_STREAM may be one.
        let refused = matches!(outcome, Outcome::Failed(Stage::NotSent, Failure::ConnectFailed));
        let free = refused || outcome.reason() == RetryReason::GoAway;
        if by == RetryBy::Law && !free && !job.backend.take_retry(std::time::Instant::now()) {
            // The budget is spent. What the route asks for on its own is not of it.
            return law::may_retry(&Case { law_tries: 0, ..case }, outcome);
        }
        Some(by)
    }

    /// The next try goes elsewhere, if there is an elsewhere.
    fn avoid(&mut self, endpoint: Option<Arc<Endpoint>>) {
        if let Some(endpoint) = endpoint
            && !self.avoid.iter().any(|tried| Arc::ptr_eq(tried, &endpoint))
        {
            self.avoid.push(endpoint);
        }
    }

    /// The pause before the next try that the route asked for.
    fn pause(&self, job: &Job<'_>) -> Duration {
        let default = job.connection.worker.settings.retry.backoff;
        let asked = job.rule.retry.as_ref().and_then(|retry| retry.backoff);
        backoff(asked.unwrap_or(default), self.tally.route, fastrand::f64())
    }
}

/// Twice the pause before it, `nth` counted from 1, with up to half of it more by chance, so that
/// requests that failed together do not return together. Never less than `first`.
fn backoff(first: Duration, nth: u32, chance: f64) -> Duration {
    let times = 1_u32.checked_shl(nth.saturating_sub(1)).unwrap_or(u32::MAX).min(MOST_BACKOFF);
    (first * times).mul_f64(1.0 + chance / 2.0)
}

async fn pause(time: Duration, clock: &Clock) -> Result<(), Failure> {
    let until = Instant::now() + time;
    sleep_until(clock.ends.map_or(until, |ends| until.min(ends))).await;
    if clock.is_over() { Err(Failure::RequestTimeout) } else { Ok(()) }
}

impl Job<'_> {
    /// The request of one try.
    fn request(&self) -> Option<Request<replay::Body>> {
        let body = match self.body {
            None => replay::Body::empty(),
            Some(body) => body.start()?,
        };
        let mut request = Request::new(body);
        *request.method_mut() = self.head.method.clone();
        *request.uri_mut() = self.head.uri.clone();
        *request.headers_mut() = self.head.headers.clone();
        Some(request)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::backoff;

    #[test]
    fn pauses_double_up_to_ten_times_the_first_with_some_chance() {
        let first = Duration::from_millis(100);
        for (nth, chance, expected) in [
            (1, 0.0, 100),
            (1, 1.0, 150),
            (2, 0.0, 200),
            (4, 0.0, 800),
            (5, 0.0, 1_000),
            (5, 1.0, 1_500),
            (100, 0.0, 1_000),
        ] {
            assert_eq!(backoff(first, nth, chance), Duration::from_millis(expected), "{nth}");
        }
    }
}
