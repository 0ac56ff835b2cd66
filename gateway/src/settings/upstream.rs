//! The side towards endpoints: waiting, connecting, pooling, trying again.

use std::time::Duration;

/// Connections to endpoints, and waiting for them.
#[derive(Clone, Debug)]
pub struct Upstream {
    /// How long a request waits for a backend without endpoints to get one. 3 s: a rollout whose
    /// new pods are late by an image pull would be too long to hold, a restart is not.
    pub no_endpoint_wait: Duration,
    /// Requests that may wait so for one backend; beyond, the answer is 503 at once. 1,024.
    pub no_endpoint_waiting: usize,
    /// TCP connect to one endpoint. 2 s: one lost SYN (1 s) and its answer; then another endpoint.
    pub connect_timeout: Duration,
    /// TLS handshake with one endpoint. 5 s.
    pub tls_handshake_timeout: Duration,
    /// From a request's head to the first byte of its response, when its route says nothing. 60 s.
    /// Once the response has begun, it may take as long as it likes.
    pub first_byte_timeout: Duration,
    /// How long an upgraded connection (WebSocket) may be silent in both directions. 1 h: pings
    /// are the application's business, and one that has none may still be in use.
    pub tunnel_idle: Duration,
    /// How far a mirror may fall behind the request that it copies, in bytes of the body; then it
    /// is abandoned. 256 KiB: four windows of HTTP/2.
    pub mirror_bytes: usize,
    /// How long a pooled connection may be idle. 50 s: below the 60 s of most backends, so that we
    /// close first; a `Keep-Alive: timeout` of the backend that is shorter wins.
    pub idle: Duration,
    /// Idle connections kept per endpoint and worker. 256: a pause of as many streams must not
    /// close what the next ones open again; `idle` closes what traffic no longer needs.
    pub idle_per_endpoint: usize,
    /// Age after which a pooled connection takes no new request. 10 min: connections follow when
    /// a service's addresses move behind a virtual address.
    pub max_age: Duration,
    /// Connections to one endpoint, shared out among the workers. 1,024: beyond, requests wait.
    pub max_connections: usize,
    /// Requests of one worker that may wait for one of them. 1,024; beyond, 503 at once.
    pub max_pending: usize,
    /// How long they wait. 3 s; then 503.
    pub pending_wait: Duration,
    /// Bytes of a response's head. 64 KiB: backends are trusted twice as far as clients.
    pub head_bytes: usize,
    /// 1xx responses before the final one. 16: more is an attack (100s without end).
    pub informational: usize,
    /// Streams on one HTTP/2 connection, if the endpoint allows as many. 100; then another
    /// connection is opened.
    pub http2_streams: usize,
    /// Bytes of a response body in flight on one HTTP/2 stream. 64 KiB: also what we hold of it
    /// when the client is slow.
    pub http2_stream_window: u32,
    /// The same for the connection. 1 MiB.
    pub http2_connection_window: u32,
    /// A PING is sent this often on HTTP/2 connections in use. 10 s: finds an endpoint that died
    /// without a word before its requests time out.
    pub ping_interval: Duration,
    /// How long its answer may take. 5 s.
    pub ping_timeout: Duration,
    /// First pause of an endpoint that could not be contacted; doubled each time. 500 ms: a process
    /// that restarts.
    pub quarantine_first: Duration,
    /// Longest such pause. 10 s: by then the EndpointSlice should have said so.
    pub quarantine_longest: Duration,
    /// Most of a backend's endpoints that may be in quarantine at once, in percent. 50: beyond, the
    /// fault is more likely ours or the network's.
    pub quarantine_percent: usize,
    /// What stays of a backend's endpoints within `floor_window` when others are missing that were
    /// not seen to leave, in percent. 50: a rollout replaces a quarter at a time, so half of them
    /// gone without a word is more likely a listing that is wrong.
    pub floor_percent: usize,
    /// How long that holds; afterwards half of what is left may go, and so on. 10 s: a relist that
    /// was wrong is followed by one that is right, a scale-down to zero completes in a minute.
    pub floor_window: Duration,
}

impl Default for Upstream {
    fn default() -> Self {
        Self {
            no_endpoint_wait: Duration::from_secs(3),
            no_endpoint_waiting: 1024,
            connect_timeout: Duration::from_secs(2),
            tls_handshake_timeout: Duration::from_secs(5),
            first_byte_timeout: Duration::from_secs(60),
            tunnel_idle: Duration::from_secs(3600),
            mirror_bytes: 256 << 10,
            idle: Duration::from_secs(50),
            idle_per_endpoint: 256,
            max_age: Duration::from_secs(600),
            max_connections: 1024,
            max_pending: 1024,
            pending_wait: Duration::from_secs(3),
            head_bytes: 64 << 10,
            informational: 16,
            http2_streams: 100,
            http2_stream_window: 64 << 10,
            http2_connection_window: 1 << 20,
            ping_interval: Duration::from_secs(10),
            ping_timeout: Duration::from_secs(5),
            quarantine_first: Duration::from_millis(500),
            quarantine_longest: Duration::from_secs(10),
            quarantine_percent: 50,
            floor_percent: 50,
            floor_window: Duration::from_secs(10),
        }
    }
}

/// What may be tried again, and how often (RFC 9110 §9.2.2).
#[derive(Clone, Debug)]
pub struct Retry {
    /// Tries after the first that the law allows without a route asking: nothing sent, provably
    /// unprocessed, or idempotent without a byte of response (that once). 2.
    pub tries: u32,
    /// Retries may be this share of a backend's requests, in percent. 20: more turns an overload
    /// into a storm. Streams that a GOAWAY left out and refused connections are not counted: they
    /// were no load.
    pub budget_percent: u32,
    /// Retries a second that are always allowed to a backend. 3, so that little traffic can retry.
    pub budget_floor: u32,
    /// Bytes of a request body that are kept to be sent again, until the first byte of the
    /// response. 64 KiB: most bodies, and what one stream's window lets in.
    pub replay_bytes: usize,
    /// Least pause before a retry that a route asks for and gives no `backoff`. 25 ms, as Envoy.
    pub backoff: Duration,
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            tries: 2,
            budget_percent: 20,
            budget_floor: 3,
            replay_bytes: 64 << 10,
            backoff: Duration::from_millis(25),
        }
    }
}
