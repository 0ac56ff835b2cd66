//! Why a request was tried more than once, in the words of the access log and the metrics.

/// What asked for another try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RetryBy {
    /// The law that always holds: nothing, or nothing that counts, had happened.
    Law,
    /// The route's `retry`.
    Route,
}

/// Why another try was allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RetryReason {
    /// Not a byte of the request had been written.
    NotSent,
    /// The backend said that it did not process the stream (REFUSED_STREAM).
    RefusedStream,
    /// The stream was above the last one of a GOAWAY.
    GoAway,
    /// The request may have been processed, and repeating it changes nothing.
    Idempotent,
    /// The route wants another try after this status.
    Status,
    /// The route wants another try after its time for one has run out.
    Timeout,
}

impl RetryBy {
    /// Both, in the order of their numbers.
    pub(super) const ALL: [Self; 2] = [Self::Law, Self::Route];

    /// The word for the access log and labels.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Law => "law",
            Self::Route => "route",
        }
    }
}

impl RetryReason {
    /// All, in the order of their numbers.
    pub(super) const ALL: [Self; 6] = [
        Self::NotSent,
        Self::RefusedStream,
        Self::GoAway,
        Self::Idempotent,
        Self::Status,
        Self::Timeout,
    ];

    /// The word for the access log and labels.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::NotSent => "not_sent",
            Self::RefusedStream => "refused_stream",
            Self::GoAway => "goaway",
            Self::Idempotent => "idempotent",
            Self::Status => "status",
            Self::Timeout => "timeout",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{RetryBy, RetryReason};

    #[test]
    fn each_has_its_place_in_the_list() {
        assert!(RetryBy::ALL.iter().enumerate().all(|(at, by)| *by as usize == at));
        assert!(RetryReason::ALL.iter().enumerate().all(|(at, why)| *why as usize == at));
    }
}
