//! What all objects share: metadata, label selectors, references.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use snapshot::ObjectKey;

use super::word;

/// Labels of an object, or the `matchLabels` of a selector.
pub type Labels = BTreeMap<Arc<str>, Arc<str>>;

/// The part of `metav1.ObjectMeta` that we use.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Meta {
    /// `metadata.name`.
    pub name: Arc<str>,
    /// Empty for kinds without a namespace.
    #[serde(deserialize_with = "word::one")]
    pub namespace: Arc<str>,
    /// Empty where objects come from files.
    pub uid: Arc<str>,
    /// What `observedGeneration` repeats.
    pub generation: i64,
    /// Empty where objects come from files.
    pub resource_version: Arc<str>,
    /// Decides between equals: the oldest wins.
    pub creation_timestamp: Option<Timestamp>,
    /// `metadata.labels`.
    pub labels: Labels,
}

impl Meta {
    /// The object's key.
    #[must_use]
    pub fn key(&self) -> ObjectKey {
        ObjectKey::new(self.namespace.clone(), self.name.clone())
    }
}

/// One object of kind `S`.
#[derive(Clone, Debug, PartialEq)]
pub struct Object<S> {
    /// Its metadata.
    pub meta: Meta,
    /// `spec`, or the whole body of kinds without one.
    pub spec: S,
    /// Where a person finds it: file and line in a manifests folder.
    pub origin: Option<Origin>,
}

/// A place in a manifests folder.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Origin {
    /// Path relative to the folder.
    pub file: Arc<str>,
    /// Line of an object's first key or of a problem, from 1; 0 means the file as a whole.
    pub line: u32,
}

/// `metav1.LabelSelector`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct LabelSelector {
    /// Every one must be there with this value.
    pub match_labels: Labels,
    /// Every one must hold.
    pub match_expressions: Vec<LabelExpression>,
}

/// `metav1.LabelSelectorRequirement`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct LabelExpression {
    /// Label name.
    pub key: Arc<str>,
    /// `In`, `NotIn`, `Exists` or `DoesNotExist`.
    pub operator: Arc<str>,
    /// For `In` and `NotIn`.
    #[serde(default)]
    pub values: Vec<Arc<str>>,
}

/// Gateway API `SecretObjectReference`, `ObjectReference`, `BackendObjectReference` and
/// `LocalObjectReference`: what is absent has the default that the field's owner documents.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize)]
pub struct Reference {
    /// API group; the core group is empty.
    #[serde(default, deserialize_with = "word::optional")]
    pub group: Option<Arc<str>>,
    /// Kind.
    #[serde(default, deserialize_with = "word::optional")]
    pub kind: Option<Arc<str>>,
    /// Namespace of the referent; absent means the referrer's own.
    #[serde(default, deserialize_with = "word::optional")]
    pub namespace: Option<Arc<str>>,
    /// Name.
    #[serde(deserialize_with = "word::one")]
    pub name: Arc<str>,
    /// Port number, for Services.
    #[serde(default)]
    pub port: Option<u16>,
}
