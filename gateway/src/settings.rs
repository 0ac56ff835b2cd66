//! Every limit and time that the gateway keeps, with its default and the reason for it.
//!
//! Nothing here is unbounded: what has no number in a configuration has one here. Defaults are safe
//! as shipped. Times that users set on a route (`timeouts`, `retry`) stand in the snapshot and go
//! before these; this module knows neither them nor who reads which value.

mod client;
mod upstream;

use std::fmt;
use std::num::NonZeroUsize;
use std::time::Duration;

pub use client::{Client, Head, Http2, Limits};
pub use upstream::{Retry, Upstream};

/// Everything that can be set. `Settings::default()` is what ships.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Worker threads that serve traffic; a connection lives and dies on one. Default: one per
    /// core, because a worker never blocks and a second one per core only adds switches.
    pub workers: NonZeroUsize,
    /// Slow, old and greedy clients.
    pub client: Client,
    /// How large a request's head, and what frames its body, may be.
    pub head: Head,
    /// HTTP/2 towards clients.
    pub http2: Http2,
    /// How many connections, and how they are taken.
    pub limits: Limits,
    /// Connections to endpoints, and waiting for them.
    pub upstream: Upstream,
    /// What may be tried again, and how often.
    pub retry: Retry,
    /// What is given up when memory runs out.
    pub overload: Overload,
    /// How the gateway itself ends.
    pub stop: Stop,
    /// What session tokens are sealed with. `None`: each process makes its own key, so sessions
    /// end with the process and are not shared between replicas.
    pub session_key: Option<SessionKey>,
}

/// 32 bytes that nobody may see, not even in a log.
#[derive(Clone)]
pub struct SessionKey(pub [u8; 32]);

impl SessionKey {
    /// A key that nobody knows.
    #[must_use]
    pub fn made_up() -> Self {
        let mut key = [0; 32];
        aws_lc_rs::rand::fill(&mut key).expect("the system's random source is open");
        Self(key)
    }
}

impl fmt::Debug for SessionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }
}

impl Default for Settings {
    fn default() -> Self {
        let one = NonZeroUsize::MIN;
        Self {
            workers: std::thread::available_parallelism().unwrap_or(one),
            client: Client::default(),
            head: Head::default(),
            http2: Http2::default(),
            limits: Limits::default(),
            upstream: Upstream::default(),
            retry: Retry::default(),
            overload: Overload::default(),
            stop: Stop::default(),
            session_key: None,
        }
    }
}

/// Shares of the memory limit (of the cgroup; without one there is no overload), in percent.
#[derive(Clone, Debug)]
pub struct Overload {
    /// From here on connections are not kept. 85: what they hold is what can be given up without
    /// refusing anybody.
    pub tight_percent: u64,
    /// From here on new requests are answered with 503. 92: what runs may still grow a little.
    pub shed_percent: u64,
    /// From here on no connection is accepted. 97: one step before the kernel kills.
    pub refuse_percent: u64,
}

impl Default for Overload {
    fn default() -> Self {
        Self { tight_percent: 85, shed_percent: 92, refuse_percent: 97 }
    }
}

/// From SIGTERM to the end of the process.
#[derive(Clone, Debug)]
pub struct Stop {
    /// Connections are still accepted for this long, because a load balancer in front needs that
    /// long to see that we are not ready. 15 s: three probes of 5 s.
    pub pre_drain: Duration,
    /// What is still in flight this long after SIGTERM (`pre_drain` included) is cut. 25 s: below
    /// the 30 s after which Kubernetes kills.
    pub deadline: Duration,
    /// What is still in flight this long after another process took over is cut. 1 h: a stream
    /// that lasts longer is made to be begun again, and a process that nobody sees must end.
    pub upgrade_deadline: Duration,
    /// What is cut gets this long to say so (a close frame, a GOAWAY). 1 s: one round trip, even
    /// on a bad link, and still within the 30 s above.
    pub farewell: Duration,
}

impl Default for Stop {
    fn default() -> Self {
        Self {
            pre_drain: Duration::from_secs(15),
            deadline: Duration::from_secs(25),
            upgrade_deadline: Duration::from_secs(3600),
            farewell: Duration::from_secs(1),
        }
    }
}
