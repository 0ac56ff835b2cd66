//! One listener of a Gateway or ListenerSet: whether it is valid, what it takes, what is served.

use std::sync::Arc;

use snapshot::{ListenerKey, ListenerTls, ParentKind};

use self::kinds::Kinds;
use self::tls::Tls;
use super::conflict::{Conflict, Verdict};
use super::output::{Frame, ListenerOutput, ListenerState, Point};
use super::rank::ParentKey;
use super::reads::Reads;
use super::refusal::Refusal;
use crate::api::gateway::Listener;
use crate::objects::Kind;
use crate::status::Condition;

pub(crate) mod claim;
mod kinds;
mod tls;

/// The object that a listener stands in.
struct Holder<'a> {
    kind: Kind,
    namespace: &'a Arc<str>,
    generation: i64,
    listener: &'a Listener,
}

/// Everything that was found out about a listener.
struct Findings<'a> {
    /// Why `Accepted` is False.
    refused: Option<Refusal>,
    /// Why `ResolvedRefs` is False: the first gives the reason, all of them the message.
    unresolved: Vec<Refusal>,
    /// Why nothing can be served although the listener is accepted.
    idle: Option<Refusal>,
    kinds: Kinds,
    tls: Option<Tls>,
    frame: &'a Frame,
}

/// Computes the unit of a listener; `None` where there is no such listener to serve.
pub(crate) fn compute(reads: &Reads<'_>, key: &ListenerKey) -> Option<ListenerOutput> {
    let parent = reads.parent(&ParentKey { kind: key.kind, object: key.parent.clone() })?;
    parent.admitted.as_ref().ok()?;
    let frame = reads.frame(&parent.gateway)?;
    let holder = holder(reads, key)?;
    let listener = holder.listener;
    let verdict = reads.verdict(key);
    let is_https = &*listener.protocol == "HTTPS";
    let tls = is_https.then(|| {
        tls::resolve(reads, frame, &parent.gateway, (holder.kind, holder.namespace), listener)
    });
    let kinds = kinds::judge(listener);
    let mut unresolved = tls.as_ref().map(|tls| tls.problems.clone()).unwrap_or_default();
    unresolved.extend(kinds.problem.clone());
    let refused = refusal(listener, &verdict, key)
        .or_else(|| tls.as_ref().and_then(|tls| tls.no_authority.clone()));
    let idle = idle(frame, &kinds, tls.as_ref());
    let findings = Findings { refused, unresolved, idle, kinds, tls, frame };
    Some(output(&holder, &findings, &verdict))
}

fn holder<'a>(reads: &Reads<'a>, key: &ListenerKey) -> Option<Holder<'a>> {
    let (kind, meta, listeners) = match key.kind {
        ParentKind::Gateway => {
            let gateway = reads.gateway(&key.parent)?;
            (Kind::Gateway, &gateway.meta, &gateway.spec.listeners)
        }
        ParentKind::ListenerSet => {
            let set = reads.listener_set(&key.parent)?;
            (Kind::ListenerSet, &set.meta, &set.spec.listeners)
        }
    };
    let listener = listeners.iter().find(|listener| listener.name == key.section)?;
    Some(Holder { kind, namespace: &meta.namespace, generation: meta.generation, listener })
}

/// Why a listener is not accepted, leaving its references aside.
fn refusal(listener: &Listener, verdict: &Verdict, key: &ListenerKey) -> Option<Refusal> {
    if let Some(conflict) = &verdict.conflict {
        return Some(lost(conflict, listener, key));
    }
    if let Some(refusal) = claim::unsupported(listener) {
        return Some(refusal);
    }
    let taken = verdict.taken_by.as_ref()?;
    let message = format!(
        "port: {} is taken by the older Gateway {taken} on the same address; choose another port, \
         or give each Gateway addresses of its own",
        listener.port
    );
    Some(Refusal::new("PortUnavailable", message))
}

fn lost(conflict: &Conflict, listener: &Listener, key: &ListenerKey) -> Refusal {
    // Another tenant's object is not named: who may see this listener may not see that one.
    let by = |holder: &ParentKey| {
        if holder.kind == key.kind && holder.object == key.parent {
            "another listener of the same object".to_owned()
        } else if holder.object.namespace == key.parent.namespace {
            holder.to_string()
        } else {
            "another object of the same Gateway".to_owned()
        }
    };
    match conflict {
        Conflict::Protocol(holder) => Refusal::new(
            "ProtocolConflict",
            format!(
                "protocol: {} has port {} for another protocol than {}; choose another port",
                by(holder),
                listener.port,
                listener.protocol,
            ),
        ),
        Conflict::Hostname(holder) => Refusal::new(
            "HostnameConflict",
            format!(
                "hostname: {} has `{}` on port {} already; choose another name or port",
                by(holder),
                listener.hostname.as_deref().unwrap_or("*"),
                listener.port,
            ),
        ),
    }
}

