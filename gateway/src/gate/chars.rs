//! Which bytes may stand where, as one table of bit sets.

/// `tchar` (RFC 9110 §5.6.2).
pub(super) const TOKEN: u8 = 1;
/// `tchar` without lower case: methods are upper case, all that are registered.
pub(super) const METHOD: u8 = 1 << 1;
/// Field values: tab, space, visible ASCII, and what RFC 9110 §5.5 calls `obs-text`.
pub(super) const VALUE: u8 = 1 << 2;
/// Paths. No `\`, which some backends read as `/`; no `#`; otherwise what clients really send.
pub(super) const PATH: u8 = 1 << 3;
/// Queries: `\` too, since browsers leave it there.
pub(super) const QUERY: u8 = 1 << 4;
/// Names of hosts: letters, digits, `-`, `.`, `_`.
pub(super) const HOST: u8 = 1 << 5;
/// What may stand in a chunk extension.
pub(super) const EXTENSION: u8 = 1 << 6;

static CLASSES: [u8; 256] = classes();

const fn classes() -> [u8; 256] {
    let mut table = [0; 256];
    let mut at = 0;
    while at < 256 {
        table[at] = class_of(at as u8);
        at += 1;
    }
    table
}

const fn class_of(byte: u8) -> u8 {
    let mut class = 0;
    let alphanumeric = byte.is_ascii_alphanumeric();
    let mark = matches!(
        byte,
        b'!' | b'#' | b'$' | b'%' | b'&' | b'\'' | b'*' | b'+' | b'-' | b'.' | b'^' | b'_' | b'`'
    ) || matches!(byte, b'|' | b'~');
    if alphanumeric || mark {
        class |= TOKEN;
        if !byte.is_ascii_lowercase() {
            class |= METHOD;
        }
    }
    if matches!(byte, b'\t' | b' '..=b'~') {
        class |= VALUE | EXTENSION;
    } else if byte >= 0x80 {
        class |= VALUE;
    }
    if alphanumeric
        || matches!(byte, b'!' | b'"' | b'$'..=b';' | b'=' | b'@' | b'[' | b']'..=b'_')
        || matches!(byte, b'{'..=b'~')
    {
        class |= PATH;
    }
    if matches!(byte, b'!' | b'$'..=b';' | b'=' | b'?'..=b'~') {
        class |= QUERY;
    }
    if alphanumeric || matches!(byte, b'-' | b'.' | b'_') {
        class |= HOST;
    }
    class
}

/// Whether `byte` belongs to one of the classes.
#[inline]
pub(super) fn is(class: u8, byte: u8) -> bool {
    CLASSES[usize::from(byte)] & class != 0
}

/// How many bytes at the beginning belong to one of the classes.
#[inline]
pub(super) fn span(class: u8, bytes: &[u8]) -> usize {
    bytes.iter().position(|&byte| !is(class, byte)).unwrap_or(bytes.len())
}
