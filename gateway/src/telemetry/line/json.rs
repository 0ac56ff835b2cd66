//! A line as one JSON object. What a request has not, its object has not; only `status` is always
//! there, `null` when the client left before one was sent.

use std::net::SocketAddr;
use std::time::Duration;

use super::super::record::Record;
use super::escape::{Quoting, bytes, escape, limited};
use super::{address, limit, protocol, seconds, whole};

pub(super) fn line(out: &mut Vec<u8>, time: &[u8], record: &Record<'_>) {
    out.extend_from_slice(b"{\"time\":\"");
    out.extend_from_slice(time);
    out.push(b'"');
    text(out, "id", record.id, limit::ID);
    address_of(out, "client", Some(record.client));
    text(out, "method", record.method, limit::METHOD);
    text(out, "host", record.host, limit::HOST);
    text(out, "path", record.path, limit::PATH);
    text(out, "protocol", protocol(record.protocol), limit::METHOD);
    key(out, "status");
    match record.status {
        Some(status) => whole(out, status.into()),
        None => out.extend_from_slice(b"null"),
    }
    number(out, "received_bytes", record.received);
    number(out, "sent_bytes", record.sent);
    time_of(out, "duration_seconds", Some(record.duration));
    time_of(out, "first_byte_seconds", record.first_byte);
    time_of(out, "upstream_seconds", record.upstream);
    shown(out, "listener", record.listener);
    shown(out, "route", record.route);
    shown(out, "backend", record.backend);
    address_of(out, "endpoint", record.endpoint);
    number(out, "tries", record.tries.into());
    shown(out, "retry", record.retry);
    shown(out, "retry_reason", record.retry_reason);
    shown(out, "flag", record.flag);
    if let Some(tls) = &record.tls {
        shown(out, "tls", Some(tls.version));
        if let Some(sni) = tls.sni {
            text(out, "sni", sni, limit::HOST);
        }
        shown(out, "client_certificate", tls.client_certificate);
    }
    if let Some(agent) = record.user_agent {
        key(out, "user_agent");
        out.push(b'"');
        bytes(out, Quoting::Json, agent, limit::AGENT);
        out.push(b'"');
    }
    out.extend_from_slice(b"}\n");
}

fn key(out: &mut Vec<u8>, name: &str) {
    out.extend_from_slice(b",\"");
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"\":");
}

fn text(out: &mut Vec<u8>, name: &str, value: &str, limit: usize) {
    key(out, name);
    out.push(b'"');
    limited(out, Quoting::Json, value, limit);
    out.push(b'"');
}

fn shown(out: &mut Vec<u8>, name: &str, value: Option<&str>) {
    let Some(value) = value else { return };
    key(out, name);
    out.push(b'"');
    escape(out, Quoting::Json, value);
    out.push(b'"');
}

fn address_of(out: &mut Vec<u8>, name: &str, value: Option<SocketAddr>) {
    let Some(value) = value else { return };
    key(out, name);
    out.push(b'"');
    address(out, value);
    out.push(b'"');
}

fn number(out: &mut Vec<u8>, name: &str, value: u64) {
    key(out, name);
    whole(out, value);
}

fn time_of(out: &mut Vec<u8>, name: &str, value: Option<Duration>) {
    if let Some(value) = value {
        key(out, name);
        seconds(out, value);
    }
}
