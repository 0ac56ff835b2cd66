//! Why a request gets what it gets, without sending it.
//!
//! Promises: the answer comes from compiled tables by the lookup that requests take. Left to
//! others: which endpoint would take the request, which is for the moment to say.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use http::Request;
use serde::Serialize;
use snapshot::Snapshot;

use crate::apply::{Applier, Slot};
use crate::backend::Backends;
use crate::normalise;
use crate::table::Seek;
pub use crate::table::explain::{Answer, Candidate, Explanation, Fate, Miss};
use crate::telemetry::Telemetry;

/// What a request gets on one address.
#[derive(Clone, Debug, Serialize)]
pub struct Explained {
    /// The address and port.
    pub address: SocketAddr,
    /// What it gets there, and why.
    pub explanation: Explanation,
}

/// Why there is nothing to explain.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unexplained {
    /// The URL has no host, or one that is refused with 400.
    #[error("the URL's host: {0}")]
    Host(String),
    /// The path is refused with 400.
    #[error("the URL's path: {0}")]
    Path(String),
    /// Nothing listens on the URL's port.
    #[error("nothing listens on port {0}; ports with listeners: {1:?}")]
    Port(u16, Vec<u16>),
}

/// Explains a request for an absolute URL as this snapshot would serve it, on every address that
/// has the URL's port (the scheme's own if it names none). With `https`, the handshake is taken to
/// name the URL's host.
///
/// # Errors
/// When the URL is refused before any rule is looked at, or nobody listens on its port.
pub fn explain(
    snapshot: &Arc<Snapshot>,
    request: &Request<()>,
) -> Result<Vec<Explained>, Unexplained> {
    let telemetry = Telemetry::new();
    let backends = Backends::new(Arc::default(), telemetry.clone());
    let mut applier = Applier::new(backends, telemetry);
    explain_slots(&applier.apply(snapshot.clone()).slots, request)
}

/// The same for tables that are live.
pub(crate) fn explain_slots(
    slots: &BTreeMap<SocketAddr, Arc<Slot>>,
    request: &Request<()>,
) -> Result<Vec<Explained>, Unexplained> {
    let uri = request.uri();
    let authority = uri.authority().map_or("", |authority| authority.as_str());
    let host = normalise::authority(authority);
    let host = host.map_err(|refused| Unexplained::Host(refused.to_string()))?;
    let path = normalise::path(uri.path());
    let path = path.map_err(|refused| Unexplained::Path(refused.to_string()))?;
    let https = uri.scheme_str() == Some("https");
    let port = host.port.unwrap_or(if https { 443 } else { 80 });
    let seek = Seek {
        host: &host.host,
        path: &path,
        query: uri.query(),
        method: request.method(),
        headers: request.headers(),
        sni: https.then_some(&host.host),
        https,
    };
    let here = slots.iter().filter(|(address, _)| address.port() == port);
    let explained: Vec<_> = here
        .map(|(address, slot)| Explained {
            address: *address,
            explanation: slot.load().explain(&seek),
        })
        .collect();
    if explained.is_empty() {
        return Err(Unexplained::Port(port, slots.keys().map(SocketAddr::port).collect()));
    }
    Ok(explained)
}

#[cfg(test)]
mod tests;
