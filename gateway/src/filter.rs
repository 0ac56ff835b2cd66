//! Filters, compiled: what a rule does to a request and its response.
//!
//! Filters see requests in one form: `Host` is a header whatever the protocol, and the URI is a
//! path and a query. They answer with values; changing the request is left to the caller.

use std::sync::Arc;

mod cors;
mod headers;
mod mirror;
mod path;
mod redirect;
mod rewrite;

pub(crate) use cors::{Cors, Preflight};
pub(crate) use headers::HeaderModifier;
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
    /// Cannot be done: 500. The text says why.
    Unsupported(Arc<str>),
}
