//! Text from elsewhere, so that it cannot end a line, a quote, or a terminal's good manners.

const HEX: &[u8; 16] = b"0123456789abcdef";

/// Which escapes a line knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Quoting {
    /// `\xHH` for every byte outside printable ASCII, and for `"` and `\`, as nginx does.
    Text,
    /// The same, and for spaces, where no quotes stand around.
    Word,
    /// JSON's: `\"`, `\\` and `\u00HH`; text beyond ASCII stays as it is.
    Json,
}

/// At most `limit` bytes of `text`.
pub(super) fn limited(out: &mut Vec<u8>, quoting: Quoting, text: &str, limit: usize) {
    let end = text.floor_char_boundary(limit);
    escape(out, quoting, &text[..end]);
}

/// At most `limit` bytes that need not be UTF-8: JSON shows U+FFFD for what is not.
pub(super) fn bytes(out: &mut Vec<u8>, quoting: Quoting, text: &[u8], limit: usize) {
    let text = &text[..text.len().min(limit)];
    for chunk in text.utf8_chunks() {
        escape(out, quoting, chunk.valid());
        if chunk.invalid().is_empty() {
            continue;
        }
        match quoting {
            Quoting::Text | Quoting::Word => {
                chunk.invalid().iter().for_each(|byte| hex(out, b"\\x", *byte))
            }
            Quoting::Json => out.extend_from_slice("\u{fffd}".as_bytes()),
        }
    }
}

/// All of `text`, which is short.
pub(super) fn escape(out: &mut Vec<u8>, quoting: Quoting, text: &str) {
    let unless = if quoting == Quoting::Word { WORD } else { TEXT };
    let mut rest = text;
    loop {
        // Nearly every text is plain to its end.
        let special = rest.bytes().position(|byte| SPECIAL[usize::from(byte)] & unless != 0);
        let plain = special.unwrap_or(rest.len());
        out.extend_from_slice(&rest.as_bytes()[..plain]);
        // What is plain is ASCII, so a character begins here.
        rest = &rest[plain..];
        let Some(special) = rest.chars().next() else { return };
        let len = special.len_utf8();
        let bytes = &rest.as_bytes()[..len];
        match (quoting, special) {
            (Quoting::Json, '"' | '\\') => out.extend_from_slice(&[b'\\', special as u8]),
            (Quoting::Json, _) if special.is_control() => hex(out, b"\\u00", special as u8),
            (Quoting::Json, _) => out.extend_from_slice(bytes),
            (Quoting::Text | Quoting::Word, _) => {
                bytes.iter().for_each(|byte| hex(out, b"\\x", *byte));
            }
        }
        rest = &rest[len..];
    }
}

/// Special where spaces stand around.
const WORD: u8 = 1;
/// Special where quotes stand around.
const TEXT: u8 = 2;

/// Where a byte is special: anywhere, unless it is printable ASCII that ends or begins nothing.
/// Controls beyond ASCII, which a terminal obeys as well, are not plain either.
static SPECIAL: [u8; 256] = {
    let mut special = [WORD | TEXT; 256];
    let mut byte = b'!';
    while byte <= b'~' {
        if byte != b'"' && byte != b'\\' {
            special[byte as usize] = 0;
        }
        byte += 1;
    }
    special[b' ' as usize] = WORD;
    special
};

fn hex(out: &mut Vec<u8>, prefix: &[u8], byte: u8) {
    out.extend_from_slice(prefix);
    out.push(HEX[usize::from(byte >> 4)]);
    out.push(HEX[usize::from(byte & 15)]);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, prop};
    use proptest::{prop_assert, prop_assert_eq, proptest};

    use super::{Quoting, bytes, limited};

    fn shown(quoting: Quoting, input: &[u8]) -> String {
        let mut out = Vec::new();
        bytes(&mut out, quoting, input, 1_000);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn text_shows_only_printable_ascii() {
        assert_eq!(shown(Quoting::Text, b"a\"b\\c\nd\x1b[\xff"), r"a\x22b\x5cc\x0ad\x1b[\xff");
        assert_eq!(shown(Quoting::Text, "é".as_bytes()), r"\xc3\xa9");
    }

    #[test]
    fn json_keeps_text_and_replaces_what_is_none() {
        assert_eq!(
            shown(Quoting::Json, b"a\"b\\c\nd\x7f\xc2\x9b\xff"),
            "a\\\"b\\\\c\\u000ad\\u007f\\u009b\u{fffd}"
        );
        assert_eq!(shown(Quoting::Json, "é".as_bytes()), "é");
    }

    #[test]
    fn a_limit_never_cuts_a_character() {
        let mut out = Vec::new();
        limited(&mut out, Quoting::Json, "aé", 2);
        assert_eq!(out, b"a");
    }

    proptest! {
        #[test]
        fn any_bytes_make_one_json_string(input in prop::collection::vec(any::<u8>(), 0..64)) {
            let line = format!("\"{}\"", shown(Quoting::Json, &input));
            let read: String = serde_json::from_str(&line).unwrap();
            prop_assert_eq!(read, String::from_utf8_lossy(&input));
        }

        #[test]
        fn any_bytes_stay_on_one_line(input in prop::collection::vec(any::<u8>(), 0..64)) {
            for quoting in [Quoting::Text, Quoting::Word, Quoting::Json] {
                let line = shown(quoting, &input);
                prop_assert!(quoting != Quoting::Word || !line.contains(' '));
                prop_assert!(!line.chars().any(char::is_control), "{line:?}");
            }
        }
    }
}
