//! The request line (RFC 9112 §3), read strictly.

use std::ops::Range;

use super::chars::{self, METHOD, PATH, QUERY};
use super::fields::line_ends;
use super::host;
use super::refusal::{self, METHOD_MOST, Refusal};
use crate::settings::Head;

/// What a request line says that decides how to read on. Ranges are offsets into it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RequestLine {
    pub(super) method: Range<usize>,
    /// The host and port of a target in absolute form.
    pub(super) authority: Option<Range<usize>>,
    /// HTTP/1.0, not 1.1.
    pub(super) old: bool,
    /// CR LF included.
    pub(super) len: usize,
}

/// Reads the line that `bytes` begin with; `None` when its end has not arrived. `secure`: the
/// connection is encrypted, and so must be the scheme of a target in absolute form.
pub(super) fn parse(
    bytes: &[u8],
    limits: &Head,
    secure: bool,
) -> Result<Option<RequestLine>, &'static Refusal> {
    let method = chars::span(METHOD, bytes);
    if method > limits.method.min(METHOD_MOST) {
        return Err(&refusal::METHOD);
    }
    let Some(&after) = bytes.get(method) else { return Ok(None) };
    if after != b' ' || method == 0 {
        return Err(if after == b'\n' { &refusal::BARE_LF } else { &refusal::METHOD });
    }
    if &bytes[..method] == b"CONNECT" {
        return Err(&refusal::CONNECT);
    }
    let begin = method + 1;
    // What lies beyond the limit is not looked at: the same line is judged alike however it
    // arrives.
    let window = &bytes[begin..bytes.len().min(begin + limits.uri + 1)];
    let Some(target) = target(window, &bytes[..method], secure)? else {
        let long = window.len() > limits.uri;
        return if long { Err(&refusal::TARGET_LENGTH) } else { Ok(None) };
    };
    let version = begin + target.len + 1;
    let Some(old) = version_ends_line(&bytes[version..])? else { return Ok(None) };
    Ok(Some(RequestLine {
        method: 0..method,
        authority: target.authority.map(|range| begin + range.start..begin + range.end),
        old,
        len: version + VERSION_LINE,
    }))
}

struct Target {
    len: usize,
    authority: Option<Range<usize>>,
}

/// The target that `bytes` begin with, a space behind it; `None` when that has not arrived.
fn target(bytes: &[u8], method: &[u8], secure: bool) -> Result<Option<Target>, &'static Refusal> {
    let Some(&first) = bytes.first() else { return Ok(None) };
    let mut authority = None;
    let mut len = 0;
    if first == b'*' {
        len = 1;
        if method != b"OPTIONS" {
            return Err(&refusal::TARGET);
        }
    } else if first != b'/' {
        let scheme: &[u8] = if secure { b"https://" } else { b"http://" };
        let given = &bytes[..bytes.len().min(scheme.len())];
        if !given.eq_ignore_ascii_case(&scheme[..given.len()]) {
            return Err(&refusal::TARGET);
        }
        let Some(rest) = bytes.get(scheme.len()..) else { return Ok(None) };
        len = scheme.len() + host::span(rest);
        authority = Some(scheme.len()..len);
    }
    if first != b'*' && matches!(bytes.get(len), Some(b'/' | b'?')) {
        len += chars::span(PATH, &bytes[len..]);
        if bytes.get(len) == Some(&b'?') {
            len += chars::span(QUERY, &bytes[len..]);
        }
    }
    match bytes.get(len) {
        None => Ok(None),
        Some(b' ') => match &authority {
            Some(range) if !host::valid(&bytes[range.clone()]) => Err(&refusal::TARGET),
            _ => Ok(Some(Target { len, authority })),
        },
        Some(b'\n') => Err(&refusal::BARE_LF),
        Some(_) => Err(&refusal::TARGET),
    }
}

const VERSION_LINE: usize = b"HTTP/1.1\r\n".len();

/// Whether the version is 1.0; `None` when the line's end has not arrived.
fn version_ends_line(bytes: &[u8]) -> Result<Option<bool>, &'static Refusal> {
    let known = b"HTTP/";
    let name = &bytes[..bytes.len().min(known.len())];
    if name != &known[..name.len()] {
        return Err(&refusal::VERSION);
    }
    let Some((&number, end)) = bytes[name.len()..].split_first_chunk::<3>() else {
        let lf = bytes.contains(&b'\n');
        return if lf { Err(&refusal::VERSION) } else { Ok(None) };
    };
    let old = match &number {
        b"1.1" => false,
        b"1.0" => true,
        [b'0'..=b'9', b'.', b'0'..=b'9'] => return Err(&refusal::VERSION_UNKNOWN),
        _ => return Err(&refusal::VERSION),
    };
    Ok(line_ends(end, &refusal::VERSION)?.then_some(old))
}
