//! The statuses of Gateways and ListenerSets: their listeners' states, with counts, summed up.

use std::sync::Arc;

use snapshot::{ListenerKey, ObjectKey, ParentKind};

use super::output::{Frame, ListenerState, Parent, SetStatusOutput};
use super::rank::ParentKey;
use super::reads::Reads;
use super::refusal::Refusal;
use crate::api::gateway::GatewayTls;
use crate::status::{Condition, GatewayStatus, ListenerSetStatus, ListenerStatus};

/// The listeners of an object, as its status shows them.
struct Listeners<'a> {
    states: Vec<(Arc<str>, &'a Arc<ListenerState>)>,
    shown: Vec<ListenerStatus>,
}

impl<'a> Listeners<'a> {
    fn read(reads: &Reads<'a>, kind: ParentKind, object: &ObjectKey, parent: &Parent) -> Self {
        let mut found = Self { states: Vec::new(), shown: Vec::new() };
        for section in &parent.sections {
            let key = ListenerKey { kind, parent: object.clone(), section: section.name.clone() };
            let Some(state) = reads.state(&key) else { continue };
            found.states.push((section.name.clone(), state));
            found.shown.push(ListenerStatus {
                name: section.name.clone(),
                supported_kinds: state.supported_kinds.clone(),
                attached_routes: i32::try_from(reads.routes_of(&key)).unwrap_or(i32::MAX),
                conditions: state.conditions.clone(),
            });
        }
        found
    }

    fn any(&self, holds: impl Fn(&ListenerState) -> bool) -> bool {
        self.states.iter().any(|(_, state)| holds(state))
    }

    /// Names of the listeners for which `holds` is false, as a sentence; `None` where none is.
    fn failing(&self, holds: impl Fn(&ListenerState) -> bool, what: &str) -> Option<String> {
        let names: Vec<_> = self
            .states
            .iter()
            .filter(|(_, state)| !holds(state))
            .map(|(name, _)| &**name)
            .collect();
        (!names.is_empty())
            .then(|| format!("spec.listeners: {what}: {}; see their conditions", names.join(", ")))
    }
}

/// Computes the status of a Gateway; `None` where it is not ours.
pub(crate) fn gateway(reads: &Reads<'_>, key: &ObjectKey) -> Option<GatewayStatus> {
    let object = reads.gateway(key)?;
    let parent = reads.parent(&ParentKey::gateway(key.clone()))?;
    let frame = reads.frame(key)?;
    let sets = reads.sets_of(key);
    let listeners = Listeners::read(reads, ParentKind::Gateway, key, parent);
    let generation = object.meta.generation;
    let mut conditions = vec![
        accepted(frame, &listeners, sets > 0, generation),
        programmed(frame, &listeners, sets > 0, generation),
        resolved(frame, &listeners, generation),
    ];
    if let Some(field) = object.spec.tls.as_ref().and_then(insecure) {
        conditions.push(Condition {
            message: format!("{field}: clients without a valid certificate are served as well"),
            ..Condition::holds("InsecureFrontendValidationMode", "ConfigurationChanged", generation)
        });
    }
    if object.spec.default_scope.as_deref() == Some("All") {
        conditions.push(Condition {
            message: "spec.defaultScope: routes that use default Gateways attach".to_owned(),
            ..Condition::holds("DefaultGateway", "DefaultGateway", generation)
        });
    }
    let addresses = match &frame.accepted {
        Ok(()) => frame.addresses.shown.clone(),
        Err(_) => Vec::new(),
    };
    Some(GatewayStatus {
        addresses,
        conditions,
        listeners: listeners.shown,
        attached_listener_sets: Some(i32::try_from(sets).unwrap_or(i32::MAX)),
    })
}

fn accepted(
    frame: &Frame,
    listeners: &Listeners<'_>,
    has_sets: bool,
    generation: i64,
) -> Condition {
    if let Err(refusal) = &frame.accepted {
        let message = refusal.message.clone();
        return Condition::fails("Accepted", refusal.reason, message, generation);
    }
    let invalid = listeners.failing(|state| state.valid, "not valid");
    match invalid {
        None => Condition::holds("Accepted", "Accepted", generation),
        Some(message) if has_sets || listeners.any(|state| state.accepted) => {
            Condition { message, ..Condition::holds("Accepted", "ListenersNotValid", generation) }
        }
        Some(message) => Condition::fails("Accepted", "ListenersNotValid", message, generation),
    }
}

