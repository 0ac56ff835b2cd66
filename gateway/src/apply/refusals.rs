//! What is not live as the snapshot has it, kept until it is.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use snapshot::{BackendKey, CertificateKey, RouteKey};

/// A resource that cannot be served as it is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Refusal {
    /// Its name.
    pub resource: String,
    /// What is wrong with it, and what is live instead.
    pub reason: String,
}

/// What is judged as a whole: a new judgement replaces the one before.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Scope {
    Route(RouteKey),
    Backend(BackendKey),
    /// A certificate that we present to backends.
    Identity(CertificateKey),
    /// The listeners of an address and port.
    Port(SocketAddr),
}

/// All refusals that stand.
#[derive(Default)]
pub(super) struct Refusals(BTreeMap<Scope, Vec<Refusal>>);

impl Refusals {
    /// The reasons against a resource; none clears it.
    pub(super) fn set(&mut self, scope: Scope, reasons: Vec<String>) {
        let resource = match &scope {
            Scope::Route(key) => key.to_string(),
            Scope::Backend(key) => format!("Backend/{key}"),
            Scope::Identity(key) => format!("Certificate/{key}"),
            Scope::Port(address) => address.to_string(),
        };
        let refusal = |reason| Refusal { resource: resource.clone(), reason };
        self.set_all(scope, reasons.into_iter().map(refusal).collect());
    }

    /// The refusals of resources that are judged together; none clears them.
    pub(super) fn set_all(&mut self, scope: Scope, refusals: Vec<Refusal>) {
        if refusals.is_empty() {
            self.0.remove(&scope);
        } else {
            self.0.insert(scope, refusals);
        }
    }

    pub(super) fn clear(&mut self, scope: &Scope) {
        self.0.remove(scope);
    }

    /// Each once, by resource.
    pub(super) fn list(&self) -> Vec<Refusal> {
        self.0.values().flatten().cloned().collect::<BTreeSet<_>>().into_iter().collect()
    }
}
