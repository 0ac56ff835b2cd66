//! JSON of an object into its type, by kind.
//!
//! Promises: only the fields that our types have are kept. What the values mean is not judged.

use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::api::meta::{Object, Origin};
use crate::objects::{AnyObject, Kind};

/// Decodes an object. The error is serde's: it names a type that doesn't fit.
pub fn object(
    kind: Kind,
    object: Map<String, Value>,
    origin: Option<Origin>,
) -> Result<AnyObject, serde_json::Error> {
    Ok(match kind {
        Kind::GatewayClass => AnyObject::GatewayClass(with_spec(object, origin)?),
        Kind::Gateway => AnyObject::Gateway(with_spec(object, origin)?),
        Kind::ListenerSet => AnyObject::ListenerSet(with_spec(object, origin)?),
        Kind::HttpRoute => AnyObject::HttpRoute(with_spec(object, origin)?),
        Kind::GrpcRoute => AnyObject::GrpcRoute(with_spec(object, origin)?),
        Kind::ReferenceGrant => AnyObject::ReferenceGrant(with_spec(object, origin)?),
        Kind::BackendTlsPolicy => AnyObject::BackendTlsPolicy(with_spec(object, origin)?),
        Kind::BackendLifecyclePolicy => {
            AnyObject::BackendLifecyclePolicy(with_spec(object, origin)?)
        }
        Kind::Namespace => AnyObject::Namespace(whole(object, origin)?),
        Kind::Service => AnyObject::Service(with_spec(object, origin)?),
        Kind::EndpointSlice => AnyObject::EndpointSlice(whole(object, origin)?),
        Kind::Secret => AnyObject::Secret(whole(object, origin)?),
        Kind::ConfigMap => AnyObject::ConfigMap(whole(object, origin)?),
    })
}

fn with_spec<S: DeserializeOwned>(
    mut object: Map<String, Value>,
    origin: Option<Origin>,
) -> Result<Arc<Object<S>>, serde_json::Error> {
    // An absent spec is an empty one: each type says which of its fields it can't do without.
    let spec = object.swap_remove("spec").unwrap_or_else(|| Value::Object(Map::new()));
    build(object.swap_remove("metadata"), spec, origin)
}

/// Kinds whose fields stand at the top.
fn whole<S: DeserializeOwned>(
    mut object: Map<String, Value>,
    origin: Option<Origin>,
) -> Result<Arc<Object<S>>, serde_json::Error> {
    let metadata = object.swap_remove("metadata");
    build(metadata, Value::Object(object), origin)
}

fn build<S: DeserializeOwned>(
    metadata: Option<Value>,
    spec: Value,
    origin: Option<Origin>,
) -> Result<Arc<Object<S>>, serde_json::Error> {
    let meta = serde_json::from_value(metadata.unwrap_or_else(|| Value::Object(Map::new())))?;
    Ok(Arc::new(Object { meta, spec: serde_json::from_value(spec)?, origin }))
}
