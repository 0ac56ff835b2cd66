//! `HTTPHeaderFilter`: changes of headers.

use std::sync::Arc;

use http::{HeaderName, HeaderValue, header};
use snapshot::HeaderModifier;

use super::super::matching::header_name;
use crate::api::route::{Header, HeaderFilter};
use crate::translate::fault::Fault;
use crate::translate::field::Field;

/// Headers that frame a message or belong to one connection (RFC 9110 §7.6.1): the proxies set
/// them, a filter that did could smuggle requests.
const OURS: [HeaderName; 7] = [
    header::CONNECTION,
    header::CONTENT_LENGTH,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    HeaderName::from_static("keep-alive"),
];

/// A filter of requests.
pub(super) fn request(from: &HeaderFilter, at: &Field<'_>) -> Result<HeaderModifier, Fault> {
    let modifier = read(from, at)?;
    if names(&modifier).any(|name| name == header::HOST) {
        return Err(Fault::value(at, "Host is no header to modify; use a URLRewrite's `hostname`"));
    }
    Ok(modifier)
}

/// A filter of responses.
pub(super) fn response(from: &HeaderFilter, at: &Field<'_>) -> Result<HeaderModifier, Fault> {
    read(from, at)
}

fn read(from: &HeaderFilter, at: &Field<'_>) -> Result<HeaderModifier, Fault> {
    let modifier = HeaderModifier {
        set: pairs("set", &from.set, at)?,
        add: pairs("add", &from.add, at)?,
        remove: removals(&from.remove, at)?,
    };
    let mut seen = Vec::with_capacity(16);
    for name in names(&modifier) {
        if OURS.contains(name) {
            let what = "belongs to the connection, not to the message; leave it to the gateway";
            return Err(Fault::value(at, format_args!("`{name}` {what}")));
        }
        if seen.contains(&name) {
            return Err(Fault::value(
                at,
                format_args!("`{name}` has more than one action; keep one of set, add, remove"),
            ));
        }
        seen.push(name);
    }
    Ok(modifier)
}

fn names(modifier: &HeaderModifier) -> impl Iterator<Item = &HeaderName> {
    modifier.set.iter().chain(&modifier.add).map(|(name, _)| name).chain(&modifier.remove)
}

/// Names with values; of several with one name the first counts (`HTTPHeader.name`).
fn pairs(
    list: &'static str,
    from: &[Header],
    at: &Field<'_>,
) -> Result<Vec<(HeaderName, HeaderValue)>, Fault> {
    let mut out: Vec<(HeaderName, HeaderValue)> = Vec::with_capacity(from.len());
    for (index, header) in from.iter().enumerate() {
        let at = at.nth(list, index);
        let name = header_name(&header.name, &at.at("name"))?;
        let value =
            HeaderValue::from_str(header.value.trim_matches([' ', '\t'])).map_err(|_| {
                let what = "is no header value; use printable ASCII characters";
                Fault::value(
                    &at.at("value"),
                    format_args!("`{}` {what}", header.value.escape_debug()),
                )
            })?;
        if !out.iter().any(|(known, _)| *known == name) {
            out.push((name, value));
        }
    }
    Ok(out)
}

fn removals(from: &[Arc<str>], at: &Field<'_>) -> Result<Vec<HeaderName>, Fault> {
    let mut out: Vec<HeaderName> = Vec::with_capacity(from.len());
    for (index, name) in from.iter().enumerate() {
        let name = header_name(name, &at.nth("remove", index))?;
        if !out.contains(&name) {
            out.push(name);
        }
    }
    Ok(out)
}
