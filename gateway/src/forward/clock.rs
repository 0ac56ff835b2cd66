//! How long each wait of a request may last.
//!
//! `timeouts.request` runs over everything, `timeouts.backendRequest` over each try, both to the
//! end of the response's body. A route that sets neither, not even to zero, gets the gateway's
//! default time to the first byte; gRPC calls have none, for silence is normal there. The default
//! does not run while the client still sends, and not once an upgrade has been answered.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use snapshot::Timeouts;
use tokio::time::{Instant, timeout_at};

use crate::failure::Failure;
use crate::replay::Replay;

/// The times of one request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    /// When `timeouts.request` ends it.
    pub(super) ends: Option<Instant>,
    per_try: Option<Duration>,
    first_byte: Option<Duration>,
}

/// The times of one try.
#[derive(Clone, Copy, Debug)]
pub(super) struct TryClock {
    /// The earliest end that a route's timeouts set, and which one that is.
    pub(super) ends: Option<(Instant, Failure)>,
    begun: Instant,
    first_byte: Option<Duration>,
}

impl Clock {
    /// For a request that began at `begun`. `first_byte` is the default, `None` where silence is
    /// normal.
    pub(super) fn new(begun: Instant, timeouts: &Timeouts, first_byte: Option<Duration>) -> Self {
        let set = |timeout: Option<Duration>| timeout.filter(|timeout| !timeout.is_zero());
        let silent = timeouts.request.is_none() && timeouts.backend_request.is_none();
        Self {
            ends: set(timeouts.request).map(|timeout| begun + timeout),
            per_try: set(timeouts.backend_request),
            first_byte: first_byte.filter(|_| silent),
        }
    }

    /// For a try that begins at `now`.
    pub(super) fn try_at(&self, now: Instant) -> TryClock {
        let request = self.ends.map(|at| (at, Failure::RequestTimeout));
        let per_try = self.per_try.map(|time| (now + time, Failure::TryTimeout));
        let ends = request.into_iter().chain(per_try).min_by_key(|(at, _)| *at);
        TryClock { ends, begun: now, first_byte: self.first_byte }
    }

    /// Whether `timeouts.request` is over.
    pub(super) fn is_over(&self) -> bool {
        self.ends.is_some_and(|ends| Instant::now() >= ends)
    }
}

impl TryClock {
    /// Waits for the head of a response. Borrowed and not taken: a large future is not moved into
    /// each of the futures here.
    pub(super) async fn head<F: Future>(
        &self,
        mut sending: Pin<&mut F>,
        body: Option<&Replay>,
    ) -> Result<F::Output, Failure> {
        if let Some((at, failure)) = self.ends {
            return timeout_at(at, sending).await.map_err(|_| failure);
        }
        let Some(limit) = self.first_byte else { return Ok(sending.await) };
        let mut sent = progress(body);
        let mut until = self.begun + limit;
        loop {
            if let Ok(done) = timeout_at(until, &mut sending).await {
                return Ok(done);
            }
            let now = progress(body);
            if now == sent {
                return Err(Failure::FirstByteTimeout);
            }
            sent = now;
            until = Instant::now() + limit;
        }
    }
}

/// What has come from the client so far, and whether that is all.
fn progress(body: Option<&Replay>) -> (u64, bool) {
    body.map_or((0, true), |body| (body.received(), body.is_whole()))
}

#[cfg(test)]
mod tests {
    use std::future::pending;
    use std::pin::pin;
    use std::time::Duration;

    use snapshot::Timeouts;
    use tokio::time::Instant;

    use super::Clock;
    use crate::failure::Failure::{self, FirstByteTimeout, RequestTimeout, TryTimeout};

    const DEFAULT: Option<Duration> = Some(Duration::from_secs(60));

    fn timeouts(request: Option<u64>, per_try: Option<u64>) -> Timeouts {
        let time = |seconds: Option<u64>| seconds.map(Duration::from_secs);
        Timeouts { request: time(request), backend_request: time(per_try) }
    }

    /// Which failure ends a try that gets no answer, and after how many seconds of the request,
    /// when the try begins 2 s into it.
    async fn unanswered(timeouts: Timeouts, default: Option<Duration>) -> (Failure, u64) {
        let begun = Instant::now();
        let clock = Clock::new(begun, &timeouts, default);
        tokio::time::advance(Duration::from_secs(2)).await;
        let sending = pin!(pending::<()>());
        let failure = clock.try_at(Instant::now()).head(sending, None).await.unwrap_err();
        (failure, begun.elapsed().as_secs())
    }

    #[tokio::test(start_paused = true)]
    async fn the_earliest_time_ends_a_try() {
        for (request, per_try, expected) in [
            (Some(10), None, (RequestTimeout, 10)),
            (None, Some(5), (TryTimeout, 7)),
            (Some(10), Some(5), (TryTimeout, 7)),
            (Some(6), Some(5), (RequestTimeout, 6)),
            (Some(10), Some(0), (RequestTimeout, 10)),
            (Some(0), Some(5), (TryTimeout, 7)),
            (None, None, (FirstByteTimeout, 62)),
        ] {
            assert_eq!(unanswered(timeouts(request, per_try), DEFAULT).await, expected);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn zero_and_streams_have_no_end() {
        for (request, per_try, default) in
            [(Some(0), None, DEFAULT), (None, Some(0), DEFAULT), (None, None, None)]
        {
            let clock = Clock::new(Instant::now(), &timeouts(request, per_try), default);
            let hour = pin!(tokio::time::sleep(Duration::from_secs(3_600)));
            assert!(clock.try_at(Instant::now()).head(hour, None).await.is_ok());
        }
    }
}
