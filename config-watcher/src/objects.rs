//! All objects that users wrote, typed, by kind and key: what every source fills and `translate`
//! reads.
//!
//! Promises: an object stands here once, at its newest version; a change that changes nothing is
//! told apart, so that it costs nothing further on.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use snapshot::ObjectKey;

use crate::api::core::{ConfigMap, EndpointSlice, Namespace, Secret, Service};
use crate::api::gateway::{Gateway, GatewayClass, ListenerSet};
use crate::api::grant::ReferenceGrant;
use crate::api::meta::{Meta, Object, Origin};
use crate::api::policy::{BackendLifecyclePolicy, BackendTlsPolicy};
use crate::api::route::{GrpcRoute, HttpRoute};

const GATEWAY_GROUP: &str = "gateway.networking.k8s.io";
const OUR_GROUP: &str = "headgate.dev";

/// What a source says.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// The object exists, with this content.
    Put(AnyObject),
    /// The object is gone.
    Delete(Kind, ObjectKey),
}

/// Defines the kinds once: variant, type, store field, Kubernetes kind, API group.
macro_rules! kinds {
    ($($kind:ident($spec:ty) $field:ident $name:literal $group:expr;)*) => {
        /// The kinds of object that we read.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Kind {
            $(#[doc = concat!("`", $name, "`.")] $kind,)*
        }

        impl Kind {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$kind),*];

            /// The Kubernetes kind.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$kind => $name,)* }
            }

            /// The API group; the core group is empty.
            #[must_use]
            pub fn group(self) -> &'static str {
                match self { $(Self::$kind => $group,)* }
            }

            /// The kind of this Kubernetes name and group, if we read it.
            #[must_use]
            pub fn find(group: &str, name: &str) -> Option<Self> {
                match name { $($name if group == $group => Some(Self::$kind),)* _ => None }
            }
        }

        /// One object of any kind.
        #[derive(Clone, Debug, PartialEq)]
        pub enum AnyObject {
            $(#[doc = concat!("A ", $name, ".")] $kind(Arc<Object<$spec>>),)*
        }

        impl AnyObject {
            /// Its kind.
            #[must_use]
            pub fn kind(&self) -> Kind {
                match self { $(Self::$kind(_) => Kind::$kind,)* }
            }

            /// Its metadata.
            #[must_use]
            pub fn meta(&self) -> &Meta {
                match self { $(Self::$kind(object) => &object.meta,)* }
            }

            /// Where it was read.
            #[must_use]
            pub fn origin(&self) -> Option<&Origin> {
                match self { $(Self::$kind(object) => object.origin.as_ref(),)* }
            }
        }

        /// The store.
        #[derive(Clone, Debug, Default, PartialEq)]
        pub struct Objects {
            $(#[doc = concat!("Every ", $name, ".")]
            pub $field: BTreeMap<ObjectKey, Arc<Object<$spec>>>,)*
        }

        impl Objects {
            /// Takes a change in; false when nothing that has a meaning differs: a new resource
            /// version or place in a file is kept, and concerns nobody.
            pub fn take(&mut self, change: Change) -> bool {
                match change {
                    $(Change::Put(AnyObject::$kind(object)) => {
                        let old = self.$field.insert(object.meta.key(), object.clone());
                        !old.is_some_and(|old| same_meaning(&old, &object))
                    })*
                    $(Change::Delete(Kind::$kind, key) => self.$field.remove(&key).is_some(),)*
                }
            }

            /// One object.
            #[must_use]
            pub fn get(&self, kind: Kind, key: &ObjectKey) -> Option<AnyObject> {
                match kind {
                    $(Kind::$kind => self.$field.get(key).cloned().map(AnyObject::$kind),)*
                }
            }
        }
    };
}

kinds! {
    GatewayClass(GatewayClass) gateway_classes "GatewayClass" GATEWAY_GROUP;
    Gateway(Gateway) gateways "Gateway" GATEWAY_GROUP;
    ListenerSet(ListenerSet) listener_sets "ListenerSet" GATEWAY_GROUP;
    HttpRoute(HttpRoute) http_routes "HTTPRoute" GATEWAY_GROUP;
    GrpcRoute(GrpcRoute) grpc_routes "GRPCRoute" GATEWAY_GROUP;
    ReferenceGrant(ReferenceGrant) reference_grants "ReferenceGrant" GATEWAY_GROUP;
    BackendTlsPolicy(BackendTlsPolicy) backend_tls_policies "BackendTLSPolicy" GATEWAY_GROUP;
    BackendLifecyclePolicy(BackendLifecyclePolicy) backend_lifecycle_policies
        "BackendLifecyclePolicy" OUR_GROUP;
    Namespace(Namespace) namespaces "Namespace" "";
    Service(Service) services "Service" "";
    EndpointSlice(EndpointSlice) endpoint_slices "EndpointSlice" "discovery.k8s.io";
    Secret(Secret) secrets "Secret" "";
    ConfigMap(ConfigMap) config_maps "ConfigMap" "";
}

fn same_meaning<S: PartialEq>(a: &Object<S>, b: &Object<S>) -> bool {
    let Meta { name, namespace, uid, generation, resource_version: _, creation_timestamp, labels } =
        &a.meta;
    a.spec == b.spec
        && *name == b.meta.name
        && *namespace == b.meta.namespace
        && *uid == b.meta.uid
        && *generation == b.meta.generation
        && *creation_timestamp == b.meta.creation_timestamp
        && *labels == b.meta.labels
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
