//! Why a request was not let through, and how that travels to whoever answers it.

use http::StatusCode;

/// A request that the gate did not let through. The connection closes after its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// What the client gets: 4xx or 505.
    pub(crate) status: StatusCode,
    /// A word for metrics and the log, such as `bare_lf`.
    pub(crate) flag: &'static str,
    /// A sentence for people.
    pub(crate) text: &'static str,
}

impl Refusal {
    pub(super) fn of_method(_method: &str) -> Option<Self> {
        None
    }
}
