//! The access log: lines leave the request path at once and are written by one thread.
//!
//! Each worker formats into a buffer of its own; full buffers go over a bounded channel to the
//! thread, and so do, [`SWEEP`] after their first line, those that don't fill. A reader that does
//! not keep up costs lines, which are counted, and never a request's time. A worker's lines stay
//! in their order.

mod output;

use std::io::{self, Write};
use std::mem;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use metrics::Counter;

use super::Telemetry;
use super::family::Family;
use super::line::Formatter;
use super::record::Record;
use output::Output;

static LINES: Family =
    Family::counter("headgate_access_log_lines_total", "Lines given to the access log's output.");
static DROPPED: Family = Family::counter(
    "headgate_access_log_dropped_total",
    "Lines lost because the access log's output did not keep up or failed.",
);

/// A buffer of this size goes to the thread: some 400 lines, so that the channel, the thread's
/// wake-up and the system call cost each line next to nothing.
const FULL: usize = 128 * 1024;
/// Room behind [`FULL`] for the line that fills it, so that buffers seldom grow.
const SLACK: usize = 2 * 1024;
/// Buffers that wait for the output: 2 MiB, or some 6,000 lines, bridge a pause of the reader.
const QUEUE: usize = 16;
/// How long a line may stay in a buffer that does not fill.
const SWEEP: Duration = Duration::from_millis(200);

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
pub struct AccessLog(Option<Arc<Shared>>);

/// Owns the thread that writes.
#[derive(Debug)]
#[must_use]
pub struct LogFlusher {
    shared: Arc<Shared>,
    thread: JoinHandle<()>,
    /// Closed when the thread ends.
    ended: Receiver<()>,
}

/// A worker's way into the log: formats into its own buffer, never waits.
#[derive(Debug)]
pub struct LogWriter(Option<Arc<Shard>>);

#[derive(Debug)]
struct Shared {
    format: LogFormat,
    queue: SyncSender<Buffer>,
    /// One for each writer; those of writers that are gone are removed by the sweep.
    shards: Mutex<Vec<Weak<Shard>>>,
    stopping: AtomicBool,
    dropped: Counter,
}

#[derive(Debug)]
struct Shard {
    shared: Arc<Shared>,
    /// Taken by its worker for each line and by the sweep five times a second, for the time of a
    /// pointer swap.
    open: Mutex<Open>,
}

#[derive(Debug)]
struct Open {
    formatter: Formatter,
    buffer: Buffer,
}

#[derive(Debug, Default)]
struct Buffer {
    text: Vec<u8>,
    lines: u64,
}

impl AccessLog {
    /// No access log: every line costs one branch.
    #[must_use]
    pub fn off() -> Self {
        Self(None)
    }

    /// Starts the thread that writes to `out`.
    ///
    /// # Errors
    /// When the thread cannot be started.
    pub fn start(
        format: LogFormat,
        out: impl Write + Send + 'static,
        telemetry: &Telemetry,
    ) -> io::Result<(Self, LogFlusher)> {
        let (queue, full) = sync_channel(QUEUE);
        let process = &telemetry.0.process;
        let shared = Arc::new(Shared {
            format,
            queue,
            shards: Mutex::default(),
            stopping: AtomicBool::new(false),
            dropped: process.counter(&DROPPED, ""),
        });
        let output = Output::new(out, shared.clone(), process.counter(&LINES, ""));
        let (alive, ended) = sync_channel(0);
        let thread = thread::Builder::new().name("access-log".into()).spawn(move || {
            output.run(&full);
            drop::<SyncSender<()>>(alive);
        })?;
        Ok((Self(Some(shared.clone())), LogFlusher { shared, thread, ended }))
    }

    /// A writer for one worker.
    #[must_use]
    pub fn writer(&self) -> LogWriter {
        LogWriter(self.0.as_ref().map(|shared| {
            let open = Open { formatter: Formatter::new(shared.format), buffer: Buffer::default() };
            let shard = Arc::new(Shard { shared: shared.clone(), open: Mutex::new(open) });
            shared.shards().push(Arc::downgrade(&shard));
            shard
        }))
    }
}

impl LogFlusher {
    /// Writes what has come and ends the thread. Waits for an output that is stuck no longer than
    /// `limit`; its thread is then left to the end of the process.
    pub fn stop(self, limit: Duration) {
        self.shared.stopping.store(true, Ordering::Release);
        // Wakes the thread; where the queue is full it is awake and looks after each buffer.
        let _ = self.shared.queue.try_send(Buffer::default());
        if self.ended.recv_timeout(limit) != Err(RecvTimeoutError::Timeout) {
            self.thread.join().expect("the thread that writes the access log does not panic");
        }
    }
}

impl LogWriter {
    /// Adds a line.
    pub fn write(&self, record: &Record<'_>) {
        let Some(shard) = &self.0 else { return };
        let Open { formatter, buffer } = &mut *shard.open();
        formatter.line(&mut buffer.text, record);
        buffer.lines += 1;
        if buffer.text.len() >= FULL {
            let fresh = Vec::with_capacity(FULL + SLACK);
            let full = Buffer { text: mem::replace(&mut buffer.text, fresh), lines: buffer.lines };
            buffer.lines = 0;
            if let Err(TrySendError::Full(lost) | TrySendError::Disconnected(lost)) =
                shard.shared.queue.try_send(full)
            {
                shard.shared.dropped.increment(lost.lines);
            }
        }
    }
}

impl Drop for LogWriter {
    fn drop(&mut self) {
        if let Some(shard) = &self.0 {
            shard.hand_over();
            // What the queue had no room for goes with us.
            shard.shared.dropped.increment(shard.open().buffer.lines);
        }
    }
}

impl Shared {
    fn shards(&self) -> MutexGuard<'_, Vec<Weak<Shard>>> {
        self.shards.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shard {
    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends what there is, by the same queue as full buffers and under the lock, so that lines
    /// keep their order. Where the queue is full it stays for the next sweep.
    fn hand_over(&self) {
        let mut open = self.open();
        if open.buffer.lines == 0 {
            return;
        }
        match self.shared.queue.try_send(mem::take(&mut open.buffer)) {
            Ok(()) => {}
            Err(TrySendError::Full(buffer)) => open.buffer = buffer,
            Err(TrySendError::Disconnected(lost)) => self.shared.dropped.increment(lost.lines),
        }
    }
}

#[cfg(test)]
mod tests;
