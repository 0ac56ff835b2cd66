//! A Service for each Gateway that asks for labels or annotations on what is made for it
//! (`Gateway.spec.infrastructure`).
//!
//! Headgate's proxies serve every Gateway, so nothing needs to be made for one; the Service is what
//! others act on: DNS and load-balancer controllers read its annotations. It is headless, has no
//! selector, names the Gateway in the label `gateway.networking.k8s.io/gateway-name`, and belongs
//! to it: when the Gateway goes, the cluster's garbage collector takes the Service along.
//!
//! Promises: only Gateways that we serve; the Service is applied on the server's side, so fields of
//! others stay; it is written when it differs from what we wrote, by the holder of the Lease.

use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use ::kube::Client;
use http::{Request, header};
use imbl::OrdMap;
use imbl::ordmap::DiffItem;
use rustc_hash::FxHasher;
use serde_json::{Map, Value, json};
use snapshot::ObjectKey;
use tokio::sync::watch;

use super::lease::Hold;
use super::wire::url;
use crate::api::gateway::Gateway;
use crate::api::meta::Object;
use crate::objects::{Kind, Objects};
use crate::status::{ObjectStatus, Statuses};

/// Services by the key of their Gateway, as they are applied.
pub type Services = OrdMap<ObjectKey, Arc<Value>>;

/// Label that tells whose it is (Gateway API, `GatewayNameLabelKey`).
const GATEWAY_NAME: &str = "gateway.networking.k8s.io/gateway-name";
/// A label value holds 63 characters, a Service's name as well; a Gateway's name holds 253.
const MAX_NAME: usize = 63;
/// After a failure, the next try comes this much later: the usual one is a missing RoleBinding,
/// which a person has to make.
const PAUSE: Duration = Duration::from_secs(5);

/// What should exist, by the objects and what we say of them.
#[must_use]
pub fn services(objects: &Objects, statuses: &Statuses) -> Services {
    let ours = |key: &&ObjectKey| {
        matches!(
            statuses.get(&(Kind::Gateway, (*key).clone())).map(Arc::as_ref),
            Some(ObjectStatus::Gateway(_))
        )
    };
    let wanted = objects.gateways.iter().filter(|(key, _)| ours(key));
    wanted.filter_map(|(key, gateway)| Some((key.clone(), Arc::new(service(gateway)?)))).collect()
}

fn service(gateway: &Object<Gateway>) -> Option<Value> {
    let wishes = gateway.spec.infrastructure.as_ref()?;
    if wishes.labels.is_empty() && wishes.annotations.is_empty() {
        return None;
    }
    let mut labels: Map<String, Value> =
        wishes.labels.iter().map(|(name, value)| (name.to_string(), json!(value))).collect();
    labels.insert(GATEWAY_NAME.to_owned(), json!(short(&gateway.meta.name, "")));
    let mut ports: Vec<u16> = gateway.spec.listeners.iter().map(|listener| listener.port).collect();
    ports.sort_unstable();
    ports.dedup();
    let ports: Vec<Value> = ports
        .iter()
        .map(|port| json!({"name": format!("port-{port}"), "port": port, "protocol": "TCP"}))
        .collect();
    Some(json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {
            "name": short(&gateway.meta.name, "-headgate"),
            "namespace": gateway.meta.namespace,
            "labels": labels,
            "annotations": wishes.annotations,
            "ownerReferences": [{
                "apiVersion": "gateway.networking.k8s.io/v1",
                "kind": "Gateway",
                "name": gateway.meta.name,
                "uid": gateway.meta.uid,
                "controller": true,
            }],
        },
        "spec": {"clusterIP": "None", "ports": ports},
    }))
}

/// `name` and `suffix` where they fit, else the beginning of the name with a hash of all of it.
fn short(name: &str, suffix: &str) -> String {
    let plain = name.replace('.', "-");
    if plain.len() + suffix.len() <= MAX_NAME {
        return if suffix.is_empty() { name.to_owned() } else { plain + suffix };
    }
    let mut hasher = FxHasher::default();
    name.hash(&mut hasher);
    let hash = format!("-{:016x}", hasher.finish());
    let kept: String = plain.chars().take(MAX_NAME - suffix.len() - hash.len()).collect();
    format!("{kept}{hash}{suffix}")
}

/// Applies what is wanted until the sender is gone.
pub(super) async fn keep(client: Client, mut hold: Hold, mut wanted: watch::Receiver<Services>) {
    let mut written = Services::default();
    loop {
        if !hold.is_held() {
            written = Services::default();
            hold.changed().await;
            continue;
        }
        let services = wanted.borrow_and_update().clone();
        let mut failed = false;
        for difference in written.clone().diff(&services) {
            let (DiffItem::Add(key, service) | DiffItem::Update { new: (key, service), .. }) =
                difference
            else {
                continue;
            };
            match apply(&client, service).await {
                Ok(()) => {
                    written.insert(key.clone(), service.clone());
                }
                Err(error) => {
                    failed = true;
                    tracing::warn!(gateway = %key, error,
                        "spec.infrastructure: the Service that carries its labels and annotations \
                         can't be written; bind the ClusterRole headgate-infrastructure in the \
                         Gateway's namespace");
                }
            }
        }
        if failed {
            tokio::time::sleep(PAUSE).await;
            continue;
        }
        written = services;
        tokio::select! {
            alive = wanted.changed() => if alive.is_err() { return },
            () = hold.changed() => {}
        }
    }
}

async fn apply(client: &Client, service: &Value) -> Result<(), String> {
    let text = |name: &str| service["metadata"][name].as_str().unwrap_or_default();
    let path = url(Kind::Service, &ObjectKey::new(text("namespace"), text("name")));
    let request = Request::patch(format!("{path}?fieldManager=headgate&force=true"))
        .header(header::CONTENT_TYPE, "application/apply-patch+yaml")
        .body(service.to_string().into_bytes())
        .map_err(|error| error.to_string())?;
    client.request::<Value>(request).await.map(drop).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::short;

    #[test]
    fn long_names_are_cut_and_stay_apart() {
        let (one, two) = ("a".repeat(252) + "1", "a".repeat(252) + "2");
        assert_ne!(short(&one, "-headgate"), short(&two, "-headgate"));
        assert_eq!(short(&one, "-headgate").len(), 63);
        assert_eq!(short("web", "-headgate"), "web-headgate");
        assert_eq!(short("web.example", ""), "web.example");
    }
}
