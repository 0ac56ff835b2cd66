//! Where an address stands in a snapshot.

use std::net::SocketAddr;
use std::sync::Arc;

use imbl::OrdMap;
use snapshot::{BackendKey, DrainKey, Endpoint, Endpoints};

/// One endpoint that a drain names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Whose.
    pub backend: BackendKey,
    /// Which.
    pub endpoint: Endpoint,
}

/// Every endpoint that `key` names, by backend. Costs a search per backend, nothing per endpoint.
#[must_use]
pub fn places(endpoints: &OrdMap<BackendKey, Arc<Endpoints>>, key: DrainKey) -> Vec<Place> {
    let of = |(backend, endpoints): (&BackendKey, &Arc<Endpoints>)| {
        let backend = backend.clone();
        let named: Vec<_> = named(endpoints, key).cloned().collect();
        named.into_iter().map(move |endpoint| Place { backend: backend.clone(), endpoint })
    };
    endpoints.iter().flat_map(of).collect()
}

/// The endpoints of one backend that `key` names.
pub(super) fn named(endpoints: &Endpoints, key: DrainKey) -> impl Iterator<Item = &Endpoint> {
    // Ordered by address: those of one IP address stand together.
    let first = SocketAddr::new(key.address, 0);
    let from = endpoints.list.partition_point(|endpoint| endpoint.address < first);
    let of_address = endpoints.list[from..].iter();
    of_address
        .take_while(move |endpoint| endpoint.address.ip() == key.address)
        .filter(move |endpoint| key.names(endpoint.address))
}
