//! The canonical form of what a request names: authority and path.

use std::borrow::Cow;

/// The host and port that a request is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Authority<'a> {
    /// Lower case, without a trailing dot; IPv6 addresses in brackets.
    pub(crate) host: Cow<'a, str>,
    /// The port as written, if there is one.
    pub(crate) port: Option<u16>,
}

/// Why an authority or a path is refused; each is a 400.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refused {
    /// Not the syntax that is asked for.
    #[error("not a host")]
    Host,
}

/// Reads a Host header or an `:authority`.
pub(crate) fn authority(_text: &str) -> Result<Authority<'_>, Refused> {
    unimplemented!("lands next")
}

/// The canonical form of a request's path (without the query): what is matched and forwarded.
pub(crate) fn path(_text: &str) -> Result<Cow<'_, str>, Refused> {
    unimplemented!("lands next")
}
