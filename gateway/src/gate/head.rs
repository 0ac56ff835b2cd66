//! A request's head, read once and strictly while it arrives: syntax of every line, and the fields
//! that decide where the message ends (RFC 9112 §6).
//!
//! Nothing is copied or allocated: the caller gives the same bytes again, and more, until the head
//! is complete; lines that were read are not read again.

use std::ops::Range;

use super::chars;
use super::fields::{self, Line, Progress};
use super::refusal::{self, Refusal};
use super::request_line::{self, RequestLine};
use super::{Rules, host};

/// Reads one head.
#[derive(Debug, Default)]
pub(super) struct HeadReader {
    /// Where the first line begins that is not read yet.
    at: usize,
    /// How far that line was read.
    line: Progress,
    /// An empty line before the request line was skipped (RFC 9112 §2.2).
    skipped: bool,
    request_line: Option<RequestLine>,
    facts: Facts,
}

/// What the fields said.
#[derive(Debug, Default)]
struct Facts {
    fields: usize,
    host: Option<Range<usize>>,
    length: Option<u64>,
    chunked: bool,
    expects: bool,
    close: bool,
    keep_alive: bool,
    /// `Connection: upgrade`.
    upgrade: bool,
    /// `Upgrade: websocket`.
    websocket: bool,
}

/// A complete head.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Head {
    /// Bytes, the empty line at the end included.
    pub(super) len: usize,
    /// What follows it.
    pub(super) body: Body,
    /// No request follows on this connection.
    pub(super) last: bool,
    /// What follows may be no HTTP, if the answer is 101.
    pub(super) upgrade: bool,
}

/// How a body is framed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Body {
    /// So many bytes, perhaps none.
    Sized(u64),
    /// Chunks.
    Chunked,
}

impl HeadReader {
    /// Reads on. `bytes` begin where the head begins and go further than the last time; `None`
    /// when the head is not complete.
    pub(super) fn read(
        &mut self,
        bytes: &[u8],
        rules: &Rules,
    ) -> Result<Option<Head>, &'static Refusal> {
        // What lies beyond the limit is not looked at, so that the same head is judged alike
        // however it arrives.
        let window = &bytes[..bytes.len().min(rules.head.bytes + 1)];
        let complete = self.lines(window, rules)?;
        if complete && self.at <= rules.head.bytes {
            return self.end(window).map(Some);
        }
        if window.len() > rules.head.bytes { Err(&refusal::HEAD_LENGTH) } else { Ok(None) }
    }

    /// Reads lines; true when the last one was the empty one.
    fn lines(&mut self, bytes: &[u8], rules: &Rules) -> Result<bool, &'static Refusal> {
        if self.request_line.is_none() && !self.first_line(bytes, rules)? {
            return Ok(false);
        }
        loop {
            match fields::line(&bytes[self.at..], &mut self.line)? {
                Line::More => return Ok(false),
                Line::End => {
                    self.at += 2;
                    return Ok(true);
                }
                Line::Field { name, value, len } => {
                    let value_at = self.at + name.len() + 1;
                    self.facts.field(name, value, value_at)?;
                    if self.facts.fields > rules.head.fields {
                        return Err(&refusal::FIELDS);
                    }
                    self.at += len;
                }
            }
        }
    }

    fn first_line(&mut self, bytes: &[u8], rules: &Rules) -> Result<bool, &'static Refusal> {
        if !self.skipped && matches!(bytes.first(), Some(b'\r' | b'\n')) {
            if !fields::line_ends(bytes, &refusal::METHOD)? {
                return Ok(false);
            }
            self.skipped = true;
            self.at = 2;
        }
        if self.skipped && matches!(bytes.get(self.at), Some(b'\r' | b'\n')) {
            return Err(&refusal::LEADING_LINES);
        }
        let line = request_line::parse(&bytes[self.at..], &rules.head, rules.secure)?;
        let Some(line) = line else { return Ok(false) };
        self.at += line.len;
        self.request_line = Some(line);
        Ok(true)
    }

    fn end(&self, bytes: &[u8]) -> Result<Head, &'static Refusal> {
        let line = self.request_line.as_ref().expect("the first line is read before the fields");
        let begin = if self.skipped { 2 } else { 0 };
        let line_text = &bytes[begin..begin + line.len];
        let facts = &self.facts;
        match (&facts.host, &line.authority) {
            (None, _) if !line.old => return Err(&refusal::HOST_MISSING),
            (Some(host), Some(authority))
                if !bytes[host.clone()].eq_ignore_ascii_case(&line_text[authority.clone()]) =>
            {
                return Err(&refusal::HOST_DIFFERS);
            }
            _ => {}
        }
        let method = &line_text[line.method.clone()];
        let body = facts.body(line.old, method)?;
        let upgrade = facts.upgrade && facts.websocket && !line.old && method == b"GET";
        if upgrade && body != Body::Sized(0) {
            return Err(&refusal::UPGRADE_BODY);
        }
        let last = facts.close || (line.old && !facts.keep_alive);
        Ok(Head { len: self.at, body, last, upgrade })
    }
}