/// Why an accepted listener serves nothing.
fn idle(frame: &Frame, kinds: &Kinds, tls: Option<&Tls>) -> Option<Refusal> {
    if frame.accepted.is_err() {
        return Some(Refusal::new("Invalid", "the Gateway is not accepted: see its conditions"));
    }
    if frame.addresses.bind.is_none() {
        return Some(Refusal::new(
            "Invalid",
            "the Gateway has no usable address: see its conditions",
        ));
    }
    if kinds.allowed.is_empty() {
        return Some(Refusal::new("Invalid", "no kind of route may attach: see ResolvedRefs"));
    }
    tls.filter(|tls| tls.certificates.is_empty())
        .map(|_| Refusal::new("Invalid", "there is no certificate to serve: see ResolvedRefs"))
}

fn output(holder: &Holder<'_>, found: &Findings<'_>, verdict: &Verdict) -> ListenerOutput {
    let conditions = conditions(found, verdict, holder.generation);
    let (frame, listener) = (found.frame, holder.listener);
    let hostname = claim::hostname(listener).ok();
    let valid = found.refused.is_none()
        && !found.kinds.allowed.is_empty()
        && found.tls.as_ref().is_none_or(|tls| !tls.certificates.is_empty());
    let bind = frame.addresses.bind.as_ref().filter(|_| valid && frame.accepted.is_ok());
    let identity = frame.client_certificate.as_ref().and_then(|found| found.as_ref().ok());
    let certificates = found.tls.as_ref().map(|tls| tls.certificates.clone()).unwrap_or_default();
    let served = bind.zip(hostname.clone()).map(|(addresses, hostname)| {
        Arc::new(snapshot::Listener {
            addresses: addresses.clone(),
            port: listener.port,
            hostname,
            tls: found.tls.as_ref().map(|tls| ListenerTls {
                certificates: tls.certificates.iter().map(|(key, _)| key.clone()).collect(),
                client_validation: tls.client_validation.clone(),
            }),
            backend_client_certificate: identity.map(|(key, _)| key.clone()),
        })
    });
    let certificates = match &served {
        Some(_) => certificates.into_iter().chain(identity.cloned()).collect(),
        None => Vec::new(),
    };
    let point = Point {
        kinds: found.kinds.allowed.clone(),
        namespaces: listener.allowed_routes.as_ref().and_then(|it| it.namespaces.clone()),
        hostname,
        serves: served.is_some(),
    };
    let state = ListenerState {
        supported_kinds: found.kinds.supported(),
        accepted: found.refused.is_none(),
        resolved: found.unresolved.is_empty(),
        valid,
        programmed: served.is_some(),
        conditions,
    };
    ListenerOutput { point: Arc::new(point), state: Arc::new(state), served, certificates }
}

fn conditions(found: &Findings<'_>, verdict: &Verdict, generation: i64) -> Vec<Condition> {
    let judge = |kind, problem: Option<&Refusal>, reason| match problem {
        None => Condition::holds(kind, reason, generation),
        Some(it) => Condition::fails(kind, it.reason, it.message.clone(), generation),
    };
    let unresolved = found.unresolved.first().map(|first| {
        let messages: Vec<_> = found.unresolved.iter().map(|it| it.message.as_str()).collect();
        Refusal::new(first.reason, messages.join("; "))
    });
    let not_programmed = found.refused.as_ref().map(|it| Refusal {
        reason: match it.reason {
            known @ ("ProtocolConflict" | "HostnameConflict" | "PortUnavailable") => known,
            _ => "Invalid",
        },
        message: it.message.clone(),
    });
    let mut conditions = vec![
        judge("Accepted", found.refused.as_ref(), "Accepted"),
        match found.refused.as_ref().filter(|_| verdict.conflict.is_some()) {
            None => Condition::fails("Conflicted", "NoConflicts", "", generation),
            Some(it) => Condition {
                message: it.message.clone(),
                ..Condition::holds("Conflicted", it.reason, generation)
            },
        },
        judge("ResolvedRefs", unresolved.as_ref(), "ResolvedRefs"),
        judge("Programmed", not_programmed.as_ref().or(found.idle.as_ref()), "Programmed"),
    ];
    if verdict.overlaps {
        conditions.push(Condition {
            message: "hostname: other TLS listeners on this port have names in common with it; a \
                      connection opened for one name may carry requests for another, which are \
                      answered with 421"
                .to_owned(),
            ..Condition::holds("OverlappingTLSConfig", "OverlappingHostnames", generation)
        });
    }
    conditions
}
