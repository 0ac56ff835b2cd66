//! The kinds that we read, with the schema of each: embedded, compiled at first use.

use std::sync::{LazyLock, OnceLock};

use serde_json::{Map, Value};

use super::name::Name;
use super::node::{Library, Node};
use super::path::At;
use super::suggest::nearest;
use super::violation::{Violation, Violations};
use super::{defaults, rules, structure};
use crate::objects::Kind;

/// One kind and what its objects must be.
#[derive(Debug)]
pub struct KindSchema {
    /// The kind.
    pub kind: Kind,
    /// Whether its objects live in namespaces.
    pub namespaced: bool,
    versions: Vec<String>,
    name: Name,
    source: Value,
    schema: OnceLock<Node>,
}

/// Why an apiVersion and kind are not read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unknown {
    /// The kind is read in these apiVersions only.
    Version(Vec<String>),
    /// A kind of a group that we read, but none of ours; perhaps this one was meant.
    Kind(Option<&'static str>),
    /// Somebody else's.
    Foreign,
}

static KINDS: LazyLock<Vec<KindSchema>> = LazyLock::new(|| {
    Kind::ALL.iter().map(|kind| KindSchema::embedded(*kind, text(*kind))).collect()
});

static METADATA: LazyLock<Node> =
    LazyLock::new(|| compiled(&json(include_str!("../../schemas/metadata.json"))));

/// The schema of an object by its `apiVersion` and `kind`.
pub fn find(api_version: &str, kind: &str) -> Result<&'static KindSchema, Unknown> {
    let (group, version) = api_version.rsplit_once('/').unwrap_or(("", api_version));
    if let Some(ours) = Kind::find(group, kind) {
        let schema = KindSchema::of(ours);
        if schema.versions.iter().any(|served| served == version) {
            return Ok(schema);
        }
    }
    // The right kind in a wrong group is a slip in the apiVersion.
    if let Some(ours) = Kind::ALL.iter().find(|ours| ours.as_str() == kind) {
        return Err(Unknown::Version(KindSchema::of(*ours).api_versions()));
    }
    let mut in_group = Kind::ALL.iter().filter(|ours| ours.group() == group).peekable();
    if in_group.peek().is_none() {
        return Err(Unknown::Foreign);
    }
    Err(match nearest(kind, in_group.map(|ours| ours.as_str())) {
        // The core group has many kinds that are not for us.
        None if group.is_empty() => Unknown::Foreign,
        near => Unknown::Kind(near),
    })
}

impl KindSchema {
    /// The schema of a kind.
    #[must_use]
    pub fn of(kind: Kind) -> &'static Self {
        KINDS.iter().find(|schema| schema.kind == kind).expect("every kind has a schema")
    }

    /// The apiVersions in which the kind is read.
    #[must_use]
    pub fn api_versions(&self) -> Vec<String> {
        let group = self.kind.group();
        let prefix = if group.is_empty() { String::new() } else { format!("{group}/") };
        self.versions.iter().map(|version| format!("{prefix}{version}")).collect()
    }

    /// Judges an object, given whole, and fills in defaults. `status` is taken away, and so are
    /// `apiVersion` and `kind`, which have done their work.
    pub fn check(&self, object: &mut Map<String, Value>) -> Vec<Violation> {
        let mut out = Violations::default();
        for done in ["status", "apiVersion", "kind"] {
            object.swap_remove(done);
        }
        let mut metadata = object.swap_remove("metadata").unwrap_or(Value::Null);
        let mut body = Value::Object(std::mem::take(object));
        judge(&METADATA, &mut metadata, &At::TOP.key("metadata"), &mut out);
        self.name.check(&metadata, &mut out);
        judge(self.node(), &mut body, &At::TOP, &mut out);
        if let Value::Object(body) = body {
            *object = body;
        }
        object.insert("metadata".to_owned(), metadata);
        out.0
    }

    fn node(&self) -> &Node {
        self.schema.get_or_init(|| compiled(&self.source))
    }

    /// Shows every rule of the kind.
    #[cfg(test)]
    pub(crate) fn each_rule(&self, see: &mut impl FnMut(&super::rule::Rule)) {
        self.node().each_rule(see);
        METADATA.each_rule(see);
    }

    fn embedded(kind: Kind, text: &str) -> Self {
        let mut source = json(text);
        let versions = source["versions"].as_array().into_iter().flatten();
        Self {
            kind,
            namespaced: source["namespaced"] == true,
            versions: versions.filter_map(Value::as_str).map(str::to_owned).collect(),
            name: Name::find(source["name"].as_str().unwrap_or_default()),
            source: source["schema"].take(),
            schema: OnceLock::new(),
        }
    }
}

/// As an API server: defaults first, then the structure, and the rules only on what holds.
fn judge(node: &Node, value: &mut Value, at: &At<'_>, out: &mut Violations) {
    let before = out.0.len();
    defaults::fill(node, value);
    structure::check(node, value, at, out);
    if out.0.len() == before {
        rules::check(node, value, at, out);
    }
}

fn text(kind: Kind) -> &'static str {
    match kind {
        Kind::GatewayClass => include_str!("../../schemas/gatewayclass.json"),
        Kind::Gateway => include_str!("../../schemas/gateway.json"),
        Kind::ListenerSet => include_str!("../../schemas/listenerset.json"),
        Kind::HttpRoute => include_str!("../../schemas/httproute.json"),
        Kind::GrpcRoute => include_str!("../../schemas/grpcroute.json"),
        Kind::ReferenceGrant => include_str!("../../schemas/referencegrant.json"),
        Kind::BackendTlsPolicy => include_str!("../../schemas/backendtlspolicy.json"),
        Kind::BackendLifecyclePolicy => {
            include_str!("../../schemas/backendlifecyclepolicy.json")
        }
        Kind::Namespace => include_str!("../../schemas/namespace.json"),
        Kind::Service => include_str!("../../schemas/service.json"),
        Kind::EndpointSlice => include_str!("../../schemas/endpointslice.json"),
        Kind::Secret => include_str!("../../schemas/secret.json"),
        Kind::ConfigMap => include_str!("../../schemas/configmap.json"),
    }
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).expect("the embedded schemas are JSON")
}

fn compiled(source: &Value) -> Node {
    Node::load(source, &mut Library::default()).expect("the embedded schemas compile")
}
