//! References of routes to backends: who they are, and what is wrong with those that are nobody.

use std::sync::Arc;

use snapshot::{BackendKey, ObjectKey, Protocol, RouteKind, Target};

use super::fault::{
    BACKEND_NOT_FOUND, Fault, INVALID_KIND, REF_NOT_PERMITTED, UNSUPPORTED_PROTOCOL,
};
use super::field::Field;
use super::grant::granted;
use super::reads::Reads;
use super::service::{self, Port};
use super::{backend_tls, policy};
use crate::api::meta::Reference;
use crate::objects::Kind;

/// The backend exists, but a policy that is not valid keeps requests from it. The API asks for
/// `ResolvedRefs: False` (`HTTPBackendRef`) and names no reason.
const INVALID_POLICY: &str = "InvalidBackendTLSPolicy";

/// Who a reference from a route of `kind` in `namespace` is, and the fault it has. With a fault,
/// requests to it are answered with 500.
pub(crate) fn resolve(
    reads: &Reads<'_>,
    (kind, namespace): (RouteKind, &Arc<str>),
    reference: &Reference,
    at: &Field<'_>,
) -> (Target, Option<Fault>) {
    match find(reads, (kind, namespace), reference, at) {
        Ok((key, port)) => {
            let fault = refused(reads, &key, port, at);
            (Target::Backend(key), fault)
        }
        Err(fault) => (Target::Invalid(fault.message.as_str().into()), Some(fault)),
    }
}

fn find<'a>(
    reads: &Reads<'a>,
    (kind, namespace): (RouteKind, &Arc<str>),
    reference: &Reference,
    at: &Field<'_>,
) -> Result<(BackendKey, Port<'a>), Fault> {
    let group = reference.group.as_deref().unwrap_or_default();
    let named = reference.kind.as_deref().unwrap_or("Service");
    if Kind::find(group, named) != Some(Kind::Service) {
        let what = format_args!("`{named}` of group `{group}` is no backend we know; use Service");
        return Err(Fault::new(INVALID_KIND, &at.at("kind"), what));
    }
    let to = reference.namespace.as_ref().unwrap_or(namespace);
    let from = match kind {
        RouteKind::Http => Kind::HttpRoute,
        RouteKind::Grpc => Kind::GrpcRoute,
    };
    if !granted(reads, (from, namespace), (Kind::Service, to, &reference.name)) {
        let what = format_args!(
            "no ReferenceGrant in namespace `{to}` lets an {from} of namespace `{namespace}` send \
             to Service `{}`; write one",
            reference.name
        );
        return Err(Fault::new(REF_NOT_PERMITTED, &at.at("namespace"), what));
    }
    let Some(port) = reference.port else {
        let what = "is missing; name a port of the Service";
        return Err(Fault::new(BACKEND_NOT_FOUND, &at.at("port"), what));
    };
    let key = BackendKey { service: ObjectKey::new(to.clone(), reference.name.clone()), port };
    let found =
        service::port(reads, &key).map_err(|why| Fault::new(why.reason, at, why.message))?;
    if kind == RouteKind::Grpc && found.protocol == Protocol::Http1 {
        let what = format_args!(
            "Service `{}` says that port {port} speaks HTTP/1.1, which carries no gRPC; set its \
             appProtocol to grpc or kubernetes.io/h2c",
            key.service
        );
        return Err(Fault::new(UNSUPPORTED_PROTOCOL, at, what));
    }
    Ok((key, found))
}

/// Whether a policy keeps requests from a backend that exists.
fn refused(reads: &Reads<'_>, key: &BackendKey, port: Port<'_>, at: &Field<'_>) -> Option<Fault> {
    let policy = policy::in_force(reads, &key.service, port.name)?;
    let why = backend_tls::judge(reads, policy).accepted.err()?;
    let what = format_args!(
        "Service `{}` has a BackendTLSPolicy `{}` that is not accepted ({})",
        key.service,
        policy.meta.key(),
        why.message
    );
    Some(Fault::new(INVALID_POLICY, at, what))
}
