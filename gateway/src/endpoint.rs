//! One address of a backend: in-flight count, health, draining; shared by all threads.

use std::net::SocketAddr;
use std::sync::Arc;

/// One address of one pod. The same object for all routes, backends and threads, over every swap,
/// for as long as address and pod stay the same.
#[derive(Debug)]
pub(crate) struct Endpoint {
    address: SocketAddr,
    uid: Option<Arc<str>>,
}

impl Endpoint {
    /// Address and the pod's own port.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// UID of the pod.
    pub(crate) fn uid(&self) -> Option<&Arc<str>> {
        self.uid.as_ref()
    }

    /// Requests, streams and tunnels now.
    pub(crate) fn in_flight(&self) -> usize {
        unimplemented!("lands next")
    }
}