impl Facts {
    /// Takes in a field; `value_at` is where its value begins in the head.
    #[inline]
    fn field(
        &mut self,
        name: &[u8],
        value: &[u8],
        value_at: usize,
    ) -> Result<(), &'static Refusal> {
        self.fields += 1;
        let is = |known: &[u8]| name.eq_ignore_ascii_case(known);
        match name.len() {
            4 if is(b"host") => self.host(value, value_at),
            6 if is(b"expect") => self.expect(value),
            7 if is(b"upgrade") => {
                let mut tokens = fields::trim(value).split(|&byte| byte == b',');
                self.websocket |=
                    tokens.any(|token| fields::trim(token).eq_ignore_ascii_case(b"websocket"));
                Ok(())
            }
            10 if is(b"connection") => self.connection(value),
            14 if is(b"content-length") => self.length(value),
            17 if is(b"transfer-encoding") => self.coding(value),
            _ => Ok(()),
        }
    }

    fn host(&mut self, value: &[u8], value_at: usize) -> Result<(), &'static Refusal> {
        let text = fields::trim(value);
        if self.host.is_some() {
            return Err(&refusal::HOST_REPEATED);
        }
        if !host::valid(text) {
            return Err(&refusal::HOST);
        }
        let begin = value_at + value.len() - value.trim_ascii_start().len();
        self.host = Some(begin..begin + text.len());
        Ok(())
    }

    fn expect(&mut self, value: &[u8]) -> Result<(), &'static Refusal> {
        let known = fields::trim(value).eq_ignore_ascii_case(b"100-continue");
        if !known || std::mem::replace(&mut self.expects, true) {
            return Err(&refusal::EXPECTATION);
        }
        Ok(())
    }

    fn connection(&mut self, value: &[u8]) -> Result<(), &'static Refusal> {
        for option in value.split(|&byte| byte == b',').map(fields::trim) {
            if chars::span(chars::TOKEN, option) != option.len() {
                return Err(&refusal::CONNECTION);
            }
            self.close |= option.eq_ignore_ascii_case(b"close");
            self.keep_alive |= option.eq_ignore_ascii_case(b"keep-alive");
            self.upgrade |= option.eq_ignore_ascii_case(b"upgrade");
        }
        Ok(())
    }

    /// Stricter than RFC 9112 §6.2: no list, no repetition, no leading zero, one space at most.
    fn length(&mut self, value: &[u8]) -> Result<(), &'static Refusal> {
        let digits = value.strip_prefix(b" ").unwrap_or(value);
        let plain = digits.iter().all(u8::is_ascii_digit) && !digits.starts_with(b"0");
        if self.length.is_some() {
            return Err(&refusal::LENGTH_REPEATED);
        }
        // 18 digits are an exabyte and cannot overflow.
        if digits != b"0" && !(plain && (1..=18).contains(&digits.len())) {
            return Err(&refusal::LENGTH);
        }
        let number = digits.iter().fold(0, |sum, digit| sum * 10 + u64::from(digit - b'0'));
        self.length = Some(number);
        Ok(())
    }

    /// Only `chunked` alone is understood everywhere in the same way.
    fn coding(&mut self, value: &[u8]) -> Result<(), &'static Refusal> {
        let name = value.strip_prefix(b" ").unwrap_or(value);
        if std::mem::replace(&mut self.chunked, true) {
            return Err(&refusal::CODING_REPEATED);
        }
        if name.eq_ignore_ascii_case(b"chunked") { Ok(()) } else { Err(&refusal::CODING) }
    }

    fn body(&self, old: bool, method: &[u8]) -> Result<Body, &'static Refusal> {
        match (self.chunked, self.length) {
            (true, Some(_)) => Err(&refusal::TWO_FRAMINGS),
            (true, None) if old => Err(&refusal::CODING_IN_10),
            (true, None) => Ok(Body::Chunked),
            // RFC 1945 §7.2.2: such a body would end with the connection, or be lost.
            (false, None) if old && matches!(method, b"POST" | b"PUT" | b"PATCH") => {
                Err(&refusal::LENGTH_MISSING)
            }
            (false, length) => Ok(Body::Sized(length.unwrap_or(0))),
        }
    }
}
