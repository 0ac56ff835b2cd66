//! One try: an endpoint, a request, and the head of a response or the reason why there is none.

use std::pin::pin;
use std::sync::Arc;
use std::time::Instant;

use http::header::UPGRADE;
use http::{Response, StatusCode};

use super::clock::Clock;
use super::{Answered, Job};
use crate::backend::{NoEndpoint, Picked};
use crate::endpoint::{Endpoint, Kind};
use crate::failure::Failure;
use crate::finish::{Finish, Trying};
use crate::pool::{Cause, ResponseBody, SendError, Stage};
use crate::replay::{self, Replay};
use crate::telemetry::TryFailure;

/// A try that got no response.
pub(super) struct Failed {
    /// How far it came, and with whom; `None` when there is nobody to try.
    pub(super) end: Option<(Stage, Arc<Endpoint>)>,
    pub(super) failure: Failure,
}

/// Picks an endpoint and sends the request there.
pub(super) async fn attempt(
    job: &Job<'_>,
    clock: &Clock,
    avoid: &[Arc<Endpoint>],
    finish: &mut Finish,
) -> Result<Answered, Failed> {
    let begun = Instant::now();
    let deadline = clock.ends.map(tokio::time::Instant::into_std);
    let picked = job.backend.pick(avoid, job.prefer, deadline).await;
    let trying = match picked {
        Ok(picked) => trying(job, picked),
        Err(why) => {
            finish.waited(begun.elapsed());
            return Err(Failed { end: None, failure: nobody(&why, clock) });
        }
    };
    finish.tries(trying.endpoint().address());
    let Some(request) = job.request() else {
        // `law` allows no try of a body that is not ours, and the first has it all.
        return Err(Failed { end: None, failure: Failure::Internal });
    };
    let sent = Instant::now();
    let times = clock.try_at(sent.into());
    let target = trying.target(job.identity, job.grpc, !avoid.is_empty());
    let result = {
        let sending = pin!(job.connection.worker.pool.send(target, request));
        trying.unless_cut(&job.connection.worker.cuts, times.head(sending, job.body)).await
    };
    let result = match result {
        Ok(Ok(response)) => {
            judge(&response).map(|()| response).map_err(|failure| (Stage::ResponseStarted, failure))
        }
        Ok(Err(error)) => Err((error.stage, why(&error, job.body))),
        Err(failure) => Err((Stage::Sent, failure)),
    };
    let came = Instant::now();
    finish.waited(came - begun);
    let metrics = job.backend.metrics();
    match result {
        Ok(response) => {
            metrics.answered(response.status(), came - sent);
            let deadline = times.ends.map(|(at, _)| at);
            Ok(Answered { response, trying, came, deadline })
        }
        Err((stage, failure)) => {
            if let Some(how) = kind(failure) {
                metrics.failed(how);
            }
            let endpoint = trying.endpoint().clone();
            Err(Failed { end: Some((stage, endpoint)), failure })
        }
    }
}

/// The try at an endpoint, counted as what it is.
fn trying(job: &Job<'_>, picked: Picked) -> Trying {
    let mut trying = Trying::begin(job.backend, picked);
    if job.grpc {
        trying.is(Kind::Stream);
    }
    trying
}

fn nobody(why: &NoEndpoint, clock: &Clock) -> Failure {
    match why {
        NoEndpoint::Refused(_) => Failure::RefusedBackend,
        NoEndpoint::Waited(_) if clock.is_over() => Failure::RequestTimeout,
        NoEndpoint::Waited(_) => Failure::NoEndpoint,
        NoEndpoint::Overflow => Failure::Busy,
    }
}

/// What went wrong, as the table of failures has it.
fn why(error: &SendError<replay::Body>, body: Option<&Replay>) -> Failure {
    // A request whose client broke off looks like a broken connection to the pool.
    if let Some(failure) = body.and_then(Replay::failure) {
        return failure;
    }
    match &error.cause {
        Cause::Refused | Cause::Unreachable(_) => Failure::ConnectFailed,
        Cause::ConnectTimeout => Failure::ConnectTimeout,
        Cause::Tls(_) => Failure::TlsFailed,
        Cause::Overflow | Cause::PendingTimeout => Failure::Busy,
        Cause::Malformed(_) => Failure::Garbage,
        Cause::RequestBody => Failure::ClientGone,
        Cause::Closing => Failure::Stopping,
        Cause::GoAway if error.stage == Stage::Unprocessed => Failure::GoAway,
        Cause::Closed | Cause::Reset(_) | Cause::GoAway => match error.stage {
            Stage::Unprocessed => Failure::Unprocessed,
            Stage::NotSent | Stage::Sent | Stage::ResponseStarted => Failure::Reset,
        },
    }
}

/// Which of a backend's numbers a failure belongs to; `None` when it is not the backend's.
fn kind(failure: Failure) -> Option<TryFailure> {
    match failure {
        Failure::ConnectFailed | Failure::ConnectTimeout => Some(TryFailure::Connect),
        Failure::TlsFailed => Some(TryFailure::Tls),
        Failure::Reset => Some(TryFailure::Reset),
        Failure::Unprocessed | Failure::GoAway => Some(TryFailure::Unprocessed),
        Failure::FirstByteTimeout | Failure::TryTimeout | Failure::RequestTimeout => {
            Some(TryFailure::Timeout)
        }
        Failure::Garbage | Failure::Switched => Some(TryFailure::Protocol),
        _ => None,
    }
}

/// A switch to what we asked for is the only one to follow; `pool` lets none pass unasked.
fn judge(response: &Response<ResponseBody<replay::Body>>) -> Result<(), Failure> {
    if response.status() != StatusCode::SWITCHING_PROTOCOLS {
        return Ok(());
    }
    let to = response.headers().get(UPGRADE).map(|value| value.as_bytes());
    let asked = to.is_some_and(|to| to.eq_ignore_ascii_case(b"websocket"));
    if asked { Ok(()) } else { Err(Failure::Switched) }
}
