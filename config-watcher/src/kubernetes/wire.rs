//! Objects as the API server sends them, cut down to our lean types while they are read.
//!
//! Promises: reading never fails on an object that has a name, so one that does not decode is
//! reported and its watch goes on; managed fields, annotations and the rest are gone before the
//! object is kept.

mod lean;

use std::borrow::Cow;
use std::fmt::Debug;
use std::sync::Arc;

use ::kube::Resource;
use ::kube::core::{DynamicResourceScope, ObjectMeta};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use snapshot::ObjectKey;

use crate::api::core::{ConfigMap, EndpointSlice, Namespace, Secret, Service};
use crate::api::gateway::{Gateway, GatewayClass, ListenerSet};
use crate::api::grant::ReferenceGrant;
use crate::api::meta::Object;
use crate::api::policy::{BackendLifecyclePolicy, BackendTlsPolicy};
use crate::api::route::{GrpcRoute, HttpRoute};
use crate::objects::{AnyObject, Kind};
use lean::Lean;

/// A kind that can be watched.
pub(super) trait Watched: DeserializeOwned + Clone + Debug + Send + Sync + 'static {
    /// Which one.
    const KIND: Kind;
    /// Version of its API.
    const VERSION: &'static str = "v1";
    /// Name of its collection in URLs.
    const PLURAL: &'static str;
    /// Whether the fields that we read stand beside `metadata` and not below `spec`.
    const FLAT: bool = false;

    /// Whether a cluster may well be without its CRD, or without a right to it.
    const OPTIONAL: bool = false;

    /// Takes over what the status says, which most kinds have no use for.
    const STATUS: bool = false;

    /// Takes over the status, where [`Self::STATUS`] asks for it.
    fn complete(&mut self, status: &Value) {
        let _ = status;
    }

    /// The object as the store holds it.
    fn wrap(object: Arc<Object<Self>>) -> AnyObject;
}

macro_rules! watched {
    ($($type:ident $kind:ident $plural:literal $({ $($more:tt)* })?;)*) => {$(
        impl Watched for $type {
            const KIND: Kind = Kind::$kind;
            const PLURAL: &'static str = $plural;
            fn wrap(object: Arc<Object<Self>>) -> AnyObject {
                AnyObject::$kind(object)
            }
            $($($more)*)?
        }
    )*
        /// Path of one object on the API server.
        pub(super) fn url(kind: Kind, key: &ObjectKey) -> String {
            let namespace = Some(&*key.namespace).filter(|namespace| !namespace.is_empty());
            let collection = match kind {
                $(Kind::$kind => Wire::<$type>::url_path(&(), namespace),)*
            };
            format!("{collection}/{}", key.name)
        }
    };
}

watched! {
    GatewayClass GatewayClass "gatewayclasses";
    Gateway Gateway "gateways" {
        const STATUS: bool = true;

        fn complete(&mut self, status: &Value) {
            let addresses = status["addresses"].as_array();
            self.assigned = addresses
                .into_iter()
                .flatten()
                .filter_map(|address| address["value"].as_str().map(Arc::from))
                .collect();
        }
    };
    ListenerSet ListenerSet "listenersets";
    HttpRoute HttpRoute "httproutes";
    GrpcRoute GrpcRoute "grpcroutes";
    ReferenceGrant ReferenceGrant "referencegrants";
    BackendTlsPolicy BackendTlsPolicy "backendtlspolicies";
    BackendLifecyclePolicy BackendLifecyclePolicy "backendlifecyclepolicies" {
        const VERSION: &'static str = "v1alpha1";
        const OPTIONAL: bool = true;
    };
    Namespace Namespace "namespaces" { const FLAT: bool = true; };
    Service Service "services";
    EndpointSlice EndpointSlice "endpointslices" { const FLAT: bool = true; };
    Secret Secret "secrets" { const FLAT: bool = true; };
    ConfigMap ConfigMap "configmaps" { const FLAT: bool = true; };
}

/// One object off the wire.
#[derive(Clone, Debug)]
pub(super) struct Wire<S> {
    /// Only what the watch itself needs: name, namespace, UID, resource version.
    meta: ObjectMeta,
    /// The object, or why it does not decode.
    pub(super) object: Result<Arc<Object<S>>, String>,
}

impl<S: Watched> Wire<S> {
    /// Its key.
    pub(super) fn key(&self) -> ObjectKey {
        ObjectKey::new(
            self.meta.namespace.as_deref().unwrap_or_default(),
            self.meta.name.as_deref().unwrap_or_default(),
        )
    }

