//! Objects from JSON, as a source would hand them over: without schemas and defaults.

use std::sync::Arc;

use config_watcher::api::meta::{Meta, Object};
use config_watcher::objects::{AnyObject, Kind};
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Reads one object of a kind that we know.
pub(crate) fn object(kind: Kind, value: Value) -> AnyObject {
    match kind {
        Kind::GatewayClass => AnyObject::GatewayClass(spec(value)),
        Kind::Gateway => AnyObject::Gateway(spec(value)),
        Kind::ListenerSet => AnyObject::ListenerSet(spec(value)),
        Kind::HttpRoute => AnyObject::HttpRoute(spec(value)),
        Kind::GrpcRoute => AnyObject::GrpcRoute(spec(value)),
        Kind::ReferenceGrant => AnyObject::ReferenceGrant(spec(value)),
        Kind::BackendTlsPolicy => AnyObject::BackendTlsPolicy(spec(value)),
        Kind::Service => AnyObject::Service(spec(value)),
        Kind::Namespace => AnyObject::Namespace(flat(value)),
        Kind::EndpointSlice => AnyObject::EndpointSlice(flat(value)),
        Kind::Secret => AnyObject::Secret(flat(value)),
        Kind::ConfigMap => AnyObject::ConfigMap(flat(value)),
    }
}

fn spec<S: DeserializeOwned>(mut value: Value) -> Arc<Object<S>> {
    let meta = read(value["metadata"].take());
    let spec = match value["spec"].take() {
        Value::Null => Value::Object(serde_json::Map::new()),
        spec => spec,
    };
    Arc::new(Object { meta, spec: read(spec), origin: None })
}

fn flat<S: DeserializeOwned>(mut value: Value) -> Arc<Object<S>> {
    let meta: Meta = read(value["metadata"].take());
    Arc::new(Object { meta, spec: read(value), origin: None })
}

fn read<T: DeserializeOwned>(value: Value) -> T {
    let text = value.to_string();
    serde_json::from_value(value).unwrap_or_else(|error| panic!("{error} in {text}"))
}
