//! A line for people: time, client, request, status, then `name=value` in an order that never
//! changes, with `-` for what a request has not.

use std::time::Duration;

use super::super::record::Record;
use super::escape::{Quoting, bytes, escape, limited};
use super::{address, limit, protocol, seconds, whole};

pub(super) fn line(out: &mut Vec<u8>, time: &[u8], record: &Record<'_>) {
    out.extend_from_slice(time);
    out.push(b' ');
    address(out, record.client);
    out.extend_from_slice(b" \"");
    limited(out, Quoting::Word, record.method, limit::METHOD);
    out.push(b' ');
    limited(out, Quoting::Word, record.host, limit::HOST);
    limited(out, Quoting::Word, record.path, limit::PATH);
    out.push(b' ');
    out.extend_from_slice(protocol(record.protocol).as_bytes());
    out.extend_from_slice(b"\" ");
    match record.status {
        Some(status) => whole(out, status.into()),
        None => out.push(b'-'),
    }
    out.extend_from_slice(b" received=");
    whole(out, record.received);
    out.extend_from_slice(b" sent=");
    whole(out, record.sent);
    time_of(out, " duration=", Some(record.duration));
    time_of(out, " first_byte=", record.first_byte);
    time_of(out, " upstream=", record.upstream);
    field(out, " route=", record.route);
    field(out, " backend=", record.backend);
    out.extend_from_slice(b" endpoint=");
    match record.endpoint {
        Some(endpoint) => address(out, endpoint),
        None => out.push(b'-'),
    }
    out.extend_from_slice(b" tries=");
    whole(out, record.tries.into());
    field(out, " retry=", record.retry);
    field(out, " retry_reason=", record.retry_reason);
    field(out, " flag=", record.flag);
    field(out, " listener=", record.listener);
    field(out, " tls=", record.tls.as_ref().map(|tls| tls.version));
    out.extend_from_slice(b" sni=");
    let sni = record.tls.as_ref().and_then(|tls| tls.sni);
    limited(out, Quoting::Word, sni.unwrap_or("-"), limit::HOST);
    let certificate = record.tls.as_ref().and_then(|tls| tls.client_certificate);
    field(out, " client_certificate=", certificate);
    out.extend_from_slice(b" id=");
    limited(out, Quoting::Word, record.id, limit::ID);
    out.extend_from_slice(b" user_agent=\"");
    bytes(out, Quoting::Text, record.user_agent.unwrap_or(b"-"), limit::AGENT);
    out.extend_from_slice(b"\"\n");
}

fn field(out: &mut Vec<u8>, name: &str, value: Option<&str>) {
    out.extend_from_slice(name.as_bytes());
    escape(out, Quoting::Word, value.unwrap_or("-"));
}

fn time_of(out: &mut Vec<u8>, name: &str, value: Option<Duration>) {
    out.extend_from_slice(name.as_bytes());
    match value {
        Some(value) => seconds(out, value),
        None => out.push(b'-'),
    }
}
