//! Answers of our own: failures, redirects, preflights.
//!
//! Bodies are one line of text. A gRPC client gets every failure as 200 with a status in the
//! head and nothing behind it (trailers-only). Where the framing of a request is in doubt its
//! connection closes behind the answer.

use std::time::Instant;

use http::header::{
    ALLOW, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HeaderName, HeaderValue, LOCATION, RETRY_AFTER,
};
use http::{HeaderMap, Method, Response, StatusCode};

use crate::failure::Failure;
use crate::filter::Preflight;
use crate::finish::{Body, Finish};
use crate::gate::Refusal;

const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");
const GRPC_MESSAGE: HeaderName = HeaderName::from_static("grpc-message");
const CLOSE: HeaderValue = HeaderValue::from_static("close");

/// What kind of answer a request can take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// Text.
    Plain,
    /// A head only.
    Head,
    /// A gRPC status.
    Grpc,
}

impl Shape {
    /// Of a request with this head.
    pub(super) fn of(method: &Method, headers: &HeaderMap) -> Self {
        if is_grpc(headers) {
            Self::Grpc
        } else if method == Method::HEAD {
            Self::Head
        } else {
            Self::Plain
        }
    }
}

/// Whether the request is a gRPC call, of whatever encoding.
pub(super) fn is_grpc(headers: &HeaderMap) -> bool {
    headers.get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"application/grpc"))
}

/// The answer to a request that failed.
pub(super) fn failure(mut finish: Finish, failure: Failure, shape: Shape) -> Response<Body> {
    finish.fails(failure);
    let row = failure.row();
    if shape == Shape::Grpc {
        return grpc(finish, row.grpc, row.text);
    }
    let mut response = text(finish, row.status, row.text, shape);
    let headers = response.headers_mut();
    if let Some(seconds) = failure.retry_after() {
        headers.insert(RETRY_AFTER, HeaderValue::from_static(seconds));
    }
    match failure {
        Failure::MethodRefused => {
            // RFC 9110 §15.5.6 wants the field; what else is allowed is up to the route.
            headers.insert(ALLOW, HeaderValue::from_static("GET, HEAD, POST, OPTIONS"));
        }
        Failure::BadBody | Failure::ClientSlow | Failure::ClientGone | Failure::Malformed => {
            headers.insert(CONNECTION, CLOSE);
        }
        _ => {}
    }
    response
}

/// The answer to a request that the gate did not let through.
pub(super) fn refusal(mut finish: Finish, refusal: &Refusal) -> Response<Body> {
    finish.fails(Failure::Malformed);
    finish.flags(refusal.flag);
    let mut response = text(finish, refusal.status, refusal.text, Shape::Plain);
    response.headers_mut().insert(CONNECTION, CLOSE);
    response
}

/// A redirect.
pub(super) fn redirect(
    finish: Finish,
    status: StatusCode,
    location: HeaderValue,
    shape: Shape,
) -> Response<Body> {
    let mut response = text(finish, status, status.canonical_reason().unwrap_or_default(), shape);
    response.headers_mut().insert(LOCATION, location);
    response
}

/// The answer to a preflight.
pub(super) fn preflight(mut finish: Finish, answer: Preflight) -> Response<Body> {
    finish.answers(answer.status, Instant::now());
    let mut response = Response::new(Body::empty(finish));
    *response.status_mut() = answer.status;
    *response.headers_mut() = answer.headers;
    response
}

fn text(
    mut finish: Finish,
    status: StatusCode,
    line: &'static str,
    shape: Shape,
) -> Response<Body> {
    finish.answers(status, Instant::now());
    let line = format!("{line}\n");
    let length = HeaderValue::from(line.len());
    let body = if shape == Shape::Head { Body::empty(finish) } else { Body::text(finish, line) };
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(CONTENT_LENGTH, length);
    response
}

fn grpc(mut finish: Finish, status: u8, message: &'static str) -> Response<Body> {
    finish.answers(StatusCode::OK, Instant::now());
    let mut response = Response::new(Body::empty(finish));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    headers.insert(GRPC_STATUS, HeaderValue::from(u16::from(status)));
    headers.insert(GRPC_MESSAGE, HeaderValue::from_static(message));
    response
}
