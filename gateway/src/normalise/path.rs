//! Paths: one spelling for every path.
//!
//! The canonical form is RFC 3986's, with one slash for many:
//! - dot segments are resolved, `%2E` counting as `.` (§6.2.2.3); a path that climbs above its
//!   root is refused, as no client sends one;
//! - escapes of unreserved characters are decoded, once; the others have upper-case digits
//!   (§6.2.2.1, §6.2.2.2); what must not stand in a path but does in the wild (`"<>[]^{|}` and the
//!   backtick) is encoded;
//! - runs of slashes are one slash, before dot segments are resolved. Most servers read them so,
//!   no rule of the Gateway API can name a path with `//`, and if they were kept, `//admin` would
//!   pass by the rule for `/admin` and still be `/admin` to the backend;
//! - encoded separators, encoded controls, raw backslashes, overlong UTF-8 and dot segments with
//!   parameters (`/..;/`) are refused: each is a way to be one path here and another behind us.

use std::borrow::Cow;

use super::Refused;

/// What a byte of a path is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    /// RFC 3986 unreserved: an escape of it is decoded.
    Unreserved,
    /// The rest of `pchar`: an escape of it means something else than the character.
    Reserved,
    Slash,
    Percent,
    /// Encoded where it stands raw.
    Encode,
    Refuse,
}

const CLASS: [Class; 256] = {
    let mut table = [Class::Refuse; 256];
    let mut byte = 0;
    while byte < 128 {
        table[byte] = match byte as u8 {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                Class::Unreserved
            }
            b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b',' | b';' | b'=' | b':'
            | b'@' => Class::Reserved,
            b'"' | b'<' | b'>' | b'[' | b']' | b'^' | b'`' | b'{' | b'|' | b'}' => Class::Encode,
            b'/' => Class::Slash,
            b'%' => Class::Percent,
            _ => Class::Refuse,
        };
        byte += 1;
    }
    table
};

/// The canonical form of a request's path, without its query.
///
/// # Errors
/// When the path has no canonical form that every server reads the same.
pub(crate) fn path(text: &str) -> Result<Cow<'_, str>, Refused> {
    if is_plain(text.as_bytes()) {
        return Ok(Cow::Borrowed(text));
    }
    let canonical = rewrite(text)?;
    Ok(if canonical == text { Cow::Borrowed(text) } else { Cow::Owned(canonical) })
}

/// Whether a path is canonical by a look at each byte; those with escapes need the second look.
fn is_plain(text: &[u8]) -> bool {
    let Some((b'/', rest)) = text.split_first() else { return false };
    let mut after_slash = true;
    for &byte in rest {
        match CLASS[usize::from(byte)] {
            // A dot that begins a segment may be a dot segment.
            Class::Unreserved if byte == b'.' && after_slash => return false,
            Class::Slash if after_slash => return false,
            Class::Unreserved | Class::Reserved => after_slash = false,
            Class::Slash => after_slash = true,
            Class::Percent | Class::Encode | Class::Refuse => return false,
        }
    }
    true
}

fn rewrite(text: &str) -> Result<String, Refused> {
    let rest = text.strip_prefix('/').ok_or(Refused::Relative)?;
    let mut out = String::with_capacity(text.len() + 8);
    let mut trailing_slash = false;
    for segment in rest.split('/') {
        let start = out.len();
        out.push('/');
        push_segment(&mut out, segment)?;
        let segment = &out[start + 1..];
        trailing_slash = matches!(segment, "" | "." | "..");
        if segment == ".." {
            let parent = out[..start].rfind('/').ok_or(Refused::Climbs)?;
            out.truncate(parent);
        } else if trailing_slash {
            out.truncate(start);
        } else if has_dot_parameter(segment) {
            return Err(Refused::DotParameter);
        }
    }
    if trailing_slash {
        out.push('/');
    }
    Ok(out)
}

/// `;` stands encoded or not: servers differ in what they decode first.
fn has_dot_parameter(segment: &str) -> bool {
    let rest = segment.strip_prefix("..").or_else(|| segment.strip_prefix('.'));
    rest.is_some_and(|rest| rest.starts_with(';') || rest.starts_with("%3B"))
}

fn push_segment(out: &mut String, segment: &str) -> Result<(), Refused> {
    let mut bytes = segment.bytes();
    // The byte that an escape just before stood for: UTF-8 is looked at in pairs.
    let mut before = None;
    while let Some(byte) = bytes.next() {
        let mut escaped = None;
        match CLASS[usize::from(byte)] {
            Class::Unreserved | Class::Reserved => out.push(char::from(byte)),
            Class::Encode => push_escape(out, byte),
            Class::Percent => {
                let value = read_escape(&mut bytes)?;
                check_escaped(before, value)?;
                match CLASS[usize::from(value)] {
                    Class::Unreserved => out.push(char::from(value)),
                    _ => push_escape(out, value),
                }
                escaped = Some(value);
            }
            Class::Slash | Class::Refuse => return Err(Refused::Character),
        }
        before = escaped;
    }
    Ok(())
}

fn read_escape(bytes: &mut impl Iterator<Item = u8>) -> Result<u8, Refused> {
    let mut digit = || {
        let digit = bytes.next().and_then(|byte| char::from(byte).to_digit(16));
        digit.ok_or(Refused::Escape)
    };
    let value = digit()? * 16 + digit()?;
    Ok(u8::try_from(value).expect("two hexadecimal digits are a byte"))
}

fn check_escaped(before: Option<u8>, value: u8) -> Result<(), Refused> {
    match value {
        b'/' | b'\\' => return Err(Refused::EncodedSeparator),
        0x00..=0x1F | 0x7F => return Err(Refused::EncodedControl),
        _ => {}
    }
    // The leads of 2 to 6 bytes, each with the continuations that would make it overlong
    // (Unicode 15, table 3-7).
    let overlong = match before {
        Some(0xC0 | 0xC1) => 0x80..=0xBF,
        Some(0xE0) => 0x80..=0x9F,
        Some(0xF0) => 0x80..=0x8F,
        Some(0xF8) => 0x80..=0x87,
        Some(0xFC) => 0x80..=0x83,
        _ => return Ok(()),
    };
    if overlong.contains(&value) { Err(Refused::Overlong) } else { Ok(()) }
}

fn push_escape(out: &mut String, byte: u8) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    out.push('%');
    out.push(char::from(DIGITS[usize::from(byte >> 4)]));
    out.push(char::from(DIGITS[usize::from(byte & 15)]));
}

#[cfg(test)]
mod tests;
