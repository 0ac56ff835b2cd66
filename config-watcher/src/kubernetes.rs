//! A Kubernetes API as the source of objects, and as the place where statuses go.
//!
//! Promises: one guarded watch per kind, so that no object, error or outage of one stops another;
//! what was there stays until the API server has said otherwise in full; nothing is complete before
//! every kind's first list, and before every certificate that those refer to has been asked for.
//!
//! Pods and nodes are watched beside that, where we may: they are no objects that routes are made
//! of, and nothing waits for them.
//!
//! Secrets and ConfigMaps are read by name, only those that somebody refers to, unless
//! [`Settings::list_certificates`] says otherwise.

mod access;
mod arrival;
mod batch;
mod infrastructure;
mod lease;
mod merge;
mod nodes;
mod optional;
mod reviewer;
mod served;
mod watch;
mod wire;
mod writer;

pub use access::{AccessError, connect};
pub use arrival::ArrivalCounts;
pub use batch::{Source, watch};
pub use infrastructure::{Services, services};
pub use lease::LeaseSettings;
pub use nodes::{NodeWatch, Taints};
pub use reviewer::{AUDIENCE, Ask, GROUP, Questions, ReviewError, Reviewer, Verdict};
pub use served::Served;
pub use writer::{StatusWriter, WriterCounts};

/// How the API is read.
#[derive(Clone, Copy, Debug, Default)]
pub struct Settings {
    /// List and watch all Secrets and ConfigMaps instead of asking for each by name: fewer
    /// requests where certificates count in thousands, for the price of a cluster-wide right.
    pub list_certificates: bool,
}
