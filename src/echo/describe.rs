//! A request as JSON: what reached the backend, as it reached it.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use http::request::Parts;
use serde::Serialize;

/// What the answer to an ordinary request holds.
#[derive(Debug, Serialize)]
pub(super) struct Description<'r> {
    /// `--name`.
    name: &'r str,
    method: &'r str,
    path: &'r str,
    #[serde(skip_serializing_if = "Option::is_none")]
    query: Option<&'r str>,
    /// `Host`, or `:authority`.
    host: String,
    protocol: String,
    /// Lower case names; values in their order, replaced where they are no UTF-8.
    headers: BTreeMap<&'r str, Vec<String>>,
    /// Bytes of the body.
    received: u64,
    /// Who connected.
    peer: SocketAddr,
}

impl<'r> Description<'r> {
    pub(super) fn new(parts: &'r Parts, received: u64, peer: SocketAddr, name: &'r str) -> Self {
        let mut headers: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for (name, value) in &parts.headers {
            let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
            headers.entry(name.as_str()).or_default().push(value);
        }
        let host = headers.get("host").and_then(|values| values.first()).cloned();
        let authority = || parts.uri.authority().map(ToString::to_string).unwrap_or_default();
        Self {
            name,
            method: parts.method.as_str(),
            path: parts.uri.path(),
            query: parts.uri.query(),
            host: host.unwrap_or_else(authority),
            protocol: format!("{:?}", parts.version),
            headers,
            received,
            peer,
        }
    }

    pub(super) fn to_json(&self) -> Vec<u8> {
        let mut text = serde_json::to_vec_pretty(self).expect("a description is plain data");
        text.push(b'\n');
        text
    }
}
