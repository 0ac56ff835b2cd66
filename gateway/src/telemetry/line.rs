//! One record as one line, in either format.

mod clock;
mod escape;
mod json;
mod text;

use std::io::Write;
use std::net::SocketAddr;
use std::time::Duration;

use clock::Clock;

use super::access_log::LogFormat;
use super::record::Record;

/// Formats lines; one per writer, so that the clock's cache needs no lock of its own.
#[derive(Debug)]
pub(super) struct Formatter {
    format: LogFormat,
    clock: Clock,
}

impl Formatter {
    pub(super) fn new(format: LogFormat) -> Self {
        Self { format, clock: Clock::default() }
    }

    /// Appends the line, its end included.
    pub(super) fn line(&mut self, out: &mut Vec<u8>, record: &Record<'_>) {
        let time = self.clock.text(record.time);
        match self.format {
            LogFormat::Text => text::line(out, &time, record),
            LogFormat::Json => json::line(out, &time, record),
        }
    }
}

/// Most bytes of each text that a client chooses, so that a line stays under 80 KiB even if every
/// byte is escaped.
mod limit {
    /// What our own ids and most others' fit into.
    pub(super) const ID: usize = 128;
    /// The gate takes 32.
    pub(super) const METHOD: usize = 32;
    /// A name has at most 253.
    pub(super) const HOST: usize = 260;
    /// The gate takes 8 KiB.
    pub(super) const PATH: usize = 8 * 1024;
    /// Browsers send about 200.
    pub(super) const AGENT: usize = 512;
}

/// Seconds to the microsecond.
fn seconds(out: &mut Vec<u8>, duration: Duration) {
    let mut digits = itoa::Buffer::new();
    out.extend_from_slice(digits.format(duration.as_secs()).as_bytes());
    out.push(b'.');
    let fraction = digits.format(1_000_000 + duration.subsec_micros());
    out.extend_from_slice(&fraction.as_bytes()[1..]);
}

/// As `Display` writes it, for IPv4 without its detours.
fn address(out: &mut Vec<u8>, address: SocketAddr) {
    match address {
        SocketAddr::V4(v4) => {
            for (place, octet) in v4.ip().octets().into_iter().enumerate() {
                if place > 0 {
                    out.push(b'.');
                }
                whole(out, octet.into());
            }
            out.push(b':');
            whole(out, v4.port().into());
        }
        SocketAddr::V6(v6) => write!(out, "{v6}").expect("a Vec takes every write"),
    }
}

fn whole(out: &mut Vec<u8>, number: u64) {
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

/// The protocol as HTTP writes it; HTTP/2 and later have no minor version.
fn protocol(version: http::Version) -> &'static str {
    match version {
        http::Version::HTTP_09 => "HTTP/0.9",
        http::Version::HTTP_10 => "HTTP/1.0",
        http::Version::HTTP_2 => "HTTP/2",
        http::Version::HTTP_3 => "HTTP/3",
        _ => "HTTP/1.1",
    }
}

#[cfg(test)]
mod tests;
