//! The side towards clients: who may be how slow, how large, how many.

use std::time::Duration;

use ipnet::IpNet;

/// Slow, old and greedy clients. Times are kept by a sweep once a second, so each may end up to
/// two seconds late; none costs a timer per request.
#[derive(Clone, Debug)]
pub struct Client {
    /// From the first byte of a request's head to its last. 10 s: three lost packets in a row.
    pub header_timeout: Duration,
    /// From accept to the end of the TLS handshake. 10 s, as for a head.
    pub tls_handshake_timeout: Duration,
    /// How long a body that we wait for may stand still. 30 s: a phone that changes networks.
    pub body_idle: Duration,
    /// What a body must bring on average once `body_idle` has passed, bytes per second. 240: the
    /// slowest modem still in use, ten times what a slow-body attack sends.
    pub min_body_rate: u32,
    /// How long a client may take no byte while we hold data for it. 30 s, as for a body.
    pub response_write_stall: Duration,
    /// How long a connection without a request is kept. 75 s: longer than the 60 s after which
    /// most load balancers in front close theirs, so that they close first.
    pub idle_keepalive: Duration,
    /// Requests after which a connection is closed in an orderly way. 10,000: the load moves to
    /// new replicas, and what a connection has piled up ends with it.
    pub max_requests: u32,
    /// Age after which a connection is closed in an orderly way, more or less `max_age_jitter`.
    /// 1 h, for the same reason.
    pub max_age: Duration,
    /// Spread of `max_age` in percent. 10, so that clients of one start don't return at once.
    pub max_age_jitter: u32,
    /// The time over which resets are counted. 10 s.
    pub reset_window: Duration,
    /// Streams in `reset_window` below which a client may reset as it likes. 200: twice the
    /// streams that it may have open, so that leaving one page never counts.
    pub reset_streams: u32,
    /// Share of those streams, in percent, that reset before a response closes the connection
    /// (rapid reset, CVE-2023-44487). 50: no useful client throws away every second request.
    pub reset_percent: u32,
    /// Frames of HTTP/2 that ask for nothing (PING, empty DATA and the like), not paid for by
    /// requests, data or time, at which a client is told to go. 75: more than any handshake needs.
    pub glitches_leave: u32,
    /// The same at which it is cut off. 100.
    pub glitches_cut: u32,
    /// How long the rest of a refused request is read and thrown away, so that the client gets to
    /// see the answer before the connection breaks. 2 s: a few round trips.
    pub linger: Duration,
    /// How much of it, in bytes. 256 KiB: what a common socket buffer holds.
    pub linger_bytes: usize,
    /// Proxies in front of us. What they say about the client (`X-Forwarded-*`, `Forwarded`,
    /// `X-Request-Id`) is believed and added to; from anybody else it is thrown away. None, because
    /// who is believed by default can be forged by default.
    pub trusted_proxies: Vec<IpNet>,
}

impl Default for Client {
    fn default() -> Self {
        Self {
            header_timeout: Duration::from_secs(10),
            tls_handshake_timeout: Duration::from_secs(10),
            body_idle: Duration::from_secs(30),
            min_body_rate: 240,
            response_write_stall: Duration::from_secs(30),
            idle_keepalive: Duration::from_secs(75),
            max_requests: 10_000,
            max_age: Duration::from_secs(3600),
            max_age_jitter: 10,
            reset_window: Duration::from_secs(10),
            reset_streams: 200,
            reset_percent: 50,
            glitches_leave: 75,
            glitches_cut: 100,
            linger: Duration::from_secs(2),
            linger_bytes: 256 << 10,
            trusted_proxies: Vec::new(),
        }
    }
}

