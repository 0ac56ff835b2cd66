//! Matches of rules: what HTTPRoute and GRPCRoute write, as the conditions that the proxies
//! compare requests with.

use std::sync::Arc;

use http::{HeaderName, Method};
use snapshot::{HeaderMatch, Match, PathMatch, Pattern, QueryMatch, Text};

use super::fault::Fault;
use super::field::Field;
use super::path;
use crate::api::route::{GrpcMatch, GrpcMethodMatch, HttpMatch, NamedMatch, TypedValue};

const EXACT: &str = "Exact";
const PREFIX: &str = "PathPrefix";
const REGEX: &str = "RegularExpression";

/// The matches of an HTTPRoute's rule; no match is `/` as a prefix.
///
/// # Errors
/// Every match that cannot be done.
pub(crate) fn http(list: &[HttpMatch], rule: &Field<'_>) -> Result<Vec<Match>, Vec<Fault>> {
    all(list, rule, http_match)
}

/// The matches of a GRPCRoute's rule; no match is every method.
///
/// # Errors
/// Every match that cannot be done.
pub(crate) fn grpc(list: &[GrpcMatch], rule: &Field<'_>) -> Result<Vec<Match>, Vec<Fault>> {
    all(list, rule, grpc_match)
}

fn all<M>(
    list: &[M],
    rule: &Field<'_>,
    read: impl Fn(&M, &Field<'_>) -> Result<Match, Fault>,
) -> Result<Vec<Match>, Vec<Fault>> {
    let mut matches = Vec::with_capacity(list.len().max(1));
    let mut faults = Vec::new();
    for (index, one) in list.iter().enumerate() {
        match read(one, &rule.nth("matches", index)) {
            Ok(found) => matches.push(found),
            Err(fault) => faults.push(fault),
        }
    }
    if !faults.is_empty() {
        return Err(faults);
    }
    if matches.is_empty() {
        matches.push(any());
    }
    Ok(matches)
}

fn any() -> Match {
    Match { path: every_path(), method: None, headers: Vec::new(), query: Vec::new() }
}

fn every_path() -> PathMatch {
    PathMatch::Prefix("/".into())
}

fn http_match(from: &HttpMatch, at: &Field<'_>) -> Result<Match, Fault> {
    Ok(Match {
        path: match &from.path {
            Some(path) => path_match(path, &at.at("path"))?,
            None => every_path(),
        },
        method: from.method.as_ref().map(|m| method(m, &at.at("method"))).transpose()?,
        headers: headers(&from.headers, at)?,
        query: query(&from.query_params, at)?,
    })
}

fn path_match(from: &TypedValue, at: &Field<'_>) -> Result<PathMatch, Fault> {
    let value = from.value.clone().unwrap_or_else(|| "/".into());
    let value_at = at.at("value");
    let plain = || path::canonical(&value).map_err(|error| Fault::value(&value_at, error));
    match from.kind.as_deref().unwrap_or(PREFIX) {
        EXACT => Ok(PathMatch::Exact(shared(&value, &plain()?))),
        PREFIX => {
            let plain = plain()?;
            // A trailing slash is ignored (PathMatchPathPrefix), and `/` is every path.
            Ok(PathMatch::Prefix(match plain.strip_suffix('/').unwrap_or(&plain) {
                "" => "/".into(),
                prefix => shared(&value, prefix),
            }))
        }
        REGEX => Ok(PathMatch::Regex(pattern(&value, &value_at)?)),
        other => Err(Fault::choice(&at.at("type"), other, &[EXACT, PREFIX, REGEX])),
    }
}

/// `text`, which is nearly always as it was written.
fn shared(written: &Arc<str>, text: &str) -> Arc<str> {
    if **written == *text { written.clone() } else { text.into() }
}

/// The methods of `HTTPMethod`; others could be matched but are not in the API.
const METHODS: [&str; 9] =
    ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"];

fn method(text: &Arc<str>, at: &Field<'_>) -> Result<Method, Fault> {
    METHODS
        .contains(&&**text)
        .then(|| Method::from_bytes(text.as_bytes()).ok())
        .flatten()
        .ok_or_else(|| Fault::choice(at, text, &METHODS))
}

/// Header matches; of several with one name only the first counts (`HTTPHeaderMatch.name`).
fn headers(list: &[NamedMatch], at: &Field<'_>) -> Result<Vec<HeaderMatch>, Fault> {
    let mut out: Vec<HeaderMatch> = Vec::with_capacity(list.len());
    for (index, one) in list.iter().enumerate() {
        let at = at.nth("headers", index);
        let name = header_name(&one.name, &at.at("name"))?;
        if !out.iter().any(|known| known.name == name) {
            out.push(HeaderMatch { name, value: text(one, &at)? });
        }
    }
    Ok(out)
}

/// Query matches; of several with one name only the first counts (`HTTPQueryParamMatch.name`).
fn query(list: &[NamedMatch], at: &Field<'_>) -> Result<Vec<QueryMatch>, Fault> {
    let mut out: Vec<QueryMatch> = Vec::with_capacity(list.len());
    for (index, one) in list.iter().enumerate() {
        let at = at.nth("queryParams", index);
        if !out.iter().any(|known| known.name == one.name) {
            out.push(QueryMatch { name: one.name.clone(), value: text(one, &at)? });
        }
    }
    Ok(out)
}

/// Reads a header's name.
pub(crate) fn header_name(name: &str, at: &Field<'_>) -> Result<HeaderName, Fault> {
    HeaderName::from_bytes(name.as_bytes()).map_err(|_| {
        Fault::value(at, format_args!("`{name}` is no header name; use letters, digits and `-`"))
    })
}

fn text(from: &NamedMatch, at: &Field<'_>) -> Result<Text, Fault> {
    match from.kind.as_deref().unwrap_or(EXACT) {
        EXACT => Ok(Text::Exact(from.value.clone())),
        REGEX => Ok(Text::Regex(pattern(&from.value, &at.at("value"))?)),
        other => Err(Fault::choice(&at.at("type"), other, &[EXACT, REGEX])),
    }
}

fn pattern(text: &str, at: &Field<'_>) -> Result<Pattern, Fault> {
    Pattern::parse(text).map_err(|error| {
        Fault::value(
            at,
            format_args!("`{text:.100}` is no regular expression (RE2 syntax): {error}"),
        )
    })
}

fn grpc_match(from: &GrpcMatch, at: &Field<'_>) -> Result<Match, Fault> {
    Ok(Match {
        path: match &from.method {
            Some(method) => grpc_method(method, &at.at("method"))?,
            None => every_path(),
        },
        method: None,
        headers: headers(&from.headers, at)?,
        query: Vec::new(),
    })
}

/// A call's path is `/service/method`. What is empty matches all.
fn grpc_method(from: &GrpcMethodMatch, at: &Field<'_>) -> Result<PathMatch, Fault> {
    let given = |value: &Option<Arc<str>>| value.clone().filter(|text| !text.is_empty());
    let (service, method) = (given(&from.service), given(&from.method));
    match (from.kind.as_deref().unwrap_or(EXACT), &service, &method) {
        (EXACT | REGEX, None, None) => {
            Err(Fault::value(at, "names neither service nor method; name one, or leave it out"))
        }
        (EXACT, _, _) => {
            let service = service.map(|s| grpc_name(s, &at.at("service"))).transpose()?;
            let method = method.map(|m| grpc_name(m, &at.at("method"))).transpose()?;
            Ok(match (service, method) {
                (Some(service), Some(method)) => {
                    PathMatch::Exact(format!("/{service}/{method}").into())
                }
                (Some(service), None) => PathMatch::Prefix(format!("/{service}").into()),
                (None, method) => {
                    let method = regex::escape(method.as_deref().unwrap_or_default());
                    PathMatch::Regex(pattern(&format!("/[^/]+/{method}"), at)?)
                }
            })
        }
        (REGEX, _, _) => {
            // Each must be a pattern alone, or `a)(b` would reach from one into the other.
            let part = |text: Option<Arc<str>>, name| match text {
                Some(text) => pattern(&text, &at.at(name)).map(|p| format!("(?:{})", p.as_str())),
                None => Ok("[^/]+".to_owned()),
            };
            let (service, method) = (part(service, "service")?, part(method, "method")?);
            Ok(PathMatch::Regex(pattern(&format!("/{service}/{method}"), at)?))
        }
        (other, _, _) => Err(Fault::choice(&at.at("type"), other, &[EXACT, REGEX])),
    }
}

/// A service's full name or a method's: letters, digits, `_`, and dots in services.
fn grpc_name(name: Arc<str>, at: &Field<'_>) -> Result<Arc<str>, Fault> {
    if name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'.') {
        return Ok(name);
    }
    Err(Fault::value(at, format_args!("`{name}` is no gRPC name; use letters, digits, `_`, `.`")))
}

#[cfg(test)]
mod tests;
