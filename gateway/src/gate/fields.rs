//! One field line, as heads and trailers have them (RFC 9112 §5), read strictly.

use super::chars::{self, TOKEN, VALUE};
use super::refusal::{self, Refusal};

/// What a line turned out to be.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line<'b> {
    /// Its end has not arrived.
    More,
    /// It is the empty line, two bytes long, that ends the section.
    End,
    /// It is a field.
    Field {
        /// As sent.
        name: &'b [u8],
        /// All between the colon and CR LF, spaces included.
        value: &'b [u8],
        /// Of the whole line, CR LF included.
        len: usize,
    },
}

/// How far a line was read whose end has not arrived, so that a line that comes in drips is not
/// read from its beginning at every drip.
#[derive(Debug, Default)]
pub(super) struct Progress {
    /// Good bytes of the name.
    name: usize,
    /// Good bytes of the line, once its colon was seen.
    checked: Option<usize>,
}

/// Reads the line that `bytes` begin with; after [`Line::More`], the same line with more behind.
#[inline]
pub(super) fn line<'b>(
    bytes: &'b [u8],
    progress: &mut Progress,
) -> Result<Line<'b>, &'static Refusal> {
    let value_from = match progress.checked {
        Some(checked) => checked,
        None => {
            progress.name += chars::span(TOKEN, &bytes[progress.name..]);
            let Some(&after) = bytes.get(progress.name) else { return Ok(Line::More) };
            if after != b':' || progress.name == 0 {
                return not_a_field(bytes, progress.name, after);
            }
            progress.name + 1
        }
    };
    let end = value_from + chars::span(VALUE, &bytes[value_from..]);
    if !line_ends(&bytes[end..], &refusal::FIELD_VALUE)? {
        progress.checked = Some(end);
        return Ok(Line::More);
    }
    let name = std::mem::take(progress).name;
    Ok(Line::Field { name: &bytes[..name], value: &bytes[name + 1..end], len: end + 2 })
}

#[cold]
fn not_a_field(bytes: &[u8], name: usize, after: u8) -> Result<Line<'_>, &'static Refusal> {
    if name == 0 && matches!(after, b'\r' | b'\n') {
        return Ok(if line_ends(bytes, &refusal::FIELD_NAME)? { Line::End } else { Line::More });
    }
    let blank = matches!(after, b' ' | b'\t');
    Err(match name {
        0 if blank => &refusal::FOLDED,
        1.. if blank => &refusal::SPACED_COLON,
        _ => &refusal::FIELD_NAME,
    })
}

/// Whether `bytes` begin with CR LF; false when they are too few to say. Any other byte than CR is
/// refused as `otherwise`.
#[inline]
pub(super) fn line_ends(
    bytes: &[u8],
    otherwise: &'static Refusal,
) -> Result<bool, &'static Refusal> {
    match bytes {
        [b'\r', b'\n', ..] => Ok(true),
        [] | [b'\r'] => Ok(false),
        [b'\r', ..] => Err(&refusal::BARE_CR),
        [b'\n', ..] => Err(&refusal::BARE_LF),
        _ => Err(otherwise),
    }
}

/// A value without the blanks around it.
pub(super) fn trim(value: &[u8]) -> &[u8] {
    let blank = |byte: &u8| matches!(byte, b' ' | b'\t');
    let begin = value.iter().position(|byte| !blank(byte)).unwrap_or(value.len());
    let end = value.iter().rposition(|byte| !blank(byte)).map_or(begin, |last| last + 1);
    &value[begin..end]
}
