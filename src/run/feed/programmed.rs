//! What the sockets say of listeners: one whose address cannot be listened on is not programmed,
//! whatever its object says.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use config_watcher::objects::Kind;
use config_watcher::status::{Condition, ListenerStatus, ObjectStatus, Statuses, Truth};
use snapshot::{Listener, ObjectKey, ParentKind, Snapshot};

const PROGRAMMED: &str = "Programmed";
/// Gateway API: not programmed yet. The address is tried again every second.
const PENDING: &str = "Pending";

/// The statuses with `Programmed` as it is. Costs nothing while every address is listened on.
pub(super) fn as_bound(
    statuses: &Statuses,
    snapshot: &Snapshot,
    unbound: &[(SocketAddr, String)],
) -> Statuses {
    let mut shown = statuses.clone();
    if unbound.is_empty() {
        return shown;
    }
    let mut silent: BTreeMap<(Kind, ObjectKey), Silent> = BTreeMap::new();
    for (key, listener) in &snapshot.listeners {
        if let Some((address, cause)) = unbound.iter().find(|(it, _)| listens(listener, *it)) {
            let kind = match key.kind {
                ParentKind::Gateway => Kind::Gateway,
                ParentKind::ListenerSet => Kind::ListenerSet,
            };
            let message = format!("{address} cannot be listened on: {cause}; free it");
            let sections = silent.entry((kind, key.parent.clone())).or_default();
            sections.insert(key.section.clone(), message);
        }
    }
    for (name, sections) in silent {
        let Some(status) = shown.get_mut(&name) else { continue };
        match Arc::make_mut(status) {
            ObjectStatus::Gateway(gateway) => {
                let sets = gateway.attached_listener_sets.is_some_and(|sets| sets > 0);
                let none_left = not_programmed(&mut gateway.listeners, &sections) && !sets;
                fail_all(&mut gateway.conditions, &sections, none_left);
            }
            ObjectStatus::ListenerSet(set) => {
                let none_left = not_programmed(&mut set.listeners, &sections);
                fail_all(&mut set.conditions, &sections, none_left);
            }
            _ => {}
        }
    }
    shown
}

/// Messages by section.
type Silent = BTreeMap<Arc<str>, String>;

fn listens(listener: &Listener, at: SocketAddr) -> bool {
    let everywhere = at.ip() == IpAddr::V6(Ipv6Addr::UNSPECIFIED) && listener.addresses.is_empty();
    listener.port == at.port() && (everywhere || listener.addresses.contains(&at.ip()))
}

/// The listeners of an object; true when none of them is served.
fn not_programmed(listeners: &mut [ListenerStatus], silent: &Silent) -> bool {
    for listener in &mut *listeners {
        if let Some(message) = silent.get(&listener.name) {
            fail(&mut listener.conditions, message);
        }
    }
    let served = |it: &Condition| it.kind == PROGRAMMED && it.status == Truth::True;
    !listeners.iter().any(|one| one.conditions.iter().any(served))
}

/// The object itself, when nothing of it is served.
fn fail_all(conditions: &mut [Condition], silent: &Silent, nothing_left: bool) {
    if let Some(message) = silent.values().next().filter(|_| nothing_left) {
        fail(conditions, message);
    }
}

fn fail(conditions: &mut [Condition], message: &str) {
    let programmed = |it: &&mut Condition| it.kind == PROGRAMMED && it.status == Truth::True;
    for condition in conditions.iter_mut().filter(programmed) {
        let generation = condition.observed_generation;
        *condition = Condition::fails(PROGRAMMED, PENDING, message, generation);
    }
}
