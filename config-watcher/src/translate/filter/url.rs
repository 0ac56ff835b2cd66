//! `HTTPRequestRedirectFilter` and `HTTPURLRewriteFilter`: other hosts and paths.

use std::sync::Arc;

use http::StatusCode;
use snapshot::{Hostname, PathModifier, Redirect, UrlRewrite};

use crate::api::route::{PathModifier as WrittenPath, RedirectFilter, UrlRewriteFilter};
use crate::translate::fault::Fault;
use crate::translate::field::Field;
use crate::translate::path;

/// A redirect; `prefixes` says whether every match of the rule is a path prefix.
pub(super) fn redirect(
    from: &RedirectFilter,
    prefixes: bool,
    at: &Field<'_>,
) -> Result<Redirect, Fault> {
    if let Some(scheme) = from.scheme.as_deref().filter(|s| !matches!(*s, "http" | "https")) {
        return Err(Fault::choice(&at.at("scheme"), scheme, &["http", "https"]));
    }
    let status = match from.status_code {
        None => StatusCode::FOUND,
        Some(301) => StatusCode::MOVED_PERMANENTLY,
        Some(302) => StatusCode::FOUND,
        Some(303) => StatusCode::SEE_OTHER,
        Some(307) => StatusCode::TEMPORARY_REDIRECT,
        Some(308) => StatusCode::PERMANENT_REDIRECT,
        Some(other) => {
            let codes = ["301", "302", "303", "307", "308"];
            return Err(Fault::choice(&at.at("statusCode"), &other.to_string(), &codes));
        }
    };
    Ok(Redirect {
        scheme: from.scheme.clone(),
        hostname: hostname(from.hostname.as_ref(), at)?,
        path: modifier(from.path.as_ref(), prefixes, &at.at("path"))?,
        port: port(from.port, at)?,
        status,
    })
}

/// A rewrite; `prefixes` says whether every match of the rule is a path prefix.
pub(super) fn rewrite(
    from: &UrlRewriteFilter,
    prefixes: bool,
    at: &Field<'_>,
) -> Result<UrlRewrite, Fault> {
    Ok(UrlRewrite {
        hostname: hostname(from.hostname.as_ref(), at)?,
        path: modifier(from.path.as_ref(), prefixes, &at.at("path"))?,
    })
}

fn port(from: Option<u16>, at: &Field<'_>) -> Result<Option<u16>, Fault> {
    match from {
        Some(0) => Err(Fault::value(&at.at("port"), "0 is no port; use 1 to 65535")),
        port => Ok(port),
    }
}

/// A `PreciseHostname`: no wildcard.
fn hostname(from: Option<&Arc<str>>, at: &Field<'_>) -> Result<Option<Arc<str>>, Fault> {
    let Some(text) = from else { return Ok(None) };
    match text.parse() {
        Ok(Hostname::Exact(name)) => Ok(Some(name)),
        Ok(_) => Err(Fault::value(
            &at.at("hostname"),
            format_args!("`{text}` is a wildcard; name one host"),
        )),
        Err(error) => Err(Fault::value(&at.at("hostname"), error)),
    }
}

fn modifier(
    from: Option<&WrittenPath>,
    prefixes: bool,
    at: &Field<'_>,
) -> Result<Option<PathModifier>, Fault> {
    let Some(from) = from else { return Ok(None) };
    let (name, value) = match &*from.kind {
        "ReplaceFullPath" => ("replaceFullPath", &from.replace_full_path),
        "ReplacePrefixMatch" => ("replacePrefixMatch", &from.replace_prefix_match),
        other => {
            let known = ["ReplaceFullPath", "ReplacePrefixMatch"];
            return Err(Fault::choice(&at.at("type"), other, &known));
        }
    };
    let at = at.at(name);
    let Some(value) = value else {
        return Err(Fault::value(&at, "is missing; the modifier's type requires it"));
    };
    let plain = || path::canonical(value).map_err(|error| Fault::value(&at, error));
    if name == "replaceFullPath" {
        return Ok(Some(PathModifier::ReplaceFull(plain()?.into())));
    }
    if !prefixes {
        let what = "needs a rule that matches paths only by PathPrefix; use replaceFullPath";
        return Err(Fault::value(&at, what));
    }
    // The empty string removes the prefix; a trailing slash is ignored.
    let prefix = if value.is_empty() { String::new() } else { plain()? };
    Ok(Some(PathModifier::ReplacePrefix(prefix.strip_suffix('/').unwrap_or(&prefix).into())))
}
