//! What one line of the access log says.

use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

use http::Version;

/// One request, finished. Text from clients is taken as it came; the writer escapes it.
#[derive(Clone, Debug)]
pub struct Record<'a> {
    /// When its head was complete.
    pub time: SystemTime,
    /// `X-Request-Id`.
    pub id: &'a str,
    /// Where the connection came from.
    pub client: SocketAddr,
    /// As sent.
    pub method: &'a str,
    /// Canonical host, or as sent where it has none. Empty when there was none.
    pub host: &'a str,
    /// Path and query as the client sent them.
    pub path: &'a str,
    /// Of the request.
    pub protocol: Version,
    /// As sent to the client; `None` when it left before one was.
    pub status: Option<u16>,
    /// Bytes of the request's body.
    pub received: u64,
    /// Bytes of the response's body.
    pub sent: u64,
    /// From the head to the end of the response.
    pub duration: Duration,
    /// From the head to the response's head.
    pub first_byte: Option<Duration>,
    /// What of that was spent waiting for backends.
    pub upstream: Option<Duration>,
    /// Who took the request: the key of a listener, as text.
    pub listener: Option<&'a str>,
    /// The rule that matched: its key as text.
    pub route: Option<&'a str>,
    /// The backend that was chosen: its key as text.
    pub backend: Option<&'a str>,
    /// The endpoint that answered, or that was tried last.
    pub endpoint: Option<SocketAddr>,
    /// How many times it was sent to an endpoint; 0 when we answered alone.
    pub tries: u32,
    /// Why it was tried more than once: `law` or `route`.
    pub retry: Option<&'static str>,
    /// Why that was safe, or what the route asked for: `not_sent`, `refused_stream`, `goaway`,
    /// `idempotent`, `status` or `timeout`. Of the last try, as `retry` is.
    pub retry_reason: Option<&'static str>,
    /// Set when the gateway answered or cut short the request itself: a word of the failure table.
    pub flag: Option<&'static str>,
    /// Set when the connection is encrypted.
    pub tls: Option<TlsRecord<'a>>,
    /// `User-Agent`.
    pub user_agent: Option<&'a [u8]>,
}

/// How a connection is encrypted.
#[derive(Clone, Copy, Debug)]
pub struct TlsRecord<'a> {
    /// Such as `TLSv1.3`.
    pub version: &'static str,
    /// The name the client asked for.
    pub sni: Option<&'a str>,
    /// `valid`, `invalid` or `missing`; `None` where the client was not asked.
    pub client_certificate: Option<&'static str>,
}
