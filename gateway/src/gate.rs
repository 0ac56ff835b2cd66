//! The strict reader in front of HTTP/1: nothing ambiguous reaches the parser behind it.
//!
//! hyper takes bare LF for a line's end, a missing or doubled Host, and Content-Length together
//! with Transfer-Encoding. The [`Gate`] stands between it and the client's bytes, follows the
//! framing itself, and passes on only what has one meaning.
//!
//! Promises: a head is passed on when it is complete and good, never before; nothing behind a
//! refused head or a broken body is passed on, so nothing of it is executed; a refused head is
//! replaced by a request that stands for the [`Refusal`], so that it is answered in its turn;
//! bytes behind a request to upgrade wait for its answer; a client that is too slow with a head is
//! found out here. A head that arrives whole costs one pass and no copy. The answers are left to
//! `request`.

mod chars;
mod chunked;
mod fields;
mod framing;
mod handle;
mod head;
mod host;
mod lease;
mod refusal;
mod request_line;
mod stream;

use http::Method;

pub(crate) use chunked::{Chunks, Piece};
pub(crate) use handle::Handle;
pub(crate) use lease::Lease;
pub(crate) use refusal::Refusal;
pub(crate) use stream::Gate;

use crate::settings::Head;

/// What the gate goes by on one connection.
#[derive(Clone, Debug)]
pub(crate) struct Rules {
    /// How large heads may be.
    pub(crate) head: Head,
    /// The connection is encrypted.
    pub(crate) secure: bool,
    /// How many bytes behind a refused request are read and thrown away.
    pub(crate) linger_bytes: usize,
}

/// Why the gate refused the request, when this is the method of one it refused. No client can send
/// such a method.
pub(crate) fn refusal(method: &Method) -> Option<&'static Refusal> {
    Refusal::of_method(method.as_str())
}

#[cfg(test)]
mod tests;
