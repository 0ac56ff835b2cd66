//! Which listeners a route attaches to, and what each of its parents says to that.

use std::sync::Arc;

use snapshot::{Attachment, Hostname, ListenerKey, ObjectKey, ParentKind, RouteKind};

use super::namespaces;
use super::output::{Parent, Point};
use super::rank::ParentKey;
use super::reads::Reads;
use crate::api::route::ParentReference;
use crate::objects::Kind;
use crate::status::Condition;

/// The part of a route that decides where it attaches.
#[derive(Debug)]
pub(crate) struct Candidate<'a> {
    /// HTTPRoute or GRPCRoute.
    pub kind: RouteKind,
    /// The route.
    pub key: &'a ObjectKey,
    /// `metadata.generation`.
    pub generation: i64,
    /// `spec.parentRefs`.
    pub parent_refs: &'a [ParentReference],
    /// `spec.useDefaultGateways` is `All`.
    pub use_defaults: bool,
    /// `spec.hostnames`, parsed; those that are none are left out (their route is refused). Empty
    /// is every name.
    pub hostnames: &'a [Hostname],
}

/// What a parent of ours says to a route.
#[derive(Debug)]
pub(crate) struct Verdict {
    /// As the route wrote it.
    pub parent_ref: ParentReference,
    /// The Gateway that it leads to, by way of a ListenerSet perhaps.
    pub gateway: ObjectKey,
    /// `Accepted`.
    pub accepted: Condition,
    /// Listeners that serve and now have the route; empty unless accepted. Two parentRefs may name
    /// the same listener.
    pub attachments: Vec<Attachment>,
    /// Listeners that count the route, whether they serve or not; empty unless accepted.
    pub counted: Vec<ListenerKey>,
}

/// Asks every parent of ours that the route names, in the order of `parentRefs`, and then the
/// default Gateways if it wants them. Parents of other controllers and kinds that we do not know
/// are passed over in silence.
pub(crate) fn attach(reads: &Reads<'_>, route: &Candidate<'_>) -> Vec<Verdict> {
    let named = route.parent_refs.iter().enumerate().filter_map(|(index, parent_ref)| {
        let key = parent_key(parent_ref, &route.key.namespace)?;
        let parent = reads.parent(&key)?;
        Some(Asked { reads, route, index: Some(index), parent_ref, key, parent }.verdict())
    });
    let defaults = defaults(reads, route);
    let default = defaults.iter().filter_map(|parent_ref| {
        let key = parent_key(parent_ref, &route.key.namespace)?;
        let parent = reads.parent(&key)?;
        Some(Asked { reads, route, index: None, parent_ref, key, parent }.verdict())
    });
    named.chain(default).collect()
}

/// The default Gateways that a route does not name itself.
fn defaults(reads: &Reads<'_>, route: &Candidate<'_>) -> Vec<ParentReference> {
    if !route.use_defaults {
        return Vec::new();
    }
    let named: Vec<_> = route
        .parent_refs
        .iter()
        .filter_map(|parent| parent_key(parent, &route.key.namespace))
        .collect();
    let others = reads.default_gateways().into_iter().map(|gateway| gateway.meta.key());
    others
        .filter(|key| !named.contains(&ParentKey::gateway(key.clone())))
        .map(|key| ParentReference {
            group: Some(Kind::Gateway.group().into()),
            kind: Some(Kind::Gateway.as_str().into()),
            namespace: Some(key.namespace),
            name: key.name,
            section_name: None,
            port: None,
        })
        .collect()
}

fn parent_key(parent: &ParentReference, home: &Arc<str>) -> Option<ParentKey> {
    let group = parent.group.as_deref().unwrap_or(Kind::Gateway.group());
    let kind = match Kind::find(group, parent.kind.as_deref().unwrap_or("Gateway"))? {
        Kind::Gateway => ParentKind::Gateway,
        Kind::ListenerSet => ParentKind::ListenerSet,
        _ => return None,
    };
    let namespace = parent.namespace.as_ref().unwrap_or(home);
    Some(ParentKey { kind, object: ObjectKey::new(namespace.clone(), parent.name.clone()) })
}

/// One parentRef of a route, and what it names.
struct Asked<'a> {
    reads: &'a Reads<'a>,
    route: &'a Candidate<'a>,
    /// In `spec.parentRefs`; `None` for a default Gateway.
    index: Option<usize>,
    parent_ref: &'a ParentReference,
    key: ParentKey,
    parent: &'a Parent,
}

