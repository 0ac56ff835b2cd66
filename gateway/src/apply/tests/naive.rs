//! The rule for a request, straight from the words of the Gateway API, looking at everything.

use std::cell::RefCell;
use std::cmp::Reverse;
use std::collections::HashMap;
use std::net::SocketAddr;

use regex::Regex;
use snapshot::{Hostname, Listener, ListenerKey, Match, PathMatch, RouteKey, RouteKind, Snapshot};

use super::snapshots::Request;

/// What the words say a request gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Rule(RouteKey, usize),
    NoRoute(ListenerKey),
    NoListener,
}

pub(super) fn find(snapshot: &Snapshot, address: SocketAddr, request: &Request) -> Verdict {
    let Some(listener) = listener(snapshot, address, request) else { return Verdict::NoListener };
    let mut candidates = Vec::new();
    for (key, route) in &snapshot.routes {
        let attachments = route.attachments.iter().filter(|one| one.listener == listener);
        for hostname in attachments.flat_map(|one| &one.hostnames) {
            for (index, one) in route.matches.iter().enumerate() {
                if takes(hostname, &request.host) && holds(one, request) {
                    let name = format!("{}/{}", key.object.namespace, key.object.name);
                    let order = (
                        Reverse(characters(hostname)),
                        path_order(key.kind, &one.path),
                        (one.method.is_none(), Reverse(one.headers.len())),
                        Reverse(one.query.len()),
                        (route.created, name, key.kind, key.rule, index),
                    );
                    candidates.push((order, key, one));
                }
            }
        }
    }
    candidates.sort_by(|a, b| a.0.cmp(&b.0));
    match candidates.first() {
        Some((_, key, one)) => Verdict::Rule((*key).clone(), prefix(&one.path)),
        None => Verdict::NoRoute(listener),
    }
}

fn listener(snapshot: &Snapshot, address: SocketAddr, request: &Request) -> Option<ListenerKey> {
    let listens = |listener: &Listener| {
        listener.port == address.port()
            && match listener.addresses.as_slice() {
                [] => address.ip().is_unspecified(),
                addresses => addresses.contains(&address.ip()),
            }
    };
    let all = snapshot.listeners.iter().filter(|(_, one)| listens(one));
    let taking = all.filter(|(_, one)| takes(&one.hostname, &request.host));
    taking.max_by_key(|(_, one)| characters(&one.hostname)).map(|(key, _)| key.clone())
}

/// "Characters in a matching non-wildcard hostname", then "characters in a matching hostname".
fn characters(hostname: &Hostname) -> (usize, usize) {
    match hostname {
        Hostname::Exact(name) => (name.len(), name.len()),
        Hostname::Wildcard(parent) => (0, parent.len() + 2),
        Hostname::Any => (0, 0),
    }
}

fn takes(hostname: &Hostname, host: &str) -> bool {
    match hostname {
        Hostname::Exact(name) => **name == *host,
        Hostname::Wildcard(parent) => host.ends_with(&format!(".{parent}")),
        Hostname::Any => true,
    }
}

/// Exact, then expressions, then prefixes; the longer before the shorter. In a GRPCRoute an
/// expression names no service, so that only `/` has fewer characters of one.
fn path_order(kind: RouteKind, path: &PathMatch) -> (u8, Reverse<usize>, Reverse<usize>) {
    match path {
        PathMatch::Exact(_) => (0, Reverse(0), Reverse(0)),
        PathMatch::Regex(text) if kind == RouteKind::Http => {
            (1, Reverse(text.as_str().len()), Reverse(0))
        }
        PathMatch::Regex(text) => (2, Reverse(1), Reverse(text.as_str().len())),
        PathMatch::Prefix(text) => (2, Reverse(text.len()), Reverse(0)),
    }
}

/// What a prefix match takes of the path.
fn prefix(path: &PathMatch) -> usize {
    match path {
        PathMatch::Prefix(text) if &**text != "/" => text.len(),
        _ => 0,
    }
}

fn holds(one: &Match, request: &Request) -> bool {
    let path = match &one.path {
        PathMatch::Exact(text) => **text == request.path,
        PathMatch::Regex(pattern) => whole(pattern.as_str(), &request.path),
        PathMatch::Prefix(text) => {
            let elements: Vec<_> = text.split('/').filter(|element| !element.is_empty()).collect();
            let path: Vec<_> = request.path.split('/').skip(1).collect();
            path.starts_with(&elements)
        }
    };
    let method = one.method.as_ref().is_none_or(|method| *method == request.method);
    let mut headers = one.headers.iter().map(|wanted| {
        let values = request.headers.get_all(&wanted.name).iter();
        let values: Vec<_> = values.map(|value| value.to_str().unwrap()).collect();
        !values.is_empty() && equals(&wanted.value, &values.join(","))
    });
    let mut query = one.query.iter().map(|wanted| {
        let pairs = request.query.split('&').filter_map(|pair| pair.split_once('='));
        let found = pairs.into_iter().find(|(name, _)| **name == *wanted.name);
        found.is_some_and(|(_, value)| equals(&wanted.value, value))
    });
    path && method && headers.all(|held| held) && query.all(|held| held)
}

fn equals(text: &snapshot::Text, value: &str) -> bool {
    match text {
        snapshot::Text::Exact(text) => **text == *value,
        snapshot::Text::Regex(pattern) => whole(pattern.as_str(), value),
    }
}

fn whole(pattern: &str, value: &str) -> bool {
    thread_local! {
        static COMPILED: RefCell<HashMap<String, Regex>> = RefCell::default();
    }
    COMPILED.with_borrow_mut(|compiled| {
        let regex = compiled.entry(pattern.to_owned());
        regex.or_insert_with(|| Regex::new(&format!("^({pattern})$")).unwrap()).is_match(value)
    })
}
