//! Filters of rules and backend references: what routes write, as what the proxies do.
//!
//! A filter that cannot be done is never skipped: [`Filter::Unsupported`] stands in its place, and
//! what would have passed through it is answered with 500.

mod cors;
mod headers;
mod mirror;
mod url;

use snapshot::{Filter, Match, PathMatch, RouteKind, Target};

use super::fault::{Fault, Faults, INCOMPATIBLE_FILTERS, INVALID_KIND};
use super::field::Field;
use crate::api::meta::Reference;
use crate::api::route::Filter as Written;

const HTTP_TYPES: [&str; 6] = [
    "RequestHeaderModifier",
    "ResponseHeaderModifier",
    "RequestMirror",
    "RequestRedirect",
    "URLRewrite",
    "CORS",
];
const GRPC_TYPES: [&str; 3] = ["RequestHeaderModifier", "ResponseHeaderModifier", "RequestMirror"];
/// The one of these that may stand in a list several times.
const REPEATABLE: &str = "RequestMirror";

/// Who a reference of a mirror is, and what is wrong with it.
pub(crate) type Resolve<'a> = dyn Fn(&Reference, &Field<'_>) -> (Target, Option<Fault>) + 'a;

/// Reads the filters of one rule.
pub(crate) struct Reader<'a> {
    kind: RouteKind,
    prefixes: bool,
    resolve: &'a Resolve<'a>,
}

impl<'a> Reader<'a> {
    /// A reader for a rule of a route of `kind` with these `matches`.
    pub(crate) fn new(kind: RouteKind, matches: &[Match], resolve: &'a Resolve<'a>) -> Self {
        let prefixes = matches.iter().all(|m| matches!(m.path, PathMatch::Prefix(_)));
        Self { kind, prefixes, resolve }
    }

    /// The filters of `owner` (a rule or a backend reference), in the order they were written.
    pub(crate) fn read(
        &self,
        list: &[Written],
        owner: &Field<'_>,
        faults: &mut Faults,
    ) -> Vec<Filter> {
        if let Some(fault) = incompatible(list, owner) {
            let filter = unsupported(&fault);
            faults.rule.push(fault);
            return vec![filter];
        }
        let one = |(index, written): (usize, &Written)| {
            self.one(written, &owner.nth("filters", index), faults)
        };
        list.iter().enumerate().map(one).collect()
    }

    fn one(&self, from: &Written, at: &Field<'_>, faults: &mut Faults) -> Filter {
        if *from.kind == *"ExtensionRef" {
            let fault = extension(from, at);
            let filter = unsupported(&fault);
            faults.references.push(fault);
            return filter;
        }
        match self.known(from, at, faults) {
            Ok(filter) => filter,
            Err(fault) => {
                let filter = unsupported(&fault);
                faults.rule.push(fault);
                filter
            }
        }
    }

    fn known(&self, from: &Written, at: &Field<'_>, faults: &mut Faults) -> Result<Filter, Fault> {
        let kind = &*from.kind;
        let types: &[&str] = match self.kind {
            RouteKind::Http => &HTTP_TYPES,
            RouteKind::Grpc => &GRPC_TYPES,
        };
        if !types.contains(&kind) {
            return Err(Fault::choice(&at.at("type"), kind, types));
        }
        match kind {
            "RequestHeaderModifier" => {
                let at = at.at("requestHeaderModifier");
                let from = body(from.request_header_modifier.as_deref(), &at)?;
                headers::request(from, &at).map(Filter::RequestHeaders)
            }
            "ResponseHeaderModifier" => {
                let at = at.at("responseHeaderModifier");
                let from = body(from.response_header_modifier.as_deref(), &at)?;
                headers::response(from, &at).map(Filter::ResponseHeaders)
            }
            "RequestMirror" => {
                let at = at.at("requestMirror");
                let from = body(from.request_mirror.as_deref(), &at)?;
                let (target, fault) = (self.resolve)(&from.backend_ref, &at.at("backendRef"));
                faults.references.extend(fault);
                mirror::read(from, target, &at).map(Filter::Mirror)
            }
            "RequestRedirect" => {
                let at = at.at("requestRedirect");
                let from = body(from.request_redirect.as_deref(), &at)?;
                url::redirect(from, self.prefixes, &at).map(Filter::Redirect)
            }
            "URLRewrite" => {
                let at = at.at("urlRewrite");
                let from = body(from.url_rewrite.as_deref(), &at)?;
                url::rewrite(from, self.prefixes, &at).map(Filter::UrlRewrite)
            }
            _ => {
                let at = at.at("cors");
                cors::read(body(from.cors.as_deref(), &at)?, &at).map(Filter::Cors)
            }
        }
    }
}

fn body<'a, T>(from: Option<&'a T>, at: &Field<'_>) -> Result<&'a T, Fault> {
    from.ok_or_else(|| Fault::value(at, "is missing; the filter's type requires it"))
}

fn unsupported(fault: &Fault) -> Filter {
    Filter::Unsupported(fault.message.as_str().into())
}

/// Kinds of filter of our own do not exist yet, so no reference to one resolves.
fn extension(from: &Written, at: &Field<'_>) -> Fault {
    let at = at.at("extensionRef");
    match from.extension_ref.as_deref() {
        Some(Reference { group, kind, name, .. }) => Fault::new(
            INVALID_KIND,
            &at,
            format_args!(
                "kind `{}` of group `{}` (named `{name}`) is no filter we know; remove the filter, \
                 until then its requests are answered with 500",
                kind.as_deref().unwrap_or_default(),
                group.as_deref().unwrap_or_default(),
            ),
        ),
        None => Fault::new(INVALID_KIND, &at, "is missing; the filter's type requires it"),
    }
}

fn incompatible(list: &[Written], owner: &Field<'_>) -> Option<Fault> {
    let count = |kind: &str| list.iter().filter(|filter| *filter.kind == *kind).count();
    let fault = |what: std::fmt::Arguments<'_>| {
        Some(Fault::new(INCOMPATIBLE_FILTERS, &owner.at("filters"), what))
    };
    if count("RequestRedirect") > 0 && count("URLRewrite") > 0 {
        return fault(format_args!("RequestRedirect and URLRewrite exclude each other; keep one"));
    }
    let repeated = HTTP_TYPES.iter().find(|kind| **kind != REPEATABLE && count(kind) > 1)?;
    fault(format_args!("{repeated} stands there more than once; merge them into one"))
}

#[cfg(test)]
mod tests;
