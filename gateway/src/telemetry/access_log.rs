//! The access log: lines leave the request path at once and are written by one thread.

use std::io;

use super::Telemetry;
use super::record::Record;

/// How a line looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One object a line.
    Json,
}

/// Hands out writers; clones write to the same place.
#[derive(Clone, Debug)]
pub struct AccessLog(());

/// Owns the thread that writes.
#[derive(Debug)]
#[must_use]
pub struct LogFlusher(());

/// A worker's way into the log: formats into its own buffer, never waits.
#[derive(Debug)]
pub struct LogWriter(());

impl AccessLog {
    /// No access log: every line costs one branch.
    #[must_use]
    pub fn off() -> Self {
        unimplemented!("access log")
    }

    /// Starts the thread that writes to `out`.
    ///
    /// # Errors
    /// When the thread cannot be started.
    pub fn start(
        _format: LogFormat,
        _out: impl io::Write + Send + 'static,
        _telemetry: &Telemetry,
    ) -> io::Result<(Self, LogFlusher)> {
        unimplemented!("access log")
    }

    /// A writer for one worker.
    #[must_use]
    pub fn writer(&self) -> LogWriter {
        unimplemented!("access log")
    }
}

impl LogFlusher {
    /// Writes what has come and ends the thread; waits for a stuck reader no longer than `limit`.
    pub fn stop(self, _limit: std::time::Duration) {
        unimplemented!("access log")
    }
}

impl LogWriter {
    /// Adds a line.
    pub fn write(&self, _record: &Record<'_>) {
        unimplemented!("access log")
    }
}
