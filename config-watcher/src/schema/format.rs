//! The `format`s of the schemas: int32, int64, date-time, ipv4, ipv6, byte.

use std::net::{Ipv4Addr, Ipv6Addr};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

/// What a string or number must be besides its type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// Fits 32 bits.
    Int32,
    /// Fits 64 bits.
    Int64,
    /// RFC 3339.
    DateTime,
    /// Dotted decimal.
    Ipv4,
    /// RFC 4291.
    Ipv6,
    /// Base64 (RFC 4648, padded).
    Byte,
}

impl Format {
    /// The format of this name.
    pub(crate) fn find(name: &str) -> Option<Self> {
        Some(match name {
            "int32" => Self::Int32,
            "int64" => Self::Int64,
            "date-time" => Self::DateTime,
            "ipv4" => Self::Ipv4,
            "ipv6" => Self::Ipv6,
            "byte" => Self::Byte,
            _ => return None,
        })
    }

    /// Whether a value has the format. What is no string or number has none to have.
    pub(crate) fn holds(self, value: &Value) -> bool {
        let text = value.as_str();
        match self {
            Self::Int32 => value.as_i64().is_none_or(|number| i32::try_from(number).is_ok()),
            Self::Int64 => !value.is_u64() || value.is_i64(),
            Self::DateTime => text.is_none_or(|text| text.parse::<jiff::Timestamp>().is_ok()),
            Self::Ipv4 => text.is_none_or(|text| text.parse::<Ipv4Addr>().is_ok()),
            Self::Ipv6 => text.is_none_or(|text| text.parse::<Ipv6Addr>().is_ok()),
            Self::Byte => text.is_none_or(base64),
        }
    }

    /// What is asked for, to stand after "must be".
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Int32 => "a 32-bit integer",
            Self::Int64 => "a 64-bit integer",
            Self::DateTime => "a time such as 2026-01-31T12:00:00Z",
            Self::Ipv4 => "an IPv4 address",
            Self::Ipv6 => "an IPv6 address",
            Self::Byte => "base64",
        }
    }
}

/// Go's decoder, which an API server uses, skips line ends.
fn base64(text: &str) -> bool {
    if text.contains(['\n', '\r']) {
        return STANDARD.decode(text.replace(['\n', '\r'], "")).is_ok();
    }
    STANDARD.decode(text).is_ok()
}