/// How large a request's head, and what frames its body, may be.
#[derive(Clone, Debug)]
pub struct Head {
    /// Request line and fields together, bytes. 32 KiB: what the most common servers take; larger
    /// ones would only be refused by the backend.
    pub bytes: usize,
    /// Fields, each cookie crumb of HTTP/2 counted. 100: the parser's own array, beyond it costs.
    pub fields: usize,
    /// Bytes of the request target. 8 KiB, as nginx and Apache have it.
    pub uri: usize,
    /// Characters of the method. 32: twice the longest that is registered.
    pub method: usize,
    /// Bytes of all chunk extensions of one body. 4 KiB: nobody uses them.
    pub chunk_extensions: usize,
    /// Bytes of the trailer section. 8 KiB: a gRPC status with details.
    pub trailers: usize,
}

impl Default for Head {
    fn default() -> Self {
        Self {
            bytes: 32 << 10,
            fields: 100,
            uri: 8 << 10,
            method: 32,
            chunk_extensions: 4 << 10,
            trailers: 8 << 10,
        }
    }
}

/// HTTP/2 towards clients. What is not here keeps the protocol's own default.
#[derive(Clone, Debug)]
pub struct Http2 {
    /// Streams that a client may have open. 100: RFC 9113's advice for the least.
    pub streams: u32,
    /// Bytes of a request body in flight on one stream. 64 KiB: also what we hold of it when the
    /// backend is slow.
    pub stream_window: u32,
    /// The same for the connection. 1 MiB.
    pub connection_window: u32,
    /// Bytes of a response held for one stream. 64 KiB: the other direction's bound.
    pub send_buffer: usize,
    /// Bytes of a decoded header list. 32 KiB, as for HTTP/1.
    pub header_list: u32,
    /// Streams reset before we took them, after which the connection ends. 20.
    pub pending_reset: usize,
    /// Streams that we had to reset for the client's errors, after which the connection ends
    /// (CVE-2025-8671). 128: h2's 1,024 let one connection waste too much.
    pub error_reset: usize,
    /// A PING is sent this often, so that a connection whose peer is gone ends. 30 s.
    pub ping_interval: Duration,
    /// How long its answer may take. 20 s.
    pub ping_timeout: Duration,
}

impl Default for Http2 {
    fn default() -> Self {
        Self {
            streams: 100,
            stream_window: 64 << 10,
            connection_window: 1 << 20,
            send_buffer: 64 << 10,
            header_list: 32 << 10,
            pending_reset: 20,
            error_reset: 128,
            ping_interval: Duration::from_secs(30),
            ping_timeout: Duration::from_secs(20),
        }
    }
}

/// How many connections, and how they are taken.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Connections on one address and port; more are closed at once and counted. 10,000, so that
    /// one listener cannot starve the others.
    pub per_listener: usize,
    /// Connections of the whole process. `None`: half of the open files that the process may have
    /// (`RLIMIT_NOFILE`), because each may need a second one to an endpoint.
    pub total: Option<usize>,
    /// Connections of one client address. `None`: no limit, because many clients share an address.
    pub per_client: Option<usize>,
    /// Connections that the kernel keeps for us to accept. 4,096: what Linux allows by default
    /// (`net.core.somaxconn`).
    pub backlog: u32,
    /// Connections taken in one go before other work of the thread gets its turn. 64: a few
    /// hundred microseconds.
    pub accept_burst: usize,
    /// How long accepting pauses when files or memory have run out. 100 ms: a spin costs a core,
    /// a second would be seen.
    pub accept_pause: Duration,
    /// Connections on their way from the thread that accepted to the one that serves; beyond, the
    /// thread that accepted keeps them. 256: a burst of accepts of every other thread.
    pub hand_over: usize,
    /// A worker keeps what it accepted unless another has this many connections fewer. 4: moving
    /// a connection costs a wake-up of the other thread, evenness within 4 is enough.
    pub imbalance: usize,
    /// An address that could not be bound is tried again this often. 1 s.
    pub bind_retry: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            per_listener: 10_000,
            total: None,
            per_client: None,
            backlog: 4096,
            accept_burst: 64,
            accept_pause: Duration::from_millis(100),
            hand_over: 256,
            imbalance: 4,
            bind_retry: Duration::from_secs(1),
        }
    }
}
