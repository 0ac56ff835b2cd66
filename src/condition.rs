//! The conditions of all objects as rows: what holds, what does not, and what that means.

use config_watcher::objects::{Kind, Objects};
use config_watcher::status::{
    Condition, ListenerStatus, ObjectStatus, ParentStatus, Statuses, Truth,
};
use serde::{Deserialize, Serialize};
use snapshot::ObjectKey;

/// One condition of one object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Row {
    pub(crate) kind: String,
    /// `namespace/name`.
    pub(crate) object: String,
    /// File and line, where they are known.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) origin: Option<String>,
    /// The part of the object, or the parent, that it is about; empty for the object itself.
    pub(crate) about: String,
    /// Such as `Accepted`.
    pub(crate) condition: String,
    /// `True`, `False` or `Unknown`.
    pub(crate) status: String,
    pub(crate) reason: String,
    /// What is wrong and the way out; empty when all is well.
    pub(crate) message: String,
    pub(crate) verdict: Verdict,
}

/// What a condition means for whoever wrote the object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Verdict {
    /// As it should be.
    Good,
    /// Served, with something to know.
    Warning,
    /// Something is not served that should be.
    Error,
}

/// The rows of every status, by kind and name.
pub(crate) fn rows(statuses: &Statuses) -> Vec<Row> {
    statuses.iter().flat_map(|((kind, key), status)| of_object(*kind, key, status)).collect()
}

/// The rows of a folder: with routes that no Gateway of ours takes, and with file and line.
pub(crate) fn rows_of_folder(objects: &Objects, statuses: &Statuses) -> Vec<Row> {
    let http = objects.http_routes.keys().map(|key| (Kind::HttpRoute, key));
    let grpc = objects.grpc_routes.keys().map(|key| (Kind::GrpcRoute, key));
    let alone = http.chain(grpc).filter(|(kind, key)| {
        match statuses.get(&(*kind, (*key).clone())).map(|status| &**status) {
            Some(ObjectStatus::Route(route)) => route.parents.is_empty(),
            _ => true,
        }
    });
    let mut rows: Vec<Row> =
        alone.map(|(kind, key)| placed(objects, kind, key, unattached(kind, key))).collect();
    for ((kind, key), status) in statuses {
        let of_object = of_object(*kind, key, status).into_iter();
        rows.extend(of_object.map(|row| placed(objects, *kind, key, row)));
    }
    rows.sort_by(|a, b| (&a.kind, &a.object).cmp(&(&b.kind, &b.object)));
    rows
}

/// File and line of an object that has them.
pub(crate) fn origin(objects: &Objects, kind: Kind, key: &ObjectKey) -> Option<String> {
    let object = objects.get(kind, key)?;
    object.origin().map(|origin| format!("{}:{}", origin.file, origin.line))
}

fn placed(objects: &Objects, kind: Kind, key: &ObjectKey, row: Row) -> Row {
    Row { origin: origin(objects, kind, key), ..row }
}

/// The rows of one object's status.
pub(crate) fn of_object(kind: Kind, key: &ObjectKey, status: &ObjectStatus) -> Vec<Row> {
    let mut rows = Rows { kind, key, rows: Vec::new() };
    match status {
        ObjectStatus::GatewayClass(class) => rows.add("", &class.conditions),
        ObjectStatus::Gateway(gateway) => {
            rows.add("", &gateway.conditions);
            rows.listeners(&gateway.listeners);
        }
        ObjectStatus::ListenerSet(set) => {
            rows.add("", &set.conditions);
            rows.listeners(&set.listeners);
        }
        ObjectStatus::Route(route) => {
            for parent in &*route.parents {
                rows.add(&parent_name(parent, key), &parent.conditions);
            }
        }
        ObjectStatus::Policy(policy) => {
            for ancestor in &policy.ancestors {
                rows.add(&format!("Gateway {}", ancestor.ancestor_ref.name), &ancestor.conditions);
            }
        }
    }
    rows.rows
}

impl Row {
    /// The object and the part it is about: `HTTPRoute shop/cart (Gateway infra/public)`.
    pub(crate) fn subject(&self) -> String {
        let about =
            if self.about.is_empty() { String::new() } else { format!(" ({})", self.about) };
        format!("{} {}{about}", self.kind, self.object)
    }
}

struct Rows<'o> {
    kind: Kind,
    key: &'o ObjectKey,
    rows: Vec<Row>,
}

impl Rows<'_> {
    fn listeners(&mut self, listeners: &[ListenerStatus]) {
        for listener in listeners {
            self.add(&format!("listener {}", listener.name), &listener.conditions);
        }
    }

    fn add(&mut self, about: &str, conditions: &[Condition]) {
        self.rows.extend(conditions.iter().map(|condition| Row {
            kind: self.kind.to_string(),
            object: self.key.to_string(),
            origin: None,
            about: about.to_owned(),
            condition: condition.kind.to_owned(),
            status: format!("{:?}", condition.status),
            reason: condition.reason.to_owned(),
            message: condition.message.clone(),
            verdict: verdict(condition.kind, condition.status),
        }));
    }
}

/// Of the conditions of the Gateway API, these four say `True` when something is wrong; with the
/// last two, all is served nevertheless.
fn verdict(condition: &str, status: Truth) -> Verdict {
    let (wanted, otherwise) = match condition {
        "Conflicted" | "PartiallyInvalid" => (Truth::False, Verdict::Error),
        "OverlappingTLSConfig" | "InsecureFrontendValidationMode" => {
            (Truth::False, Verdict::Warning)
        }
        "SupportedVersion" => (Truth::True, Verdict::Warning),
        _ => (Truth::True, Verdict::Error),
    };
    if status == wanted { Verdict::Good } else { otherwise }
}

fn parent_name(parent: &ParentStatus, route: &ObjectKey) -> String {
    let reference = &parent.parent_ref;
    let kind = reference.kind.as_deref().unwrap_or("Gateway");
    let namespace = reference.namespace.as_deref().unwrap_or(&route.namespace);
    let mut name = format!("{kind} {namespace}/{}", reference.name);
    if let Some(section) = &reference.section_name {
        name.push('/');
        name.push_str(section);
    }
    if let Some(port) = reference.port {
        name.push_str(&format!(" port {port}"));
    }
    name
}

fn unattached(kind: Kind, key: &ObjectKey) -> Row {
    Row {
        kind: kind.to_string(),
        object: key.to_string(),
        origin: None,
        about: String::new(),
        condition: "Accepted".to_owned(),
        status: format!("{:?}", Truth::Unknown),
        reason: "NoParent".to_owned(),
        message: "spec.parentRefs: none of them is a Gateway that Headgate serves; name one, or \
                  add the Gateway"
            .to_owned(),
        verdict: Verdict::Error,
    }
}
