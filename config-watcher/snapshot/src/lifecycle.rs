//! How the endpoints of a backend come and go (`BackendLifecyclePolicy`). What nobody set is
//! `None`: the gateway's own settings hold.

use std::time::Duration;

use serde::Serialize;

/// The lifecycle of one backend's endpoints.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Lifecycle {
    /// How long what runs may go on once an endpoint drains.
    pub drain: DrainDeadlines,
    /// What stays in use when endpoints are missing.
    pub floor: Floor,
    /// Most endpoints that are drained at once ahead of the end of their nodes, in percent.
    pub node_drain_percent: Option<u8>,
    /// How long a new endpoint takes to come to its full share.
    pub slow_start: Option<Duration>,
}

/// How long what runs on a draining endpoint may go on, by its kind; `None` for as long as the
/// drain itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct DrainDeadlines {
    /// HTTP exchanges.
    pub requests: Option<Duration>,
    /// gRPC streams.
    pub streams: Option<Duration>,
    /// Upgraded connections.
    pub tunnels: Option<Duration>,
}

/// How fast a backend may shrink when endpoints are missing that nobody saw leave.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Floor {
    /// What stays within a window, in percent.
    pub percent: Option<u8>,
    /// How long a window is.
    pub window: Option<Duration>,
}

impl Lifecycle {
    pub(crate) fn is_default(&self) -> bool {
        *self == Self::default()
    }
}