    /// What does not decode: its name, if it has one, and why.
    fn bad(mut body: Value) -> Self {
        let text = |name: &str| body["metadata"][name].as_str().map(ToOwned::to_owned);
        let meta = ObjectMeta {
            name: text("name"),
            namespace: text("namespace"),
            uid: text("uid"),
            resource_version: text("resourceVersion"),
            ..ObjectMeta::default()
        };
        let object = Lean::deserialize(body.take()).map(|lean| Arc::new(lean.0));
        Self { meta, object: object.map_err(|error| error.to_string()) }
    }

    fn good(object: Object<S>) -> Self {
        let text = |text: &Arc<str>| Some(&**text).filter(|text| !text.is_empty()).map(Into::into);
        let meta = ObjectMeta {
            name: text(&object.meta.name),
            namespace: text(&object.meta.namespace),
            uid: text(&object.meta.uid),
            resource_version: text(&object.meta.resource_version),
            ..ObjectMeta::default()
        };
        Self { meta, object: Ok(Arc::new(object)) }
    }
}

/// What came: serde keeps it in a form that borrows from the text until it is known which.
#[derive(Deserialize)]
#[serde(untagged, bound = "S: Watched")]
enum Body<S> {
    Good(Lean<S>),
    Bad(Value),
}

impl<'de, S: Watched> Deserialize<'de> for Wire<S> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Ok(match Body::deserialize(from)? {
            Body::Good(Lean(object)) => Self::good(object),
            Body::Bad(body) => Self::bad(body),
        })
    }
}

impl<S: Watched> Resource for Wire<S> {
    type DynamicType = ();
    type Scope = DynamicResourceScope;

    fn kind((): &()) -> Cow<'_, str> {
        S::KIND.as_str().into()
    }

    fn group((): &()) -> Cow<'_, str> {
        S::KIND.group().into()
    }

    fn version((): &()) -> Cow<'_, str> {
        S::VERSION.into()
    }

    fn plural((): &()) -> Cow<'_, str> {
        S::PLURAL.into()
    }

    fn meta(&self) -> &ObjectMeta {
        &self.meta
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.meta
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_object_that_does_not_decode_keeps_its_name() {
        let wire: Wire<HttpRoute> = serde_json::from_value(json!({
            "metadata": {"name": "cart", "namespace": "shop", "resourceVersion": "7"},
            "spec": {"rules": "none"},
        }))
        .unwrap();
        assert_eq!(wire.key(), ObjectKey::new("shop", "cart"));
        assert!(wire.object.unwrap_err().contains("invalid type"));
    }

    #[test]
    fn a_gateway_brings_the_addresses_of_its_status() {
        let wire: Wire<Gateway> = serde_json::from_value(json!({
            "metadata": {"name": "web", "namespace": "infra", "managedFields": [{"manager": "x"}]},
            "spec": {"gatewayClassName": "headgate", "listeners": []},
            "status": {"addresses": [{"type": "IPAddress", "value": "10.97.0.4"}]},
        }))
        .unwrap();
        assert_eq!(*wire.object.unwrap().spec.assigned[0], *"10.97.0.4");
    }

    #[test]
    fn a_flat_object_reads_the_fields_beside_its_metadata() {
        let wire: Wire<EndpointSlice> = serde_json::from_value(json!({
            "metadata": {"name": "cart-x", "namespace": "shop"},
            "addressType": "IPv4",
            "endpoints": [{"addresses": ["10.0.0.1"]}],
            "ports": null,
        }))
        .unwrap();
        let slice = wire.object.unwrap();
        assert_eq!(slice.spec.endpoints.len(), 1);
        assert_eq!(slice.meta.key(), ObjectKey::new("shop", "cart-x"));
    }

    #[test]
    fn what_stands_in_another_order_is_read_all_the_same() {
        let text = r#"{"object": {"spec": {"hostnames": ["a.\u0062"]}, "kind": "HTTPRoute",
            "metadata": {"name": "cart"}, "status": {}}, "type": "ADDED"}"#;
        let event: ::kube::core::WatchEvent<Wire<HttpRoute>> = serde_json::from_str(text).unwrap();
        let ::kube::core::WatchEvent::Added(wire) = event else { panic!("it is new") };
        assert_eq!(wire.key(), ObjectKey::new("", "cart"));
        assert_eq!(*wire.object.unwrap().spec.hostnames, ["a.b".into()]);
    }

    #[test]
    fn an_object_without_a_spec_has_an_empty_one() {
        for object in [json!({"metadata": {}, "spec": null}), json!({})] {
            let wire: Wire<HttpRoute> = serde_json::from_value(object).unwrap();
            assert_eq!(wire.object.unwrap().spec, HttpRoute::default());
        }
    }
}
