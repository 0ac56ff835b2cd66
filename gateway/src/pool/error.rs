//! Why a request got no response: how far it came, and what went wrong.

use std::error::Error;
use std::fmt;
use std::io::ErrorKind;
use std::sync::Arc;

use http::Request;
use hyper::client::conn::TrySendError;

use super::http1::Broken;
use crate::connect::ConnectError;

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
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Cause {
    /// The endpoint refused the connection.
    #[error("connection refused")]
    Refused,
    /// It could not be reached: no route, no local port, no file descriptor.
    #[error("unreachable: {0}")]
    Unreachable(ErrorKind),
    /// No TCP connection within the time.
    #[error("connect timeout")]
    ConnectTimeout,
    /// TLS failed: certificate, name, protocol or time. The text is for the log.
    #[error("TLS: {0}")]
    Tls(Arc<str>),
    /// As many requests as may wait for a connection do so already.
    #[error("too many requests wait for a connection")]
    Overflow,
    /// No connection became free within the time.
    #[error("no connection became free in time")]
    PendingTimeout,
    /// The connection broke.
    #[error("the connection broke")]
    Closed,
    /// The stream was reset, with this HTTP/2 error code.
    #[error("the stream was reset: {}", h2::Reason::from(*.0))]
    Reset(u32),
    /// The connection was ended by GOAWAY.
    #[error("the connection was ended by GOAWAY")]
    GoAway,
    /// What came back was not a valid response. The text is for the log.
    #[error("malformed response: {0}")]
    Malformed(Arc<str>),
    /// Our side of the request body failed (the client went away).
    #[error("the request body broke off")]
    RequestBody,
    /// The pool is closing.
    #[error("the gateway is stopping")]
    Closing,
}

/// Why a response's body has no more to give, and is not at its end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BodyError {
    /// What an HTTP/1 connection brought.
    #[error(transparent)]
    Line(#[from] Broken),
    /// What hyper says of an HTTP/2 stream.
    #[error(transparent)]
    Stream(#[from] hyper::Error),
}

impl From<Broken> for Cause {
    fn from(broken: Broken) -> Self {
        match broken {
            Broken::Closed => Self::Closed,
            Broken::Malformed(why) => Self::Malformed(why.into()),
        }
    }
}

impl From<ConnectError> for Cause {
    fn from(error: ConnectError) -> Self {
        match error {
            ConnectError::Refused => Self::Refused,
            ConnectError::Unreachable(kind) | ConnectError::Exhausted(kind) => {
                Self::Unreachable(kind)
            }
            ConnectError::Timeout => Self::ConnectTimeout,
            ConnectError::Tls(text) => Self::Tls(text),
        }
    }
}

impl<B> SendError<B> {
    /// Nothing of `request` was touched.
    pub(super) fn untouched(cause: Cause, request: Request<B>) -> Self {
        Self { stage: Stage::NotSent, cause, request: Some(Box::new(request)) }
    }

    /// What hyper says of a request on an HTTP/2 connection.
    pub(super) fn http2(mut failed: TrySendError<Request<B>>, wrote: bool) -> Self {
        let request = failed.take_message().map(Box::new);
        let error = failed.into_error();
        let (stage, cause) = match source::<h2::Error>(&error) {
            Some(error) => of_h2(error),
            None => (Stage::Sent, Cause::Closed),
        };
        let untouched = request.is_some() || !wrote;
        Self { stage: if untouched { Stage::NotSent } else { stage }, cause, request }
    }
}

/// An error of h2 tells whether the backend looked at the stream: a GOAWAY shows up here only for
/// streams above its last one, the others go on and end by themselves.
fn of_h2(error: &h2::Error) -> (Stage, Cause) {
    let reason = error.reason().unwrap_or(h2::Reason::INTERNAL_ERROR);
    match (error.is_reset(), error.is_go_away(), error.is_remote()) {
        (true, _, true) if reason == h2::Reason::REFUSED_STREAM => {
            (Stage::Unprocessed, Cause::Reset(reason.into()))
        }
        (true, _, true) => (Stage::Sent, Cause::Reset(reason.into())),
        (_, true, true) => (Stage::Unprocessed, Cause::GoAway),
        // We reset streams ourselves when their request body fails, and for what h2 finds wrong.
        (true, _, false) if !error.is_library() => (Stage::Sent, Cause::RequestBody),
        _ if error.is_io() => (Stage::Sent, Cause::Closed),
        // Wrong on the connection, and perhaps by the doing of another stream.
        _ => (Stage::Sent, Cause::Malformed(text_of(error))),
    }
}

/// An error and what it came from, on one line.
fn text_of(error: &(dyn Error + 'static)) -> Arc<str> {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(error) = next {
        text.push_str(": ");
        text.push_str(&error.to_string());
        next = error.source();
    }
    text.into()
}

/// The first cause of a type.
fn source<'e, E: Error + 'static>(error: &'e (dyn Error + 'static)) -> Option<&'e E> {
    let mut next = error.source();
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        next = error.source();
    }
    None
}

impl<B> fmt::Debug for SendError<B> {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let untouched = self.request.is_some();
        write!(to, "{:?}: {:?} (untouched: {untouched})", self.stage, self.cause)
    }
}
