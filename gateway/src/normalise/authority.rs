//! Hosts: lower case, without a trailing dot, apart from the port.

use std::borrow::Cow;
use std::net::Ipv6Addr;

use super::Refused;

/// Most characters of a DNS name (RFC 1035 §2.3.4), without the trailing dot.
const MAX_NAME: usize = 253;

/// The host and port that a request is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Authority<'a> {
    /// Lower case, without a trailing dot; an IPv6 address stands in its brackets.
    pub(crate) host: Cow<'a, str>,
    /// The port as written, if there is one.
    pub(crate) port: Option<u16>,
}

/// Reads a `Host` header, an `:authority`, or the authority of an absolute request target
/// (RFC 9110 §7.2, RFC 3986 §3.2).
///
/// Names are letters, digits, `-` and `_` between single dots. What RFC 3986 allows on top has no
/// use in DNS and many in attacks: user information, percent-encoding, `,` and the other
/// sub-delimiters are refused, and so is a `:` without a port.
///
/// # Errors
/// [`Refused::Host`] and [`Refused::Port`].
pub(crate) fn authority(text: &str) -> Result<Authority<'_>, Refused> {
    if let Some(inner) = text.strip_prefix('[') {
        let (address, rest) = inner.split_once(']').ok_or(Refused::Host)?;
        address.parse::<Ipv6Addr>().map_err(|_| Refused::Host)?;
        let port = match rest.strip_prefix(':') {
            Some(port) => Some(read_port(port)?),
            None if rest.is_empty() => None,
            None => return Err(Refused::Host),
        };
        return Ok(Authority { host: lower(&text[..address.len() + 2]), port });
    }
    let (host, port) = match text.split_once(':') {
        Some((host, port)) => (host, Some(read_port(port)?)),
        None => (text, None),
    };
    let host = host.strip_suffix('.').unwrap_or(host);
    if !is_name(host) {
        return Err(Refused::Host);
    }
    Ok(Authority { host: lower(host), port })
}

fn is_name(host: &str) -> bool {
    let mut label = 0;
    for byte in host.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' => label += 1,
            b'.' if label > 0 => label = 0,
            _ => return false,
        }
    }
    label > 0 && host.len() <= MAX_NAME
}

fn lower(host: &str) -> Cow<'_, str> {
    if host.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Cow::Owned(host.to_ascii_lowercase());
    }
    Cow::Borrowed(host)
}

fn read_port(text: &str) -> Result<u16, Refused> {
    // `parse` would take a sign; a leading zero is a second spelling of the same port.
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits || (text.len() > 1 && text.starts_with('0')) {
        return Err(Refused::Port);
    }
    text.parse().map_err(|_| Refused::Port)
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use proptest::prelude::*;

    use super::{Refused, authority};

    #[test]
    fn hosts_are_lower_case_and_apart_from_their_port() {
        for (text, host, port) in [
            ("example.com", "example.com", None),
            ("EXAMPLE.com:80", "example.com", Some(80)),
            ("example.com.", "example.com", None),
            ("example.com.:8443", "example.com", Some(8443)),
            ("my_service", "my_service", None),
            ("10.0.0.1:65535", "10.0.0.1", Some(65535)),
            ("[::1]", "[::1]", None),
            ("[2001:DB8::1]:0", "[2001:db8::1]", Some(0)),
        ] {
            let read = authority(text).unwrap();
            assert_eq!((read.host.as_ref(), read.port), (host, port), "{text}");
        }
    }

    #[test]
    fn what_has_two_readings_is_refused() {
        let long = "a.".repeat(128);
        for text in [
            "",
            ".",
            "..",
            ":80",
            "a..b",
            ".a",
            "a..",
            "a,b",
            "user@h",
            "u:p@h",
            "h/path",
            "h h",
            " h",
            "h\t",
            "h?",
            "h#",
            "é.com",
            "%61",
            "a%2eb",
            "[::1",
            "::1",
            "[::1]x",
            "[::1%eth0]",
            "[1.2.3.4]",
            "[]",
            "*",
            "h\\",
            "h:80 ",
            &long,
        ] {
            assert!(authority(text).is_err(), "{text:?}");
        }
        for text in ["h:", "h:99999", "h:80:80", "h:+80", "h:-1", "h:080", "h:8o", "[::1]:"] {
            assert_eq!(authority(text), Err(Refused::Port), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_canonical_is_borrowed_and_stays(text in "[a-zA-Z0-9._:\\[\\]-]{0,20}") {
            let Ok(first) = authority(&text) else { return Ok(()) };
            let again = authority(&first.host).expect("a canonical host is a host");
            prop_assert!(matches!(again.host, Cow::Borrowed(_)));
            prop_assert_eq!(&again.host, &first.host);
        }
    }
}
