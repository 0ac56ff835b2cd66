//! `HTTPCORSFilter`: who may read responses from a script of another origin.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use http::Method;
use snapshot::{Cors, Hostname, Origin};

use super::super::matching::header_name;
use crate::api::route::CorsFilter;
use crate::translate::fault::Fault;
use crate::translate::field::Field;

const ANY: &str = "*";
/// `HTTPCORSFilter.maxAge` when it is absent.
const DEFAULT_MAX_AGE: u32 = 5;

/// A CORS filter.
pub(super) fn read(from: &CorsFilter, at: &Field<'_>) -> Result<Cors, Fault> {
    let origins = from.allow_origins.iter().enumerate();
    Ok(Cors {
        origins: origins
            .map(|(index, text)| origin(text, &at.nth("allowOrigins", index)))
            .collect::<Result<_, _>>()?,
        credentials: from.allow_credentials.unwrap_or(false),
        methods: unless_any("allowMethods", &from.allow_methods, at, method)?,
        headers: unless_any("allowHeaders", &from.allow_headers, at, header_name)?,
        expose: unless_any("exposeHeaders", &from.expose_headers, at, header_name)?,
        max_age: Duration::from_secs(from.max_age.unwrap_or(DEFAULT_MAX_AGE).into()),
    })
}

/// The entries of a list; `None` when it holds `*`.
fn unless_any<T>(
    name: &'static str,
    list: &[Arc<str>],
    at: &Field<'_>,
    read: impl Fn(&str, &Field<'_>) -> Result<T, Fault>,
) -> Result<Option<Vec<T>>, Fault> {
    if list.iter().any(|entry| **entry == *ANY) {
        return Ok(None);
    }
    let entries = list.iter().enumerate();
    entries
        .map(|(index, text)| read(text, &at.nth(name, index)))
        .collect::<Result<_, _>>()
        .map(Some)
}

fn method(text: &str, at: &Field<'_>) -> Result<Method, Fault> {
    Method::from_bytes(text.as_bytes())
        .map_err(|_| Fault::value(at, format_args!("`{text}` is no method; use `GET` or `*`")))
}

/// `scheme://host[:port]`, the host perhaps with a leading wildcard or `*` alone; or `*`.
fn origin(text: &str, at: &Field<'_>) -> Result<Origin, Fault> {
    if text == ANY {
        return Ok(Origin::Any);
    }
    let fault = || {
        let what = "is no origin; write it as `https://example.com`, `https://*.example.com:8443` \
                    or `*`";
        Fault::value(at, format_args!("`{text}` {what}"))
    };
    let lower = text.to_ascii_lowercase();
    let (scheme, rest) = lower.split_once("://").ok_or_else(fault)?;
    let own_port = match scheme {
        "http" => 80,
        "https" => 443,
        _ => return Err(fault()),
    };
    let (host, port) = match rest.split_once(':') {
        Some((host, port)) => (host, Some(port_number(port).ok_or_else(fault)?)),
        None => (rest, None),
    };
    Ok(Origin::Pattern {
        scheme: scheme.into(),
        host: host_pattern(host).ok_or_else(fault)?,
        // Browsers leave the scheme's own port out (RFC 6454 §6.2).
        port: port.filter(|port| *port != own_port),
    })
}

fn port_number(text: &str) -> Option<u16> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten().filter(|port| *port != 0)
}

fn host_pattern(text: &str) -> Option<Hostname> {
    if text == ANY {
        return Some(Hostname::Any);
    }
    if text.parse::<Ipv4Addr>().is_ok() {
        // No hostname of the Gateway API, yet an origin (`CORSOrigin`).
        return Some(Hostname::Exact(text.into()));
    }
    text.parse().ok()
}
