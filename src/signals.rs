//! SIGTERM and SIGINT: the first one asks to end, the second one ends.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// Takes the signals over from their defaults.
pub(crate) struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// From now on, signals come here. Must be called inside a tokio runtime.
    pub(crate) fn listen() -> io::Result<Self> {
        let terminate = signal(SignalKind::terminate())?;
        let interrupt = signal(SignalKind::interrupt())?;
        Ok(Self { terminate, interrupt })
    }

    /// Waits for one. A signal that came before the call counts.
    pub(crate) async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
