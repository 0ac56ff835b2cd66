//! gRPC without generated code: messages are copied, never decoded.
//!
//! Calls follow gRPC over HTTP/2 (PROTOCOL-HTTP2.md): each message is a flag byte, four bytes of
//! length, and its bytes; the status comes in the trailers. Which kind of call it is says the name
//! of the method.

use std::io;

use bytes::{Buf, Bytes, BytesMut};
use futures::{Stream, StreamExt, stream};
use http::header::{CONTENT_TYPE, TRAILER};
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body_util::BodyExt;
use hyper::body::{Frame, Incoming};

use super::body::{self, Body};

const STATUS: &str = "grpc-status";
const MESSAGE: &str = "grpc-message";
/// Codes of `google.rpc.Code`.
const OK: u32 = 0;
const UNIMPLEMENTED: u32 = 12;
const INTERNAL: u32 = 13;
/// How often `ServerStream` repeats the message.
const REPEATS: usize = 5;
/// Flag and length before each message.
const PREFIX: usize = 5;
/// The largest message that gRPC's own servers take by default.
const MAX_MESSAGE: usize = 4 * 1024 * 1024;

pub(super) fn is_call(headers: &HeaderMap) -> bool {
    headers.get(CONTENT_TYPE).is_some_and(|value| value.as_bytes().starts_with(b"application/grpc"))
}

pub(super) fn answer(request: Request<Incoming>, name: &str) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let asked = parts.headers.get("echo-status").and_then(|value| value.to_str().ok());
    let status = asked.and_then(|value| value.parse().ok()).unwrap_or(OK);
    let messages = Messages { body, buffer: BytesMut::new() }.into_stream();
    let method = parts.uri.path().rsplit('/').next().unwrap_or_default();
    let frames = match method {
        "Unary" => finished(messages.take(1), status),
        "BidiStream" => finished(messages, status),
        "ServerStream" => {
            let repeated = messages.take(1).flat_map(|message| {
                let message = message.map_err(|error| error.kind());
                stream::repeat(message).take(REPEATS).map(|one| one.map_err(io::Error::from))
            });
            finished(repeated, status)
        }
        "ClientStream" => finished(stream::once(joined(messages)), status),
        _ => finished(stream::empty(), UNIMPLEMENTED),
    };
    let mut response = Response::new(frames);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    headers.insert(TRAILER, HeaderValue::from_static("grpc-status, grpc-message"));
    if let Ok(name) = HeaderValue::from_str(name) {
        headers.insert("echo-name", name);
    }
    response
}

/// Splits a body into messages.
struct Messages {
    body: Incoming,
    buffer: BytesMut,
}

impl Messages {
    /// Each message with its prefix. A body that ends within a message is an error.
    fn into_stream(self) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static {
        stream::unfold(self, |mut messages| async move {
            match messages.next().await {
                Ok(None) => None,
                Ok(Some(message)) => Some((Ok(message), messages)),
                Err(error) => Some((Err(error), messages)),
            }
        })
    }

    async fn next(&mut self) -> io::Result<Option<Bytes>> {
        loop {
            if let Some(message) = first(&mut self.buffer)? {
                return Ok(Some(message));
            }
            match self.body.frame().await {
                Some(Ok(frame)) => {
                    self.buffer.extend_from_slice(frame.data_ref().map_or(&[][..], |data| data));
                }
                Some(Err(error)) => return Err(io::Error::other(error)),
                None if self.buffer.is_empty() => return Ok(None),
                None => return Err(io::ErrorKind::UnexpectedEof.into()),
            }
        }
    }
}

/// Takes the first whole message, prefix included, out of what has come.
fn first(buffer: &mut BytesMut) -> io::Result<Option<Bytes>> {
    let Some(prefix) = buffer.get(1..PREFIX) else { return Ok(None) };
    let len = u32::from_be_bytes(prefix.try_into().expect("four bytes")) as usize;
    if len > MAX_MESSAGE {
        return Err(io::Error::other("the message is too large"));
    }
    let whole = PREFIX + len;
    Ok((buffer.len() >= whole).then(|| buffer.split_to(whole).freeze()))
}

/// One message of all: encodings of one protobuf type may be put behind each other, which joins
/// their repeated fields.
async fn joined(messages: impl Stream<Item = io::Result<Bytes>>) -> io::Result<Bytes> {
    let mut messages = std::pin::pin!(messages);
    let mut content = BytesMut::new();
    while let Some(message) = messages.next().await {
        let mut message = message?;
        message.advance(PREFIX);
        if content.len() + message.len() > MAX_MESSAGE {
            return Err(io::Error::other("the messages are too large"));
        }
        content.extend_from_slice(&message);
    }
    let mut framed = BytesMut::with_capacity(PREFIX + content.len());
    framed.extend_from_slice(&[0]);
    framed.extend_from_slice(&u32::try_from(content.len()).expect("at most 4 MiB").to_be_bytes());
    framed.extend_from_slice(&content);
    Ok(framed.freeze())
}

/// Messages, then the trailers with the status: what was asked for, or what went wrong first.
fn finished(messages: impl Stream<Item = io::Result<Bytes>> + Send + 'static, status: u32) -> Body {
    let state = Some(Box::pin(messages));
    body::streamed(stream::unfold(state, move |state| async move {
        let mut messages = state?;
        Some(match messages.next().await {
            Some(Ok(message)) => (Ok(Frame::data(message)), Some(messages)),
            Some(Err(error)) => (Ok(trailers(INTERNAL, &error.to_string())), None),
            None => (Ok(trailers(status, "")), None),
        })
    }))
}

fn trailers(status: u32, message: &str) -> Frame<Bytes> {
    let mut trailers = HeaderMap::new();
    trailers.insert(STATUS, HeaderValue::from(status));
    if let Ok(message) = HeaderValue::from_str(message)
        && !message.is_empty()
    {
        trailers.insert(MESSAGE, message);
    }
    Frame::trailers(trailers)
}

#[cfg(test)]
mod tests {
    use bytes::BytesMut;

    use super::first;

    #[test]
    fn a_message_is_taken_only_when_it_is_whole() {
        let mut buffer = BytesMut::from(&[0, 0, 0, 0, 2, b'a'][..]);
        assert_eq!(first(&mut buffer).unwrap(), None);
        buffer.extend_from_slice(b"b\0");
        assert_eq!(first(&mut buffer).unwrap().unwrap(), &[0, 0, 0, 0, 2, b'a', b'b'][..]);
        assert_eq!(buffer, &[0][..]);
    }

    #[test]
    fn a_length_beyond_reason_is_refused() {
        let mut buffer = BytesMut::from(&[0, 0xff, 0xff, 0xff, 0xff][..]);
        assert!(first(&mut buffer).is_err());
    }
}
