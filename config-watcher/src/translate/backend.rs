//! A service port becomes a backend, with the policies that target it.

use std::sync::Arc;

use snapshot::{Backend, BackendKey, BackendTls, ObjectKey};

use super::reads::Reads;
use super::{backend_tls, lifecycle, policy, service};

/// Computes the unit of a service port; `None` where there is no such port.
pub(crate) fn compute(reads: &Reads<'_>, key: &BackendKey) -> Option<Arc<Backend>> {
    let port = service::port(reads, key).ok()?;
    let protocol = port.protocol;
    let lifecycle = lifecycle::compute(reads, &key.service, port.name);
    let Some(policy) = policy::in_force(reads, &key.service, port.name) else {
        let tls = port.tls.then(|| own_name(&key.service));
        return Some(Arc::new(Backend { protocol, tls, refused: None, lifecycle }));
    };
    let (tls, refused) = match backend_tls::judge(reads, policy).accepted {
        Ok(tls) => (Some(tls), None),
        Err(why) => {
            let name = policy.meta.key();
            (None, Some(format!("BackendTLSPolicy `{name}`: {}", why.message).into()))
        }
    };
    Some(Arc::new(Backend { protocol, tls, refused, lifecycle }))
}

/// TLS that only `appProtocol` asks for: the Service's own name, vouched for by an authority that
/// the system knows. Never unverified: whoever has authorities of their own writes a
/// BackendTLSPolicy.
fn own_name(service: &ObjectKey) -> BackendTls {
    let hostname = format!("{}.{}.svc", service.name, service.namespace).into();
    BackendTls { hostname, anchors: None, names: Vec::new() }
}
