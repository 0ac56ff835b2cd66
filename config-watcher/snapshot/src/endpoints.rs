//! The addresses of a backend, and which of them may take a request.

use std::net::SocketAddr;
use std::sync::Arc;

use serde::Serialize;

/// The endpoints of one backend, merged from all EndpointSlices of its Service.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Endpoints {
    /// Ordered by address; an address stands here once.
    pub list: Arc<[Endpoint]>,
    /// Addresses that were left out, each with the reason, for people: names that are not
    /// resolved, addresses that are no pod's. At most nine entries.
    pub ignored: Arc<[Arc<str>]>,
}

/// One address of a backend.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Endpoint {
    /// Address and the pod's own port.
    pub address: SocketAddr,
    /// UID of the pod (`targetRef.uid`): a new pod with an old pod's address starts afresh.
    pub uid: Option<Arc<str>>,
    /// Whether it may take requests.
    pub state: EndpointState,
    /// `zone` of the node it runs on.
    pub zone: Option<Arc<str>>,
    /// Name of the node it runs on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node: Option<Arc<str>>,
}

/// What the EndpointSlice says of an endpoint, in the order of preference: requests go to ready
/// ones; to draining ones only where none is ready; never to the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub enum EndpointState {
    /// `ready` is true or not said, and it is not `terminating`.
    Ready,
    /// `terminating` and still `serving`: finishes its work and still answers.
    Draining,
    /// Neither: takes nothing new, keeps what it has.
    NotReady,
}
