//! What leaves the translator: the snapshot and the statuses, changed key by key.
//!
//! Promises: equal values change nothing, so that the version counts differences and not work.

use std::collections::BTreeSet;
use std::sync::Arc;

use imbl::OrdMap;
use rustc_hash::FxHashMap;
use snapshot::{
    Backend, BackendKey, CertificateKey, Endpoints, ListenerKey, ObjectKey, RouteKey, RouteKind,
    Snapshot,
};

use super::output::{ListenerOutput, RouteOutput};
use crate::objects::Kind;
use crate::status::{ObjectStatus, Statuses};

/// The snapshot as of now, the one that was published last, and the statuses.
#[derive(Debug, Default)]
pub(crate) struct Published {
    snapshot: Arc<Snapshot>,
    statuses: Statuses,
    next: Snapshot,
    /// How many listeners name a certificate.
    certificate_uses: FxHashMap<CertificateKey, u32>,
    /// Certificates that a listener ceased to name since the last publication.
    orphans: BTreeSet<CertificateKey>,
    resources_differ: bool,
    statuses_differ: bool,
}

impl Published {
    /// The last snapshot.
    pub(crate) fn snapshot(&self) -> &Arc<Snapshot> {
        &self.snapshot
    }

    /// The statuses.
    pub(crate) fn statuses(&self) -> &Statuses {
        &self.statuses
    }

    /// Ends a batch: the next snapshot, if resources differ; true when these or statuses do.
    pub(crate) fn publish(&mut self) -> bool {
        for key in std::mem::take(&mut self.orphans) {
            if !self.certificate_uses.contains_key(&key) {
                self.resources_differ |= self.next.certificates.remove(&key).is_some();
            }
        }
        let resources = std::mem::take(&mut self.resources_differ);
        if resources {
            self.next.version = self.next.version.next();
            self.snapshot = Arc::new(self.next.clone());
        }
        std::mem::take(&mut self.statuses_differ) || resources
    }

    /// Replaces a listener and the certificates that it names.
    pub(crate) fn listener(
        &mut self,
        key: &ListenerKey,
        old: Option<&ListenerOutput>,
        new: Option<&ListenerOutput>,
    ) {
        let served = new.and_then(|new| new.served.clone());
        self.resources_differ |= put(&mut self.next.listeners, key, served);
        for (key, certificate) in new.iter().flat_map(|new| &new.certificates) {
            *self.certificate_uses.entry(key.clone()).or_default() += 1;
            let certificate = Some(certificate.clone());
            self.resources_differ |= put(&mut self.next.certificates, key, certificate);
        }
        for (key, _) in old.iter().flat_map(|old| &old.certificates) {
            match self.certificate_uses.get_mut(key) {
                Some(uses) if *uses > 1 => *uses -= 1,
                _ => {
                    self.certificate_uses.remove(key);
                    self.orphans.insert(key.clone());
                }
            }
        }
    }

    /// Replaces the rules of a route object.
    pub(crate) fn route(
        &mut self,
        kind: RouteKind,
        object: &ObjectKey,
        old: &RouteOutput,
        new: &RouteOutput,
    ) {
        let key = |rule| RouteKey { kind, object: object.clone(), rule };
        for (rule, route) in &new.rules {
            self.resources_differ |= put(&mut self.next.routes, &key(*rule), Some(route.clone()));
        }
        for (rule, _) in &old.rules {
            if !new.rules.iter().any(|(other, _)| other == rule) {
                self.resources_differ |= put(&mut self.next.routes, &key(*rule), None);
            }
        }
    }

    /// Replaces a backend.
    pub(crate) fn backend(&mut self, key: &BackendKey, backend: Option<Arc<Backend>>) {
        self.resources_differ |= put(&mut self.next.backends, key, backend);
    }

    /// Replaces the endpoints of a backend.
    pub(crate) fn endpoints(&mut self, key: &BackendKey, endpoints: Option<Arc<Endpoints>>) {
        self.resources_differ |= put(&mut self.next.endpoints, key, endpoints);
    }

    /// Replaces what we say of an object.
    pub(crate) fn status(
        &mut self,
        kind: Kind,
        key: &ObjectKey,
        status: Option<impl Into<Arc<ObjectStatus>>>,
    ) {
        let key = (kind, key.clone());
        self.statuses_differ |= put(&mut self.statuses, &key, status.map(Into::into));
    }
}

/// Sets or removes a value; false when it was so already.
fn put<K: Ord + Clone, V: PartialEq + Clone>(
    map: &mut OrdMap<K, V>,
    key: &K,
    value: Option<V>,
) -> bool {
    if map.get(key) == value.as_ref() {
        return false;
    }
    match value {
        Some(value) => map.insert(key.clone(), value),
        None => map.remove(key),
    };
    true
}
