//! What `/v1/drain` says; the same for whoever writes it and whoever reads it.

use config_watcher::drains::Laggard;
use serde::{Deserialize, Serialize};
use snapshot::{ByKind, DrainCause};

/// How a drain ended, or why there is none.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "answer")]
pub(crate) enum Answer {
    /// Nothing is in flight to the address, nor will be.
    Drained(Drained),
    /// The deadline is over, and something is.
    Deadline(Waiting),
    /// The order was taken back while it was waited for.
    Undone {
        /// The address.
        address: String,
    },
    /// No route leads to this address.
    Unknown {
        /// The address, as the gateway sees it.
        address: String,
        /// What to do.
        remedy: String,
    },
    /// The caller may not.
    Forbidden {
        /// Why.
        reason: String,
        /// What to do.
        remedy: String,
    },
    /// The question is wrong.
    Wrong {
        /// What is.
        reason: String,
    },
    /// It cannot be done now.
    Busy {
        /// Why.
        reason: String,
    },
    /// What stands.
    List {
        /// By address.
        drains: Vec<Standing>,
    },
}

/// See [`Answer::Drained`].
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Drained {
    /// The address.
    pub(crate) address: String,
    /// The first version that has the drain.
    pub(crate) version: u64,
    /// From the call to the answer.
    pub(crate) took_ms: u64,
    /// What was cut at the deadline, if it came to that.
    pub(crate) cut: ByKind<usize>,
}

/// See [`Answer::Deadline`].
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Waiting {
    /// The address.
    pub(crate) address: String,
    /// Who still has something in flight. Empty when no proxy is heard of.
    pub(crate) laggards: Vec<Laggard>,
}

/// An order that stands.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Standing {
    /// The address.
    pub(crate) address: String,
    /// Who wants it.
    pub(crate) cause: DrainCause,
    /// Since when.
    pub(crate) since_ms: u64,
    /// Nothing is in flight there.
    pub(crate) drained: bool,
    /// Who still has something in flight.
    pub(crate) laggards: Vec<Laggard>,
}
