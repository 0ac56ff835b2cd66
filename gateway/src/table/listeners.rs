//! The listeners of one address and port, by hostname.

use std::collections::HashMap;
use std::sync::Arc;

use rustc_hash::FxBuildHasher;
use snapshot::Hostname;

use super::hosts::above;

/// Which listener has a host: the one with the most specific hostname, alone (listener isolation,
/// Gateway API `Gateway.spec.listeners`).
#[derive(Default)]
pub(crate) struct Listeners {
    exact: HashMap<Arc<str>, usize, FxBuildHasher>,
    /// By what follows `*.`.
    wildcard: HashMap<Arc<str>, usize, FxBuildHasher>,
    any: Option<usize>,
}

impl Listeners {
    /// Of the listeners' hostnames, which all differ; a listener is its place among them.
    pub(crate) fn new<'a>(hostnames: impl IntoIterator<Item = &'a Hostname>) -> Self {
        let mut listeners = Self::default();
        for (place, hostname) in hostnames.into_iter().enumerate() {
            match hostname {
                Hostname::Exact(name) => {
                    listeners.exact.insert(name.clone(), place);
                }
                Hostname::Wildcard(parent) => {
                    listeners.wildcard.insert(parent.clone(), place);
                }
                Hostname::Any => listeners.any = Some(place),
            }
        }
        listeners
    }

    /// The listener of a host, or of the name in a TLS handshake.
    pub(super) fn of(&self, host: &str) -> Option<usize> {
        let named = self.exact.get(host);
        let wildcard = || {
            // Most have none, and need not look for dots.
            let any = !self.wildcard.is_empty();
            any.then(|| above(host).find_map(|parent| self.wildcard.get(parent))).flatten()
        };
        named.or_else(wildcard).copied().or(self.any)
    }

    /// The listener without a hostname.
    pub(super) fn of_any(&self) -> Option<usize> {
        self.any
    }
}
