//! What integration tests stand on: the real binary on a folder of its own, backends that record,
//! clients down to the byte.
//!
//! Rules: nothing waits by sleeping, every wait has an event and ends after [`PATIENCE`]; ports are
//! free ones, so that tests run side by side; whatever is started ends with the value that owns it.

pub(crate) mod backend;
pub(crate) mod client;
pub(crate) mod echo;
pub(crate) mod folder;
pub(crate) mod grpc;
pub(crate) mod lines;
pub(crate) mod manifest;
pub(crate) mod port;
pub(crate) mod process;
pub(crate) mod raw;
pub(crate) mod site;
pub(crate) mod tls;

use std::time::Duration;

use tokio::time::timeout;

/// Longer than anything takes that works, on a machine that is busy with other tests.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// The result of `work`, or a panic that names `what` when it takes too long.
pub(crate) async fn within<T>(what: &str, work: impl Future<Output = T>) -> T {
    match timeout(PATIENCE, work).await {
        Ok(result) => result,
        Err(_) => panic!("{what}: nothing after {PATIENCE:?}"),
    }
}