impl<'a> Asked<'a> {
    fn verdict(&self) -> Verdict {
        let chosen = match self.chosen() {
            Ok(chosen) => chosen,
            Err(refused) => return self.refused(refused),
        };
        let attachments = chosen
            .iter()
            .filter(|(_, point, _)| point.serves)
            .map(|(listener, _, hostnames)| Attachment {
                listener: listener.clone(),
                hostnames: hostnames.clone(),
            })
            .collect::<Vec<_>>();
        let mut accepted = Condition::holds("Accepted", "Accepted", self.route.generation);
        if attachments.is_empty() {
            accepted.message = format!(
                "{}: attached, but the listener is not served: see the status of {}",
                self.field(),
                self.key
            );
        }
        Verdict {
            parent_ref: self.parent_ref.clone(),
            gateway: self.parent.gateway.clone(),
            accepted,
            attachments,
            counted: chosen.into_iter().map(|(listener, ..)| listener).collect(),
        }
    }

    fn field(&self) -> String {
        match self.index {
            Some(index) => format!("spec.parentRefs[{index}]"),
            None => "spec.useDefaultGateways".to_owned(),
        }
    }

    fn refused(&self, (reason, message): (&'static str, String)) -> Verdict {
        let message = format!("{}: {message}", self.field());
        Verdict {
            parent_ref: self.parent_ref.clone(),
            gateway: self.parent.gateway.clone(),
            accepted: Condition::fails("Accepted", reason, message, self.route.generation),
            attachments: Vec::new(),
            counted: Vec::new(),
        }
    }

    /// The listeners that take the route, with the hostnames that it has there; or the reason of
    /// `Accepted: False`: that of the listeners that came closest to taking it.
    #[expect(clippy::type_complexity, reason = "two tuples that live for one function")]
    fn chosen(
        &self,
    ) -> Result<Vec<(ListenerKey, &'a Arc<Point>, Vec<Hostname>)>, (&'static str, String)> {
        if let Err(why) = &self.parent.admitted {
            let message = format!("{} is not accepted: {why}", self.key);
            return Err(("NoMatchingParent", message));
        }
        let named: Vec<_> = self.named().collect();
        if named.is_empty() {
            return Err(("NoMatchingParent", self.no_listener()));
        }
        let open: Vec<_> = named.into_iter().filter(|(_, point)| self.admitted(point)).collect();
        if open.is_empty() {
            let message = format!(
                "no listener of {} that it names takes {}s from namespace `{}`; their \
                 allowedRoutes decide",
                self.key,
                self.route.kind.as_str(),
                self.route.key.namespace
            );
            return Err(("NotAllowedByListeners", message));
        }
        let chosen: Vec<_> = open
            .into_iter()
            .map(|(listener, point)| (listener, point, self.shared_names(point)))
            .filter(|(_, _, hostnames)| !hostnames.is_empty())
            .collect();
        if chosen.is_empty() {
            let message = format!(
                "spec.hostnames has no name in common with the hostname of a listener of {}",
                self.key
            );
            return Err(("NoMatchingListenerHostname", message));
        }
        Ok(chosen)
    }

    /// The listeners that `sectionName` and `port` choose.
    fn named(&self) -> impl Iterator<Item = (ListenerKey, &'a Arc<Point>)> {
        let section = self.parent_ref.section_name.as_deref().filter(|name| !name.is_empty());
        self.parent
            .sections
            .iter()
            .filter(move |it| section.is_none_or(|name| *it.name == *name))
            .filter(|it| self.parent_ref.port.is_none_or(|port| it.port == port))
            .filter_map(|it| {
                let key = ListenerKey {
                    kind: self.key.kind,
                    parent: self.key.object.clone(),
                    section: it.name.clone(),
                };
                let point = self.reads.point(&key)?;
                Some((key, point))
            })
    }

    fn no_listener(&self) -> String {
        let mut asked = String::new();
        if let Some(name) = &self.parent_ref.section_name {
            asked.push_str(&format!(" with sectionName `{name}`"));
        }
        if let Some(port) = self.parent_ref.port {
            asked.push_str(&format!(" on port {port}"));
        }
        format!("{} has no listener{asked}", self.key)
    }

    fn admitted(&self, point: &Point) -> bool {
        let (home, namespace) = (&self.key.object.namespace, &self.route.key.namespace);
        let rule = point.namespaces.as_ref();
        point.kinds.contains(&self.route.kind)
            && namespaces::admits(self.reads, rule, "Same", home, namespace)
    }

    /// The route's own names that share one with the listener; `Any` where it has none.
    fn shared_names(&self, point: &Point) -> Vec<Hostname> {
        let Some(listener) = &point.hostname else { return Vec::new() };
        if self.route.hostnames.is_empty() {
            return vec![Hostname::Any];
        }
        let own = self.route.hostnames.iter();
        own.filter(|name| listener.intersection(name).is_some()).cloned().collect()
    }
}
