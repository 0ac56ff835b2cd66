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
use crate::api::policy::BackendTlsPolicy;
use crate::api::route::{GrpcRoute, HttpRoute};

const GATEWAY_GROUP: &str = "gateway.networking.k8s.io";

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
            /// Takes a change in; false when it changes nothing.
            pub fn take(&mut self, change: Change) -> bool {
                match change {
                    $(Change::Put(AnyObject::$kind(object)) => {
                        let key = object.meta.key();
                        let same = self.$field.get(&key).is_some_and(|old| **old == *object);
                        if !same {
                            self.$field.insert(key, object);
                        }
                        !same
                    })*
                    $(Change::Delete(Kind::$kind, key) => self.$field.remove(&key).is_some(),)*
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
    Namespace(Namespace) namespaces "Namespace" "";
    Service(Service) services "Service" "";
    EndpointSlice(EndpointSlice) endpoint_slices "EndpointSlice" "discovery.k8s.io";
    Secret(Secret) secrets "Secret" "";
    ConfigMap(ConfigMap) config_maps "ConfigMap" "";
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
