//! `headgate echo` as a backend.

use std::net::SocketAddr;

use super::process::{Process, headgate};

/// A running echo; its answers carry its name.
pub(crate) struct Echo {
    pub(crate) process: Process,
    pub(crate) address: SocketAddr,
}

impl Echo {
    pub(crate) async fn start(name: &str) -> Self {
        Self::start_at(name, "127.0.0.1:0").await
    }

    pub(crate) async fn start_at(name: &str, address: &str) -> Self {
        let mut command = headgate();
        command.args(["echo", "--listen", address, "--name", name]);
        let process = Process::start(command);
        let address = |line: &str| line.rsplit(' ').next()?.parse().ok();
        let address = process.stdout.wait("the echo's address", 0, address).await;
        Self { process, address }
    }
}
