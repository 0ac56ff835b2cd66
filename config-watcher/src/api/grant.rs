//! ReferenceGrant (`gateway.networking.k8s.io/v1`, `v1beta1`).

use std::sync::Arc;

use serde::Deserialize;

/// `ReferenceGrantSpec`: any of `from` may refer to any of `to` in the grant's namespace.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct ReferenceGrant {
    /// Who.
    pub from: Vec<From>,
    /// To what.
    pub to: Vec<To>,
}

/// `ReferenceGrantFrom`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct From {
    /// API group of the referrer.
    pub group: Arc<str>,
    /// Its kind.
    pub kind: Arc<str>,
    /// Its namespace.
    pub namespace: Arc<str>,
}

/// `ReferenceGrantTo`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct To {
    /// API group of the referent; the core group is empty.
    pub group: Arc<str>,
    /// Its kind.
    pub kind: Arc<str>,
    /// Absent means all of the kind.
    #[serde(default)]
    pub name: Option<Arc<str>>,
}
