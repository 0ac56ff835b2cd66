//! Backends as routes hold them: shared, swapped in place, alive across tables.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use snapshot::{BackendKey, Endpoints, Protocol};

use crate::endpoint::Endpoint;
use crate::settings::Settings;

/// Every backend that a table holds, and every endpoint of them.
#[derive(Clone)]
pub(crate) struct Backends {
    settings: Arc<Settings>,
}

impl Backends {
    /// No backend yet.
    pub(crate) fn new(settings: Arc<Settings>) -> Self {
        Self { settings }
    }

    /// The backend of a key; made when it is first asked for. Whoever holds it sees every later
    /// change of it.
    pub(crate) fn handle(&self, _key: &BackendKey) -> Arc<Backend> {
        unimplemented!("lands next")
    }

    /// Sets or removes a backend's policies. On an error, which says what is wrong, the old ones
    /// stay.
    pub(crate) fn set(
        &self,
        _key: &BackendKey,
        _to: Option<Arc<snapshot::Backend>>,
    ) -> Result<(), String> {
        unimplemented!("lands next")
    }

    /// Sets or removes a backend's endpoints. Those that stay the same keep their state.
    pub(crate) fn set_endpoints(&self, _key: &BackendKey, _to: Option<Arc<Endpoints>>) {
        unimplemented!("lands next")
    }
}

/// One service port, as routes hold it.
pub(crate) struct Backend {
    key: BackendKey,
}

impl Backend {
    /// Which one.
    pub(crate) fn key(&self) -> &BackendKey {
        &self.key
    }

    /// Chooses the endpoint for one try and counts it in: a ready one; else one that drains yet
    /// serves; else whichever comes within `no_endpoint_wait`, but not after `deadline`.
    ///
    /// `avoid` are the endpoints of earlier tries. `prefer` is where the session lives: that
    /// endpoint takes the request as long as it takes any.
    ///
    /// Cancel safe: a dropped future counts nothing.
    pub(crate) async fn pick(
        &self,
        _avoid: &[Arc<Endpoint>],
        _prefer: Option<SocketAddr>,
        _deadline: Option<Instant>,
    ) -> Result<Picked, NoEndpoint> {
        unimplemented!("lands next")
    }

    /// Counts one request towards the retry budget. Once per request, not per try.
    pub(crate) fn count_request(&self, _now: Instant) {
        unimplemented!("lands next")
    }

    /// Takes one retry from the budget (a share of the requests of the last seconds, and a floor);
    /// false when it is spent.
    pub(crate) fn take_retry(&self, _now: Instant) -> bool {
        unimplemented!("lands next")
    }
}

/// How a backend is reached.
pub(crate) struct BackendConfig {
    /// What its endpoints speak.
    pub(crate) protocol: Protocol,
}

impl BackendConfig {
    /// Whether endpoints are reached over TLS.
    pub(crate) fn is_tls(&self) -> bool {
        unimplemented!("lands next")
    }
}

/// An endpoint with a request counted in; counted out on drop. Hold it until the response body is
/// at its end, or the tunnel closed.
pub(crate) struct Picked {
    config: Arc<BackendConfig>,
    endpoint: Arc<Endpoint>,
}

impl Picked {
    /// How to reach it, as it was at the pick.
    pub(crate) fn config(&self) -> &Arc<BackendConfig> {
        &self.config
    }

    /// Which one.
    pub(crate) fn endpoint(&self) -> &Arc<Endpoint> {
        &self.endpoint
    }
}

/// Why a pick gave nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NoEndpoint {
    /// No such backend, or a policy of it is not valid: 500. The text is for people.
    #[error("{0}")]
    Refused(Arc<str>),
    /// None came within the wait: 503.
    #[error("no endpoint came within {0:?}")]
    Waited(Duration),
    /// As many requests as may wait do so already: 503.
    #[error("too many requests wait for an endpoint")]
    Overflow,
}
