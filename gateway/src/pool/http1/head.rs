//! The head of a response, and what it says of the body (RFC 9112 §4, §6.3).
//!
//! Promises: a head that could be read in two ways, or was not asked for, is refused: another
//! reader might see the message end elsewhere.

use std::mem::MaybeUninit;
use std::ops::Range;

use bytes::{Bytes, BytesMut};
use http::header::{CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, Version};
use httparse::{Header, ParserConfig, Status};
use hyper::ext::ReasonPhrase;
use smallvec::SmallVec;

/// Most fields of a head or of trailers: as many as are parsed without memory of their own.
pub(super) const MOST_FIELDS: usize = 100;

/// A response without its body.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) response: Response<()>,
    pub(super) length: Length,
    /// The endpoint takes another request on this connection, once this response has ended.
    pub(super) keep_alive: bool,
}

/// How the end of a response's body is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Length {
    /// By a number of bytes.
    Known(u64),
    /// By the last chunk.
    Chunked,
    /// By the end of the connection.
    UntilClose,
}

/// What matters of the request for its response.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Asked {
    /// It was HEAD: there is no body, whatever the head says.
    pub(super) head_only: bool,
    /// It asked for an upgrade.
    pub(super) upgrade: bool,
}

/// Takes the head that `bytes` begin with; `None` when its end has not come.
pub(super) fn take(bytes: &mut BytesMut, asked: Asked) -> Result<Option<Head>, &'static str> {
    let mut room = [const { MaybeUninit::uninit() }; MOST_FIELDS];
    let mut parsed = httparse::Response::new(&mut []);
    let config = ParserConfig::default();
    let status = config.parse_response_with_uninit_headers(&mut parsed, bytes, &mut room);
    let Status::Complete(end) = status.map_err(why)? else { return Ok(None) };
    let code = parsed.code.and_then(|code| StatusCode::from_u16(code).ok());
    let code = code.ok_or("no status code")?;
    let version = if parsed.version == Some(0) { Version::HTTP_10 } else { Version::HTTP_11 };
    let reason = parsed.reason.filter(|reason| code.canonical_reason() != Some(reason));
    let reason = reason.and_then(|reason| ReasonPhrase::try_from(reason.as_bytes()).ok());
    let places = places(bytes, parsed.headers);
    let fields = fields(&bytes.split_to(end).freeze(), &places)?;
    let (length, keep_alive) = judge(&fields, code, version, asked)?;
    let mut response = Response::new(());
    *response.status_mut() = code;
    *response.version_mut() = version;
    *response.headers_mut() = fields;
    if let Some(reason) = reason {
        response.extensions_mut().insert(reason);
    }
    Ok(Some(Head { response, length, keep_alive }))
}

/// Takes the trailers that `bytes` begin with (RFC 9112 §7.1.2); `None` when their end has not
/// come.
pub(super) fn take_trailers(bytes: &mut BytesMut) -> Result<Option<HeaderMap>, &'static str> {
    let mut room = [httparse::EMPTY_HEADER; MOST_FIELDS];
    let parsed = httparse::parse_headers(bytes, &mut room).map_err(why)?;
    let Status::Complete((end, headers)) = parsed else { return Ok(None) };
    let places = places(bytes, headers);
    fields(&bytes.split_to(end).freeze(), &places).map(Some)
}

/// Where the name and the value of each field stand.
type Places = SmallVec<[(Range<usize>, Range<usize>); 32]>;

fn places(bytes: &[u8], headers: &[Header<'_>]) -> Places {
    let begin = bytes.as_ptr().addr();
    let place = |part: &[u8]| {
        let from = part.as_ptr().addr() - begin;
        from..from + part.len()
    };
    headers.iter().map(|one| (place(one.name.as_bytes()), place(one.value))).collect()
}

/// The fields, whose values are parts of `head` and no copies.
fn fields(head: &Bytes, places: &Places) -> Result<HeaderMap, &'static str> {
    let mut fields = HeaderMap::with_capacity(places.len());
    for (name, value) in places {
        let name = HeaderName::from_bytes(&head[name.clone()]).map_err(|_| "a field's name")?;
        let value = HeaderValue::from_maybe_shared(head.slice(value.clone()));
        fields.append(name, value.map_err(|_| "a field's value")?);
    }
    Ok(fields)
}

/// How the body's end is told, and whether the connection goes on after it.
fn judge(
    fields: &HeaderMap,
    code: StatusCode,
    version: Version,
    asked: Asked,
) -> Result<(Length, bool), &'static str> {
    if code == StatusCode::SWITCHING_PROTOCOLS {
        let asked = asked.upgrade.then_some((Length::Known(0), false));
        return asked.ok_or("101 that nobody asked for");
    }
    let said = said(fields, version)?;
    let none = asked.head_only
        || code.is_informational()
        || matches!(code, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
    let length = if none { Length::Known(0) } else { said };
    Ok((length, length != Length::UntilClose && keeps_alive(fields, version)))
}

/// What the fields say of the length.
fn said(fields: &HeaderMap, version: Version) -> Result<Length, &'static str> {
    let mut lengths = fields.get_all(CONTENT_LENGTH).iter();
    let length = lengths.next();
    if lengths.next().is_some() {
        return Err("more than one Content-Length");
    }
    let mut encodings = fields.get_all(TRANSFER_ENCODING).iter();
    let Some(encoding) = encodings.next() else {
        return length.map_or(Ok(Length::UntilClose), |length| {
            number(length.as_bytes()).map(Length::Known).ok_or("Content-Length is no number")
        });
    };
    match (encodings.next(), length, encoding.as_bytes().eq_ignore_ascii_case(b"chunked")) {
        (Some(_), ..) => Err("more than one Transfer-Encoding"),
        (None, Some(_), _) => Err("Transfer-Encoding and Content-Length"),
        (None, None, false) => Err("unknown Transfer-Encoding"),
        (None, None, true) if version == Version::HTTP_10 => Err("Transfer-Encoding in HTTP/1.0"),
        (None, None, true) => Ok(Length::Chunked),
    }
}

/// Digits and nothing else.
fn number(text: &[u8]) -> Option<u64> {
    let digits = !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    std::str::from_utf8(text).ok().filter(|_| digits)?.parse().ok()
}

/// RFC 9112 §9.3: HTTP/1.1 goes on unless it says `close`, HTTP/1.0 ends unless it says
/// `keep-alive`.
fn keeps_alive(fields: &HeaderMap, version: Version) -> bool {
    let mut keeps = version == Version::HTTP_11;
    for value in fields.get_all(CONNECTION) {
        for option in value.as_bytes().split(|byte| *byte == b',').map(<[u8]>::trim_ascii) {
            if option.eq_ignore_ascii_case(b"close") {
                return false;
            }
            keeps |= option.eq_ignore_ascii_case(b"keep-alive");
        }
    }
    keeps
}

fn why(error: httparse::Error) -> &'static str {
    match error {
        httparse::Error::HeaderName => "a field's name",
        httparse::Error::HeaderValue => "a field's value",
        httparse::Error::NewLine => "the end of a line",
        httparse::Error::Status => "no status code",
        httparse::Error::TooManyHeaders => "too many fields",
        httparse::Error::Version => "no HTTP/1",
        httparse::Error::Token => "no status line",
    }
}

#[cfg(test)]
mod tests;
