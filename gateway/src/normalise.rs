//! The canonical form of what a request names: its host and its path.
//!
//! Promises: what these functions return is what is matched *and* what is forwarded, so no backend
//! sees another path than the one that a rule was chosen for. Both are idempotent, pure, and
//! borrow when the input is canonical already, which is every well-behaved client's. What could be
//! read in two ways is refused with a [`Refused`], which is the client's fault: 400.
//!
//! Left to others: which header or pseudo-header names the host, and whether two of them agree.

mod authority;
mod path;

pub(crate) use authority::{Authority, authority};
pub(crate) use path::path;

/// Why a host or a path is refused; each is answered with 400.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refused {
    /// Not a DNS name, an IPv4 address or an IPv6 address in brackets.
    #[error("the host is no name and no address")]
    Host,
    /// What follows the host is no port.
    #[error("the port of the host is no number from 0 to 65535")]
    Port,
    /// The path does not begin with `/`.
    #[error("the path does not begin with /")]
    Relative,
    /// A character that no path has: a control, a space, `\`, `#`, `?`, or not ASCII.
    #[error("the path has a character that must be percent-encoded")]
    Character,
    /// `%` without two hexadecimal digits.
    #[error("the path has a % without two hexadecimal digits")]
    Escape,
    /// `%2F` or `%5C`: one server reads a separator where another reads a character.
    #[error("the path has an encoded slash or backslash")]
    EncodedSeparator,
    /// `%00` to `%1F` and `%7F`.
    #[error("the path has an encoded control character")]
    EncodedControl,
    /// More bytes than UTF-8 needs for the character, as in `%C0%AE` for `.`.
    #[error("the path has a character in overlong UTF-8")]
    Overlong,
    /// More `..` than segments before it.
    #[error("the path climbs above its root")]
    Climbs,
    /// `..;x`: some servers drop the parameter and then climb.
    #[error("the path has a dot segment with a parameter")]
    DotParameter,
}
