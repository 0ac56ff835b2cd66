//! Objects by what they say: lists that units read, kept up to date by every change.

use std::collections::BTreeSet;
use std::sync::Arc;

use rustc_hash::FxHashMap;
use snapshot::ObjectKey;

use crate::api::meta::Meta;
use crate::api::policy::TargetRef;
use crate::objects::AnyObject;

/// The label of an EndpointSlice that names its Service.
const SERVICE_NAME: &str = "kubernetes.io/service-name";

/// A list of objects.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum List {
    /// EndpointSlices of a Service.
    Slices(ObjectKey),
    /// BackendTLSPolicies that target a Service.
    Policies(ObjectKey),
    /// BackendLifecyclePolicies that target a Service.
    Lifecycles(ObjectKey),
    /// Gateways that are parents of every route that asks for default ones.
    DefaultGateways,
    /// ReferenceGrants in a namespace that let another namespace in.
    Grants {
        /// Where the grants stand.
        to: Arc<str>,
        /// Who is let in.
        from: Arc<str>,
    },
}

/// The lists, as keys of objects.
#[derive(Debug, Default)]
pub(crate) struct Indexes {
    lists: FxHashMap<List, BTreeSet<ObjectKey>>,
}

impl Indexes {
    /// The keys of the objects of a list, in order.
    pub(crate) fn keys(&self, list: &List) -> impl Iterator<Item = &ObjectKey> {
        self.lists.get(list).into_iter().flatten()
    }

    /// Enters an object.
    pub(crate) fn insert(&mut self, list: List, key: ObjectKey) {
        self.lists.entry(list).or_default().insert(key);
    }

    /// Takes an object out.
    pub(crate) fn remove(&mut self, list: &List, key: &ObjectKey) {
        if let Some(keys) = self.lists.get_mut(list) {
            keys.remove(key);
            if keys.is_empty() {
                self.lists.remove(list);
            }
        }
    }
}

/// The lists that an object stands in.
pub(crate) fn lists_of(object: &AnyObject) -> BTreeSet<List> {
    match object {
        AnyObject::EndpointSlice(slice) => slice
            .meta
            .labels
            .get(SERVICE_NAME)
            .map(|name| List::Slices(ObjectKey::new(slice.meta.namespace.clone(), name.clone())))
            .into_iter()
            .collect(),
        AnyObject::BackendTlsPolicy(policy) => {
            services(&policy.meta, &policy.spec.target_refs).map(List::Policies).collect()
        }
        AnyObject::BackendLifecyclePolicy(policy) => {
            services(&policy.meta, &policy.spec.target_refs).map(List::Lifecycles).collect()
        }
        AnyObject::ReferenceGrant(grant) => grant
            .spec
            .from
            .iter()
            .map(|from| List::Grants {
                to: grant.meta.namespace.clone(),
                from: from.namespace.clone(),
            })
            .collect(),
        AnyObject::Gateway(gateway) => {
            let is_default = gateway.spec.default_scope.as_deref() == Some("All");
            is_default.then_some(List::DefaultGateways).into_iter().collect()
        }
        _ => BTreeSet::new(),
    }
}

/// The Services that a policy targets.
fn services(meta: &Meta, targets: &[TargetRef]) -> impl Iterator<Item = ObjectKey> {
    let services =
        targets.iter().filter(|target| target.group.is_empty() && *target.kind == *"Service");
    services.map(|target| ObjectKey::new(meta.namespace.clone(), target.name.clone()))
}
