//! The objects that a cluster has without anybody writing them: Namespaces, and our GatewayClass.

use std::sync::Arc;

use serde_json::{Map, Value};
use snapshot::ObjectKey;

use super::id::Id;
use crate::api::core::Namespace;
use crate::api::gateway::GatewayClass;
use crate::api::meta::{Meta, Object};
use crate::objects::{AnyObject, Kind};
use crate::status::CONTROLLER_NAME;

/// The label that every Namespace has in a cluster, with its name.
const NAME_LABEL: &str = "kubernetes.io/metadata.name";

/// Name of the GatewayClass that needs no writing.
const CLASS: &str = "headgate";

/// Our GatewayClass.
pub(crate) fn class_id() -> Id {
    (Kind::GatewayClass, ObjectKey::new("", CLASS))
}

/// A Namespace.
pub(crate) fn namespace_id(name: &Arc<str>) -> Id {
    (Kind::Namespace, ObjectKey::new("", Arc::clone(name)))
}

/// The implied object of this kind and name, if it is one that can be implied.
pub(crate) fn object(id: &Id) -> Option<AnyObject> {
    let mut meta = Meta { name: Arc::clone(&id.1.name), generation: 1, ..Meta::default() };
    if id.0 == Kind::Namespace {
        meta.labels.insert(NAME_LABEL.into(), Arc::clone(&id.1.name));
        let object = Object { meta, spec: Namespace::default(), origin: None };
        return Some(AnyObject::Namespace(Arc::new(object)));
    }
    let spec = GatewayClass { controller_name: CONTROLLER_NAME.into(), parameters_ref: None };
    let object = Object { meta, spec, origin: None };
    (*id == class_id()).then(|| AnyObject::GatewayClass(Arc::new(object)))
}

/// Gives a Namespace that somebody wrote the label that a cluster would give it.
pub(crate) fn label(metadata: &mut Map<String, Value>) {
    let Some(name) = metadata.get("name").cloned() else { return };
    let labels = metadata.entry("labels").or_insert_with(|| Value::Object(Map::new()));
    match labels {
        Value::Object(labels) => drop(labels.insert(NAME_LABEL.to_owned(), name)),
        Value::Null => *labels = Value::Object(Map::from_iter([(NAME_LABEL.to_owned(), name)])),
        // What is no object has no labels: the schema says so.
        _ => {}
    }
}
