//! Running a rule's filters: before a request is forwarded, and on what comes back.
//!
//! Order: the rule's filters as they were written, then those of the chosen backend. The first
//! that answers ends it.

use std::sync::Arc;

use http::Uri;
use http::header::{HOST, HeaderValue, ORIGIN};
use http::request::Parts;
use http::{HeaderMap, StatusCode};
use smallvec::SmallVec;

use super::head::Named;
use crate::backend::Backend;
use crate::failure::Failure;
use crate::filter::{Filter, From, Preflight};

/// Backends that get a copy; a rule seldom has more than one mirror.
pub(super) type Mirrors = SmallVec<[Arc<Backend>; 1]>;

/// What filters know of a request, besides its head.
#[derive(Clone, Copy)]
pub(super) struct Facts<'r> {
    /// What it is for.
    pub(super) named: &'r Named,
    /// The client speaks TLS.
    pub(super) https: bool,
    /// The listener's port.
    pub(super) port: u16,
    /// Bytes of the path that the match's prefix takes.
    pub(super) prefix: usize,
}

/// An answer that a filter gives by itself.
pub(super) enum Answer {
    /// A redirect to there.
    Redirect(StatusCode, HeaderValue),
    /// A preflight's.
    Preflight(Preflight),
    /// None: it cannot be done.
    Fail(Failure),
}

/// Changes the request, or says what its answer is.
pub(super) fn request(
    filters: &[Filter],
    facts: Facts<'_>,
    head: &mut Parts,
    mirrors: &mut Mirrors,
) -> Result<(), Answer> {
    let named = facts.named;
    for filter in filters {
        match filter {
            Filter::RequestHeaders(change) => change.apply(&mut head.headers),
            Filter::ResponseHeaders(_) => {}
            Filter::Redirect(redirect) => {
                let location = redirect.location(From {
                    https: facts.https,
                    host: named.host(),
                    port: facts.port,
                    path: named.path(),
                    query: named.query(),
                    prefix: facts.prefix,
                });
                return Err(Answer::Redirect(redirect.status, location));
            }
            Filter::Rewrite(rewrite) => {
                if let Some(host) = &rewrite.host {
                    head.headers.insert(HOST, host.clone());
                }
                if let Some(path) = rewrite.path(named.path(), named.query(), facts.prefix) {
                    head.uri = Uri::from(path);
                }
            }
            Filter::Mirror(mirror) => {
                if let Ok(backend) = &mirror.target
                    && mirror.takes(fastrand::u32(..))
                {
                    mirrors.push(backend.clone());
                }
            }
            Filter::Cors(cors) => {
                if let Some(answer) = cors.preflight(&head.method, &head.headers) {
                    return Err(Answer::Preflight(answer));
                }
            }
            Filter::Unsupported => return Err(Answer::Fail(Failure::UnsupportedFilter)),
        }
    }
    Ok(())
}

/// Changes a backend's response.
pub(super) fn response(filters: &[Filter], origin: Option<&HeaderValue>, headers: &mut HeaderMap) {
    for filter in filters {
        match filter {
            Filter::ResponseHeaders(change) => change.apply(headers),
            Filter::Cors(cors) => cors.mark(origin, headers),
            _ => {}
        }
    }
}

/// Marks an answer of ours, so that scripts of another origin may read it as well.
pub(super) fn mark(filters: &[Filter], origin: Option<&HeaderValue>, headers: &mut HeaderMap) {
    for filter in filters {
        if let Filter::Cors(cors) = filter {
            cors.mark(origin, headers);
        }
    }
}

/// The origin that asks, if a filter will want to know.
pub(super) fn origin(filters: [&[Filter]; 2], headers: &HeaderMap) -> Option<HeaderValue> {
    let wanted = filters.iter().any(|list| list.iter().any(|f| matches!(f, Filter::Cors(_))));
    headers.get(ORIGIN).filter(|_| wanted).cloned()
}