fn programmed(
    frame: &Frame,
    listeners: &Listeners<'_>,
    has_sets: bool,
    generation: i64,
) -> Condition {
    let problem = if frame.accepted.is_err() {
        Some(Refusal::new("Invalid", "not accepted: see Accepted"))
    } else if frame.addresses.problem.is_some() {
        frame.addresses.problem.clone()
    } else if !has_sets && !listeners.any(|state| state.programmed) {
        Some(Refusal::new("Invalid", "spec.listeners: none is served; see their conditions"))
    } else {
        None
    };
    match problem {
        None => Condition::holds("Programmed", "Programmed", generation),
        Some(it) => Condition::fails("Programmed", it.reason, it.message, generation),
    }
}

fn resolved(frame: &Frame, listeners: &Listeners<'_>, generation: i64) -> Condition {
    if let Some(Err(refusal)) = &frame.client_certificate {
        let message = refusal.message.clone();
        return Condition::fails("ResolvedRefs", refusal.reason, message, generation);
    }
    match listeners.failing(|state| state.resolved, "references that do not resolve") {
        None => Condition::holds("ResolvedRefs", "ResolvedRefs", generation),
        Some(message) => {
            Condition::fails("ResolvedRefs", "ListenersNotResolved", message, generation)
        }
    }
}

/// The first field that lets clients in whose certificate does not verify.
fn insecure(tls: &GatewayTls) -> Option<String> {
    let frontend = tls.frontend.as_ref()?;
    let per_port = frontend.per_port.iter().enumerate();
    let mut all = std::iter::once(("default".to_owned(), &frontend.default))
        .chain(per_port.map(|(index, entry)| (format!("perPort[{index}].tls"), &entry.tls)));
    let fallback = Some("AllowInsecureFallback");
    all.find(|(_, config)| config.validation.as_ref().and_then(|it| it.mode.as_deref()) == fallback)
        .map(|(field, _)| format!("spec.tls.frontend.{field}.validation.mode"))
}

/// Computes the status of a ListenerSet; `None` where its Gateway is not ours.
pub(crate) fn set(reads: &Reads<'_>, key: &ObjectKey) -> Option<SetStatusOutput> {
    let generation = reads.listener_set(key)?.meta.generation;
    let set = reads.set(key)?;
    let fail = |kind, reason, message: &str| Condition::fails(kind, reason, message, generation);
    if let Some((refusal, programmed)) = &set.refused {
        let conditions = vec![
            fail("Accepted", refusal.reason, &refusal.message),
            fail("Programmed", programmed, &refusal.message),
        ];
        let status = ListenerSetStatus { conditions, listeners: Vec::new() };
        return Some(SetStatusOutput { attached_to: None, status });
    }
    let listeners = Listeners::read(reads, ParentKind::ListenerSet, key, &set.parent);
    let invalid = listeners.failing(|state| state.valid, "not valid");
    let attached = listeners.any(|state| state.valid);
    let programmed = listeners.any(|state| state.programmed);
    let accepted = match invalid {
        Some(message) if !attached => fail("Accepted", "ListenersNotValid", &message),
        Some(message) => {
            Condition { message, ..Condition::holds("Accepted", "ListenersNotValid", generation) }
        }
        None => Condition::holds("Accepted", "Accepted", generation),
    };
    let served = match (attached, programmed) {
        (_, true) => Condition::holds("Programmed", "Programmed", generation),
        (true, false) => {
            let message = format!("Gateway {} binds nothing: see its status", set.parent.gateway);
            fail("Programmed", "ParentNotProgrammed", &message)
        }
        (false, false) => fail("Programmed", "ListenersNotValid", &accepted.message),
    };
    let attached_to = attached.then(|| set.parent.gateway.clone());
    let status =
        ListenerSetStatus { conditions: vec![accepted, served], listeners: listeners.shown };
    Some(SetStatusOutput { attached_to, status })
}
