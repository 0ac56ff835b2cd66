//! A small cluster for tests: Kubernetes objects as JSON in, snapshot and statuses out.

use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use snapshot::{ObjectKey, Snapshot};

use super::{Options, Translator};
use crate::api::meta::Object;
use crate::objects::{AnyObject, Change, Kind};

/// A translator, and the objects that every route needs: the class `headgate`, and the Gateway
/// `infra/web` with the listener `http` on port 80 that takes routes from everywhere.
pub(crate) struct Sample(pub(crate) Translator);

impl Sample {
    /// The objects that every route needs, and these.
    pub(crate) fn new(objects: Value) -> Self {
        Self::with(Options::default(), objects)
    }

    /// The same under other options.
    pub(crate) fn with(options: Options, objects: Value) -> Self {
        let mut sample = Self(Translator::new(options));
        sample.put(json!([
            {"kind": "GatewayClass", "metadata": {"name": "headgate"},
             "spec": {"controllerName": crate::status::CONTROLLER_NAME}, },
            {"kind": "Gateway", "metadata": {"namespace": "infra", "name": "web"},
             "spec": {"gatewayClassName": "headgate", "listeners": [
                {"name": "http", "port": 80, "protocol": "HTTP",
                 "allowedRoutes": {"namespaces": {"from": "All"}}}]}},
        ]));
        sample.put(objects);
        sample
    }

    /// Creates or replaces objects (a list, or one); true when anything differs afterwards.
    pub(crate) fn put(&mut self, objects: Value) -> bool {
        let list = match objects {
            Value::Array(list) => list,
            one => vec![one],
        };
        self.0.apply(list.into_iter().map(|object| Change::Put(any(object))).collect())
    }

    /// Deletes an object named `namespace/name`; true when anything differs afterwards.
    pub(crate) fn delete(&mut self, kind: Kind, name: &str) -> bool {
        self.0.apply(vec![Change::Delete(kind, key(name))])
    }

    /// The snapshot.
    pub(crate) fn snapshot(&self) -> &Snapshot {
        self.0.snapshot()
    }

    /// The status of an object as JSON; null where it has none.
    pub(crate) fn status(&self, kind: Kind, name: &str) -> Value {
        let status = self.0.statuses().get(&(kind, key(name)));
        serde_json::to_value(status.map(|status| &**status)).unwrap()
    }
}

/// `Type=Status/Reason` of each condition of one entry of a status.
pub(crate) fn conditions(entry: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let show = |it: &Value| {
        format!("{}={}/{}", text(&it["type"]), text(&it["status"]), text(&it["reason"]))
    };
    entry["conditions"].as_array().unwrap().iter().map(show).collect()
}

/// The message of one condition of an entry.
pub(crate) fn message(entry: &Value, kind: &str) -> String {
    let list = entry["conditions"].as_array().unwrap();
    let found = list.iter().find(|it| it["type"] == kind).unwrap();
    found["message"].as_str().unwrap().to_owned()
}

/// The key of `namespace/name`, or of `name` alone.
pub(crate) fn key(name: &str) -> ObjectKey {
    let (namespace, name) = name.split_once('/').unwrap_or(("", name));
    ObjectKey::new(namespace, name)
}

fn any(mut from: Value) -> AnyObject {
    let name = from["kind"].as_str().unwrap().to_owned();
    let kind = *Kind::ALL.iter().find(|kind| kind.as_str() == name).unwrap();
    let flat =
        matches!(kind, Kind::Namespace | Kind::EndpointSlice | Kind::Secret | Kind::ConfigMap);
    let meta = from["metadata"].take();
    let spec = if flat { from } else { from["spec"].take() };
    match kind {
        Kind::GatewayClass => AnyObject::GatewayClass(object(meta, spec)),
        Kind::Gateway => AnyObject::Gateway(object(meta, spec)),
        Kind::ListenerSet => AnyObject::ListenerSet(object(meta, spec)),
        Kind::HttpRoute => AnyObject::HttpRoute(object(meta, spec)),
        Kind::GrpcRoute => AnyObject::GrpcRoute(object(meta, spec)),
        Kind::ReferenceGrant => AnyObject::ReferenceGrant(object(meta, spec)),
        Kind::BackendTlsPolicy => AnyObject::BackendTlsPolicy(object(meta, spec)),
        Kind::BackendLifecyclePolicy => AnyObject::BackendLifecyclePolicy(object(meta, spec)),
        Kind::Namespace => AnyObject::Namespace(object(meta, spec)),
        Kind::Service => AnyObject::Service(object(meta, spec)),
        Kind::EndpointSlice => AnyObject::EndpointSlice(object(meta, spec)),
        Kind::Secret => AnyObject::Secret(object(meta, spec)),
        Kind::ConfigMap => AnyObject::ConfigMap(object(meta, spec)),
    }
}

fn object<S: DeserializeOwned>(meta: Value, spec: Value) -> Arc<Object<S>> {
    let (meta, spec) = (serde_json::from_value(meta), serde_json::from_value(spec));
    Arc::new(Object { meta: meta.unwrap(), spec: spec.unwrap(), origin: None })
}
