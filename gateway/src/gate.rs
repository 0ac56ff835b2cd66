//! The strict reader in front of HTTP/1: nothing ambiguous reaches the parser behind it.

mod refusal;

use http::Method;

pub(crate) use refusal::Refusal;

/// A connection's way to tell its gate how an upgrade request was answered. Until then the gate
/// holds back what the client sent behind the request's head.
#[derive(Clone, Debug)]
pub(crate) struct Handle(());

impl Handle {
    /// The answer is 101: what follows is no HTTP and passes unread.
    pub(crate) fn upgraded(&self) {
        unimplemented!("lands next")
    }

    /// Any other answer: what follows is the next request.
    pub(crate) fn not_upgraded(&self) {
        unimplemented!("lands next")
    }
}

/// Why the gate refused the request, when this is the method of one it refused. No client can send
/// such a method.
pub(crate) fn refusal(method: &Method) -> Option<Refusal> {
    Refusal::of_method(method.as_str())
}
