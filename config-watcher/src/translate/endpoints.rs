//! The EndpointSlices of a Service become the endpoints of one of its ports.
//!
//! All slices are merged, and an address stands there once, in the best state that any of them
//! says: an endpoint that moves between slices never vanishes in between.

mod address;

use std::cmp::Ordering;
use std::sync::Arc;

use snapshot::{BackendKey, Endpoint, EndpointState, Endpoints};

use super::reads::Reads;
use super::service;
use crate::api::core::{EndpointSlice, SliceConditions, SliceEndpoint};
use address::Addresses;

/// Most addresses that are named as ignored; the rest is counted.
const MAX_NAMED: usize = 8;

/// Computes the endpoints of a service port; `None` where there are none.
pub(crate) fn compute(reads: &Reads<'_>, key: &BackendKey) -> Option<Arc<Endpoints>> {
    let port = service::port(reads, key).ok()?;
    let slices = reads.slices(&key.service);
    let endpoints =
        merge(port.name, slices.iter().map(|slice| &slice.spec), reads.options().allow_loopback);
    (endpoints != Endpoints::default()).then(|| Arc::new(endpoints))
}

/// The endpoints of the port named `port`, from all slices of its Service.
fn merge<'a>(
    port: &str,
    slices: impl Iterator<Item = &'a EndpointSlice>,
    allow_loopback: bool,
) -> Endpoints {
    let mut list = Vec::new();
    let mut ignored = Vec::new();
    for slice in slices {
        let Some(number) = port_number(slice, port) else { continue };
        let addresses = Addresses::new(&slice.address_type, number, allow_loopback);
        for from in &slice.endpoints {
            match addresses.of(from) {
                Ok(address) => list.push(Endpoint {
                    address,
                    uid: uid(from),
                    state: state(from.conditions),
                    zone: from.zone.clone(),
                    node: from.node_name.clone(),
                }),
                Err(why) => ignored.push(why),
            }
        }
    }
    list.sort_unstable_by(best_first);
    list.dedup_by(|later, first| later.address == first.address);
    Endpoints { list: list.into(), ignored: shorten(ignored) }
}

/// The pods' own port; slices are joined to Services by the names of their ports.
fn port_number(slice: &EndpointSlice, name: &str) -> Option<u16> {
    let port = slice.ports.iter().find(|port| {
        port.name.as_deref().unwrap_or_default() == name
            && port.protocol.as_deref().is_none_or(|protocol| protocol == "TCP")
    })?;
    port.port.filter(|number| *number != 0)
}

fn uid(from: &SliceEndpoint) -> Option<Arc<str>> {
    from.target_ref.as_ref()?.uid.clone().filter(|uid| !uid.is_empty())
}

/// `ready` absent is true, `serving` absent is what `ready` is, `terminating` absent is false.
/// With `publishNotReadyAddresses` a terminating pod is ready for ever: it drains all the same.
fn state(conditions: SliceConditions) -> EndpointState {
    let ready = conditions.ready.unwrap_or(true);
    let serving = conditions.serving.unwrap_or(ready);
    match (ready, serving, conditions.terminating.unwrap_or(false)) {
        (true, _, false) => EndpointState::Ready,
        (true, _, true) | (false, true, true) => EndpointState::Draining,
        (false, ..) => EndpointState::NotReady,
    }
}

/// By address; of one address the best state first, then what knows its pod, zone and node.
fn best_first(a: &Endpoint, b: &Endpoint) -> Ordering {
    fn place(of: &Endpoint) -> impl Ord + '_ {
        let unknown = (of.uid.is_none(), of.zone.is_none(), of.node.is_none());
        (of.address, of.state, unknown, &of.uid, &of.zone, &of.node)
    }
    place(a).cmp(&place(b))
}

/// The first few in order, and how many more there are.
fn shorten(mut ignored: Vec<String>) -> Arc<[Arc<str>]> {
    ignored.sort_unstable();
    ignored.dedup();
    if ignored.len() > MAX_NAMED {
        let more = ignored.len() - MAX_NAMED;
        ignored.truncate(MAX_NAMED);
        ignored.push(format!("and {more} more"));
    }
    ignored.into_iter().map(Arc::from).collect()
}

#[cfg(test)]
mod tests;
