//! The hostnames of one listener.

use std::sync::Arc;

use memchr::memchr_iter;
use snapshot::Hostname;

use super::host::{Host, Part};
use super::rule::Entry;
use super::shards::Shards;

/// What a listener serves, by the hostnames that its routes are written with.
#[derive(Clone, Default)]
pub(crate) struct Hosts {
    exact: Shards<Arc<Host>>,
    /// By what follows `*.`.
    wildcard: Shards<Arc<Host>>,
    any: Option<Arc<Host>>,
}

/// How specific a hostname is, with what it has of the request's host.
#[derive(Clone, Copy)]
pub(super) enum Level<'h> {
    Exact(&'h str),
    Wildcard(&'h str),
    Any,
}

impl From<Level<'_>> for Hostname {
    fn from(level: Level<'_>) -> Self {
        match level {
            Level::Exact(name) => Self::Exact(name.into()),
            Level::Wildcard(parent) => Self::Wildcard(parent.into()),
            Level::Any => Self::Any,
        }
    }
}

impl Hosts {
    /// What serves a host, the more specific first: its name, then each wildcard above it, then
    /// what takes every host.
    pub(super) fn serving<'t>(
        &'t self,
        host: &'t str,
    ) -> impl Iterator<Item = (Level<'t>, &'t Host)> {
        let named = self.exact.get(host).map(|found| (Level::Exact(host), found));
        let wildcards = (self.wildcard.len() > 0).then(|| above(host)).into_iter().flatten();
        let wildcards = wildcards
            .filter_map(|parent| Some((Level::Wildcard(parent), self.wildcard.get(parent)?)));
        let any = self.any.as_ref().map(|found| (Level::Any, found));
        named.into_iter().chain(wildcards).chain(any).map(|(level, host)| (level, &**host))
    }

    /// Replaces a part of a hostname; see [`Host::set`].
    pub(crate) fn set(&mut self, hostname: &Hostname, part: Part<'_>, entries: Vec<Entry>) {
        let host = match hostname {
            Hostname::Exact(name) => self.exact.get_or_default(name),
            Hostname::Wildcard(parent) => self.wildcard.get_or_default(parent),
            Hostname::Any => self.any.get_or_insert_default(),
        };
        let host = Arc::make_mut(host);
        host.set(part, entries);
        if host.is_empty() {
            match hostname {
                Hostname::Exact(name) => self.exact.remove(name),
                Hostname::Wildcard(parent) => self.wildcard.remove(parent),
                Hostname::Any => self.any = None,
            }
        }
    }

    /// The matches of a part of a hostname, in no order.
    pub(crate) fn part(&self, hostname: &Hostname, part: Part<'_>) -> Vec<Entry> {
        let host = match hostname {
            Hostname::Exact(name) => self.exact.get(name),
            Hostname::Wildcard(parent) => self.wildcard.get(parent),
            Hostname::Any => self.any.as_ref(),
        };
        host.map(|host| host.part(part)).unwrap_or_default()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.exact.len() == 0 && self.wildcard.len() == 0 && self.any.is_none()
    }
}

/// `b.example.com`, `example.com` and `com` of `a.b.example.com`.
pub(super) fn above(host: &str) -> impl Iterator<Item = &str> {
    memchr_iter(b'.', host.as_bytes()).map(|at| &host[at + 1..])
}
