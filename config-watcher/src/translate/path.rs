//! Paths as routes write them, in the canonical form in which the proxies compare and forward
//! them: unreserved characters plain, other escapes in capitals (RFC 3986 §6.2.2), no dot
//! segments, no empty segments.

use std::sync::Arc;

/// Why a text is no path that a request could have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PathError {
    /// Relative.
    #[error("`{0}` does not begin with `/`; write an absolute path")]
    Relative(Arc<str>),
    /// `//`, `/./` or `/../`.
    #[error("`{0}` has an empty or a dot segment, which no request keeps; write it without")]
    Segment(Arc<str>),
    /// A character outside the grammar of paths, a broken escape, or one of `/`, `\` and NUL.
    #[error("`{0}` holds a character or an escape that is refused in paths; leave it out")]
    Character(Arc<str>),
}

/// The canonical form of a path.
pub(crate) fn canonical(text: &Arc<str>) -> Result<String, PathError> {
    if !text.starts_with('/') {
        return Err(PathError::Relative(text.clone()));
    }
    let path = unescape(text).ok_or_else(|| PathError::Character(text.clone()))?;
    // The first segment is what stands before the leading slash; an empty last one is a trailing
    // slash.
    let mut segments = path[1..].split('/').peekable();
    while let Some(segment) = segments.next() {
        let last = segments.peek().is_none();
        if matches!(segment, "." | "..") || (segment.is_empty() && !last) {
            return Err(PathError::Segment(text.clone()));
        }
    }
    Ok(path)
}

fn unescape(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'%' => {
                let (high, low) = (digit(bytes.next()?)?, digit(bytes.next()?)?);
                match high * 16 + low {
                    plain if is_unreserved(plain) => out.push(plain.into()),
                    b'/' | b'\\' | 0 => return None,
                    other => out.push_str(&format!("%{other:02X}")),
                }
            }
            _ if is_unreserved(byte) || b"/!$&'()*+,;=:@".contains(&byte) => out.push(byte.into()),
            _ => return None,
        }
    }
    Some(out)
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::{PathError, canonical};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_canonical_path_is_its_own_canonical_form(
            text in "/([a-e.%/;]|%[0-9a-fA-F]{2}){0,12}",
        ) {
            if let Ok(path) = canonical(&text.as_str().into()) {
                prop_assert_eq!(canonical(&path.as_str().into()), Ok(path));
            }
        }
    }

    #[test]
    fn a_path_takes_the_form_that_requests_are_compared_in() {
        for (text, path) in [
            ("/", "/"),
            ("/a/b/", "/a/b/"),
            ("/%61%2d%7E", "/a-~"),
            ("/caf%c3%a9", "/caf%C3%A9"),
            ("/a;b=1,2:@!$&'()*+", "/a;b=1,2:@!$&'()*+"),
        ] {
            assert_eq!(canonical(&text.into()).as_deref(), Ok(path));
        }
    }

    #[test]
    fn what_no_request_can_have_is_refused() {
        type Make = fn(std::sync::Arc<str>) -> PathError;
        let cases: [(&str, Make); 14] = [
            ("", PathError::Relative),
            ("a", PathError::Relative),
            ("//", PathError::Segment),
            ("/a//b", PathError::Segment),
            ("/a/./b", PathError::Segment),
            ("/a/..", PathError::Segment),
            ("/%2e%2E/a", PathError::Segment),
            ("/a%2fb", PathError::Character),
            ("/a%5Cb", PathError::Character),
            ("/a%00", PathError::Character),
            ("/a%zz", PathError::Character),
            ("/a%2", PathError::Character),
            ("/a?b", PathError::Character),
            ("/é", PathError::Character),
        ];
        for (text, error) in cases {
            assert_eq!(canonical(&text.into()), Err(error(text.into())), "{text}");
        }
    }
}
