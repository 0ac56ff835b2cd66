//! What Host, and the authority of a target in absolute form, may be: a name or an address, and
//! perhaps a port. No user, no list, no escapes.

use std::net::Ipv6Addr;

use super::chars::{self, HOST};

/// The longest name that DNS has, a trailing dot included.
const NAME_MOST: usize = 254;

/// How many bytes at the beginning could belong to a host and port.
pub(super) fn span(bytes: &[u8]) -> usize {
    bytes
        .iter()
        .position(|&byte| !chars::is(HOST, byte) && !matches!(byte, b':' | b'[' | b']'))
        .unwrap_or(bytes.len())
}

/// Whether `text` is a host, perhaps with a port.
pub(super) fn valid(text: &[u8]) -> bool {
    let Some((name, port)) = split(text) else { return false };
    let port_ok = port.is_none_or(|digits| {
        let number = std::str::from_utf8(digits).ok().filter(|text| text.len() <= 5);
        let plain = digits.iter().all(u8::is_ascii_digit);
        plain && number.is_some_and(|text| text.parse::<u16>().is_ok())
    });
    port_ok && is_name(name)
}

/// Host and port apart; `None` when there is more than one of either.
fn split(text: &[u8]) -> Option<(&[u8], Option<&[u8]>)> {
    let name = match text.first() {
        Some(b'[') => text.iter().position(|&byte| byte == b']')? + 1,
        _ => text.iter().position(|&byte| byte == b':').unwrap_or(text.len()),
    };
    match &text[name..] {
        [] => Some((&text[..name], None)),
        [b':', port @ ..] => Some((&text[..name], Some(port))),
        _ => None,
    }
}

fn is_name(name: &[u8]) -> bool {
    if let [b'[', address @ .., b']'] = name {
        let text = std::str::from_utf8(address);
        return text.is_ok_and(|text| text.parse::<Ipv6Addr>().is_ok());
    }
    !name.is_empty() && name.len() <= NAME_MOST && chars::span(HOST, name) == name.len()
}
