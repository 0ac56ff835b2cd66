//! Filters, compiled: what a rule does to a request and to its response.
//!
//! Filters see requests in one form, whatever the protocol: the host is the `Host` header, and
//! the URI a path with a query. They are pure: each answers with a value or changes the headers it
//! is given. What a filter may not do is settled when it is compiled, so that nothing is left to
//! check while requests run: headers that frame messages or belong to one connection are out of
//! its reach, and every path it writes is canonical ([`crate::normalise::path`]).
//!
//! Left to others: the order in which filters run, mirroring itself, and who answers.

use std::sync::Arc;

use snapshot::PathMatch;

use crate::backend::{Backend, Backends};

mod cors;
mod headers;
mod mirror;
mod path;
mod redirect;
mod rewrite;

pub(crate) use cors::{Cors, Preflight};
pub(crate) use headers::HeaderModifier;
use headers::Message;
pub(crate) use mirror::Mirror;
pub(crate) use redirect::{From, Redirect};
pub(crate) use rewrite::Rewrite;

/// One filter, ready to run.
pub(crate) enum Filter {
    /// Changes the request's headers.
    RequestHeaders(HeaderModifier),
    /// Changes the response's headers.
    ResponseHeaders(HeaderModifier),
    /// Answers with a redirect.
    Redirect(Redirect),
    /// Changes Host and path of the request.
    Rewrite(Rewrite),
    /// Sends a copy elsewhere.
    Mirror(Mirror),
    /// Answers preflights and marks responses.
    Cors(Cors),
    /// Cannot be done: every request is answered with 500. The text says which filter and why.
    Unsupported,
}

/// What filters are compiled with.
pub(crate) struct Workshop<'a> {
    /// Where mirrors find their backends.
    pub(crate) backends: &'a Backends,
    /// Whether every match of the rule is a prefix, so that "the matched prefix" has a meaning.
    pub(crate) prefixed: bool,
    /// What was left out of a filter and why, for people.
    pub(crate) notes: &'a mut Vec<String>,
}

impl<'a> Workshop<'a> {
    /// For the filters of a rule with these matches.
    pub(crate) fn new(
        backends: &'a Backends,
        matches: &[snapshot::Match],
        notes: &'a mut Vec<String>,
    ) -> Self {
        let prefixed = matches.iter().all(|one| matches!(one.path, PathMatch::Prefix(_)));
        Self { backends, prefixed, notes }
    }

    /// Compiles the filters of a rule or of one of its backends, in their order.
    pub(crate) fn compile(&mut self, filters: &[snapshot::Filter]) -> Box<[Filter]> {
        filters.iter().map(|filter| self.filter(filter)).collect()
    }

    fn filter(&mut self, filter: &snapshot::Filter) -> Filter {
        let made = match filter {
            snapshot::Filter::RequestHeaders(modifier) => {
                Ok(Filter::RequestHeaders(self.headers(modifier, Message::Request)))
            }
            snapshot::Filter::ResponseHeaders(modifier) => {
                Ok(Filter::ResponseHeaders(self.headers(modifier, Message::Response)))
            }
            snapshot::Filter::Redirect(redirect) => {
                Redirect::new(redirect, self.prefixed).map(Filter::Redirect)
            }
            snapshot::Filter::UrlRewrite(rewrite) => {
                Rewrite::new(rewrite, self.prefixed).map(Filter::Rewrite)
            }
            snapshot::Filter::Mirror(mirror) => {
                Ok(Filter::Mirror(Mirror::new(mirror, self.target(&mirror.target))))
            }
            snapshot::Filter::Cors(cors) => Ok(Filter::Cors(Cors::new(cors))),
            snapshot::Filter::Unsupported(why) => Err(why.clone()),
        };
        made.unwrap_or_else(|why| {
            self.notes.push(why.to_string());
            Filter::Unsupported
        })
    }

    fn headers(&mut self, from: &snapshot::HeaderModifier, of: Message) -> HeaderModifier {
        HeaderModifier::new(from, of, self.notes)
    }

    /// The backend that a reference names.
    pub(crate) fn target(&self, target: &snapshot::Target) -> Result<Arc<Backend>, Arc<str>> {
        match target {
            snapshot::Target::Backend(key) => Ok(self.backends.handle(key)),
            snapshot::Target::Invalid(why) => Err(why.clone()),
        }
    }
}
