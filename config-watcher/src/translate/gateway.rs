//! A Gateway as a whole: whether we serve it, where it binds, what its listeners claim. What
//! became of the claims stands in `listener`, what we say of it all in `listener_status`.

use std::sync::Arc;

use snapshot::{Certificate, CertificateKey, ObjectKey};

use self::address::Wanted;
use super::certificate;
use super::listener::claim;
use super::output::{Addresses, Frame, GatewayOutput, Parent, Section};
use super::pool::Wish;
use super::rank::Rank;
use super::reads::Reads;
use super::refusal::Refusal;
use crate::api::gateway::{Gateway, Listener};
use crate::api::meta::Object;
use crate::objects::Kind;

mod address;

/// Computes the unit of a Gateway; `None` where its class is not ours.
pub(crate) fn compute(reads: &Reads<'_>, key: &ObjectKey) -> Option<GatewayOutput> {
    let gateway = reads.gateway(key)?;
    let (accepted, addresses) = match judge(reads, gateway)? {
        Ok(wanted) => (Ok(()), addresses(reads, key, wanted)),
        Err(refusal) => (Err(refusal), Addresses { bind: None, shown: Vec::new(), problem: None }),
    };
    let claims = match &accepted {
        Ok(()) => claim::all(&gateway.spec.listeners),
        Err(_) => Vec::new(),
    };
    let tls = gateway.spec.tls.as_ref();
    let frame = Frame {
        accepted,
        rank: Rank::of(&gateway.meta),
        addresses,
        allowed_sets: gateway.spec.allowed_listeners.as_ref().and_then(|it| it.namespaces.clone()),
        frontend: tls.and_then(|tls| tls.frontend.clone()),
        client_certificate: client_certificate(reads, gateway),
    };
    let parent = Parent {
        gateway: key.clone(),
        admitted: Ok(()),
        sections: sections(&gateway.spec.listeners),
    };
    Some(GatewayOutput { frame: Arc::new(frame), parent: Arc::new(parent), claims })
}

/// Computes what a Gateway wants of the address pool; `None` where it is not ours, or refused.
pub(crate) fn wish(reads: &Reads<'_>, key: &ObjectKey) -> Option<Wish> {
    let gateway = reads.gateway(key)?;
    let wanted = judge(reads, gateway)?.ok()?;
    let held = gateway.spec.assigned.iter().filter_map(|text| text.parse().ok()).collect();
    Some(Wish { rank: Rank::of(&gateway.meta), fixed: wanted.fixed(), any: wanted.any, held })
}

fn addresses(reads: &Reads<'_>, key: &ObjectKey, wanted: Wanted) -> Addresses {
    match reads.options().address_pool {
        None => address::without_pool(&wanted, &reads.options().reached_at),
        Some(net) => address::from_pool(wanted, net, &reads.given(key)),
    }
}

/// The listeners of a spec, as routes choose them.
pub(crate) fn sections(listeners: &[Listener]) -> Vec<Section> {
    listeners.iter().map(|it| Section { name: it.name.clone(), port: it.port }).collect()
}

/// Where the Gateway wants to bind, or why it is not accepted; `None` where it is not ours.
fn judge(reads: &Reads<'_>, gateway: &Object<Gateway>) -> Option<Result<Wanted, Refusal>> {
    let class = &gateway.spec.gateway_class_name;
    if let Err(why) = &reads.class(&ObjectKey::new("", class.clone()))?.accepted {
        let message =
            format!("spec.gatewayClassName: GatewayClass `{class}` is not accepted: {why}");
        return Some(Err(Refusal::new("InvalidParameters", message)));
    }
    let infrastructure = gateway.spec.infrastructure.as_ref();
    if let Some(parameters) = infrastructure.and_then(|it| it.parameters_ref.as_ref()) {
        let kind = parameters.kind.as_deref().unwrap_or_default();
        let message = format!(
            "spec.infrastructure.parametersRef: {kind} `{}` is nothing we read; remove it",
            parameters.name
        );
        return Some(Err(Refusal::new("InvalidParameters", message)));
    }
    Some(address::read(&gateway.spec))
}

fn client_certificate(
    reads: &Reads<'_>,
    gateway: &Object<Gateway>,
) -> Option<Result<(CertificateKey, Arc<Certificate>), Refusal>> {
    let backend = gateway.spec.tls.as_ref()?.backend.as_ref()?;
    let reference = backend.client_certificate_ref.as_ref()?;
    let from = (Kind::Gateway, &gateway.meta.namespace);
    Some(certificate::resolve(reads, from, reference).map_err(|unusable| Refusal {
        reason: match unusable.refusal.reason {
            "InvalidCertificateRef" => "InvalidClientCertificateRef",
            other => other,
        },
        message: format!("spec.tls.backend.clientCertificateRef: {}", unusable.refusal.message),
    }))
}
