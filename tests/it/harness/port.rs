//! Free ports for listeners, which manifests name before anybody binds them.

use std::net::TcpListener;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU16, Ordering};

/// Below Linux' ephemeral ports, so that no outgoing connection takes one that we have chosen.
const FIRST: u16 = 11_000;
const COUNT: u16 = 20_000;

/// Test processes side by side begin at different places.
static NEXT: LazyLock<AtomicU16> = LazyLock::new(|| {
    let start = std::process::id().wrapping_mul(617) % u32::from(COUNT);
    AtomicU16::new(u16::try_from(start).expect("below COUNT"))
});

/// A port that nobody listens on, handed out once.
pub(crate) fn free() -> u16 {
    for _ in 0..COUNT {
        let port = FIRST + NEXT.fetch_add(1, Ordering::Relaxed) % COUNT;
        // Both families, as a listener without an address binds both.
        let free = |address: &str| TcpListener::bind((address, port)).is_ok();
        if free("127.0.0.1") && (free("::") || free("0.0.0.0")) {
            return port;
        }
    }
    panic!("no port is free");
}
