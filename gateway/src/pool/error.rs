//! Why a request got no response: how far it came, and what went wrong.

use std::fmt;

use http::Request;

/// A request that got no response head.
pub(crate) struct SendError<B> {
    /// How far it came: what the retry law asks.
    pub(crate) stage: Stage,
    /// What went wrong.
    pub(crate) cause: Cause,
    /// The request itself, when none of it was touched. With `Stage::NotSent` it may still be
    /// missing: then nothing was written, but the body must be replayed from elsewhere.
    pub(crate) request: Option<Box<Request<B>>>,
}

/// How far a request came (RFC 9110 §9.2.2, lossless retry law).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// No byte of it was written: any method may be tried again.
    NotSent,
    /// Written, and the backend says that it did nothing with it (REFUSED_STREAM, or above a
    /// GOAWAY's last stream): any method may be tried again.
    Unprocessed,
    /// Written at least in part, no byte of a response: idempotent methods, once.
    Sent,
    /// A response had begun, or was not HTTP: never again.
    ResponseStarted,
}

/// What went wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    /// The endpoint refused the connection.
    Refused,
    /// It could not be reached: no route, no local port, no file descriptor.
    Unreachable(std::io::ErrorKind),
    /// No TCP connection within the time.
    ConnectTimeout,
    /// TLS failed: certificate, name, protocol or time. The text is for the log.
    Tls(String),
    /// As many requests as may wait for a connection do so already.
    Overflow,
    /// No connection became free within the time.
    PendingTimeout,
    /// The connection broke.
    Closed,
    /// The stream was reset, with this HTTP/2 error code.
    Reset(u32),
    /// The connection was ended by GOAWAY.
    GoAway,
    /// What came back was not a valid response. The text is for the log.
    Malformed(String),
    /// Our side of the request body failed (the client went away).
    RequestBody,
    /// The pool is closing.
    Closing,
}

impl fmt::Display for Cause {
    fn fmt(&self, _to: &mut fmt::Formatter<'_>) -> fmt::Result {
        unimplemented!("lands next")
    }
}
