//! The thread that writes the access log: takes full buffers as they come, and collects the others.

use std::io::Write;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, Weak};
use std::time::Instant;

use metrics::Counter;

use super::{Buffer, SWEEP, Shard, Shared};

pub(super) struct Output<W> {
    out: W,
    shared: Arc<Shared>,
    lines: Counter,
    /// The last write failed, which was reported once.
    failing: bool,
}

impl<W: Write> Output<W> {
    pub(super) fn new(out: W, shared: Arc<Shared>, lines: Counter) -> Self {
        Self { out, shared, lines, failing: false }
    }

    /// Writes until it is told to stop, then what is left.
    pub(super) fn run(mut self, full: &Receiver<Buffer>) {
        let mut next_sweep = Instant::now() + SWEEP;
        while !self.shared.stopping.load(Ordering::Acquire) {
            match full.recv_timeout(next_sweep.saturating_duration_since(Instant::now())) {
                Ok(buffer) => self.write(&buffer),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            if Instant::now() >= next_sweep {
                self.sweep();
                next_sweep = Instant::now() + SWEEP;
            }
        }
        // Twice: what a full queue kept out of the first round comes with the second.
        for _ in 0..2 {
            self.sweep();
            while let Ok(buffer) = full.try_recv() {
                self.write(&buffer);
            }
        }
    }

    fn sweep(&self) {
        let shards: Vec<Arc<Shard>> = {
            let mut shards = self.shared.shards();
            shards.retain(|shard| shard.strong_count() > 0);
            shards.iter().filter_map(Weak::upgrade).collect()
        };
        for shard in shards {
            shard.hand_over();
        }
    }

    fn write(&mut self, buffer: &Buffer) {
        match self.out.write_all(&buffer.text).and_then(|()| self.out.flush()) {
            Ok(()) => {
                self.lines.increment(buffer.lines);
                self.failing = false;
            }
            Err(error) => {
                self.shared.dropped.increment(buffer.lines);
                if !self.failing {
                    tracing::error!(%error, "the access log cannot be written; lines are lost");
                }
                self.failing = true;
            }
        }
    }
}
