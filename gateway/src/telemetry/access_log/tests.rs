//! The access log against readers that keep up, stick and leave.

use std::io::{self, Write};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::time::{Duration, UNIX_EPOCH};

use super::{AccessLog, LogFormat, QUEUE};
use crate::telemetry::Telemetry;
use crate::telemetry::record::Record;

/// Longer than anything here takes, shorter than a hung build.
const PATIENCE: Duration = Duration::from_secs(20);

fn record(id: &str) -> Record<'_> {
    Record {
        time: UNIX_EPOCH,
        id,
        client: "127.0.0.1:1".parse().unwrap(),
        method: "GET",
        host: "h",
        path: "/",
        protocol: http::Version::HTTP_11,
        status: Some(200),
        received: 0,
        sent: 0,
        duration: Duration::ZERO,
        first_byte: None,
        upstream: None,
        listener: None,
        route: None,
        backend: None,
        endpoint: None,
        tries: 1,
        retry: None,
        retry_reason: None,
        flag: None,
        tls: None,
        user_agent: None,
    }
}

/// Shows what is written; waits for a word before each write when it has a gate.
struct Pipe {
    seen: Sender<Vec<u8>>,
    gate: Option<Receiver<()>>,
}

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let Some(gate) = &self.gate {
            gate.recv().map_err(|_| io::ErrorKind::BrokenPipe)?;
        }
        self.seen.send(bytes.to_vec()).map_err(|_| io::ErrorKind::BrokenPipe)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn pipe(gated: bool) -> (Pipe, Receiver<Vec<u8>>, SyncSender<()>) {
    let (seen, shown) = channel();
    let (open, gate) = sync_channel(1_000);
    (Pipe { seen, gate: gated.then_some(gate) }, shown, open)
}

fn ids(text: &[u8]) -> Vec<u64> {
    let lines = std::str::from_utf8(text).unwrap().lines();
    lines
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["id"].clone())
        .map(|id| id.as_str().unwrap().parse().unwrap())
        .collect()
}

fn counted(telemetry: &Telemetry, name: &str) -> u64 {
    let text = telemetry.render();
    let line = text.lines().find_map(|line| line.strip_prefix(&format!("{name} "))).unwrap();
    line.parse().unwrap()
}

#[test]
fn a_single_line_comes_out_by_itself() {
    let (out, shown, _open) = pipe(false);
    let (log, flusher) = AccessLog::start(LogFormat::Json, out, &Telemetry::new()).unwrap();
    let writer = log.writer();
    writer.write(&record("1"));
    assert_eq!(ids(&shown.recv_timeout(PATIENCE).unwrap()), [1]);
    flusher.stop(PATIENCE);
}

#[test]
fn every_line_of_a_worker_is_written_in_order() {
    let telemetry = Telemetry::new();
    let (out, shown, _open) = pipe(false);
    let (log, flusher) = AccessLog::start(LogFormat::Json, out, &telemetry).unwrap();
    let writer = log.writer();
    for id in 0..1_000 {
        writer.write(&record(&id.to_string()));
    }
    flusher.stop(PATIENCE);
    let all: Vec<u8> = shown.try_iter().flatten().collect();
    assert_eq!(ids(&all), (0..1_000).collect::<Vec<_>>());
    assert_eq!(counted(&telemetry, "headgate_access_log_lines_total"), 1_000);
}

#[test]
fn a_stuck_reader_costs_lines_which_are_counted_and_no_time() {
    let telemetry = Telemetry::new();
    let (out, shown, open) = pipe(true);
    let (log, flusher) = AccessLog::start(LogFormat::Json, out, &telemetry).unwrap();
    let writer = log.writer();
    let mut written = 0;
    while counted(&telemetry, "headgate_access_log_dropped_total") == 0 {
        for _ in 0..1_000 {
            writer.write(&record(&written.to_string()));
            written += 1;
        }
    }
    drop(writer);
    // More than there can be buffers.
    for _ in 0..2 * QUEUE {
        open.send(()).unwrap();
    }
    flusher.stop(PATIENCE);
    let kept = ids(&shown.try_iter().flatten().collect::<Vec<u8>>());
    assert!(kept.is_sorted());
    let dropped = counted(&telemetry, "headgate_access_log_dropped_total");
    assert_eq!(kept.len() as u64 + dropped, written);
}

#[test]
fn a_reader_that_left_is_no_panic() {
    let telemetry = Telemetry::new();
    let (out, shown, _open) = pipe(false);
    drop(shown);
    let (log, flusher) = AccessLog::start(LogFormat::Text, out, &telemetry).unwrap();
    log.writer().write(&record("1"));
    flusher.stop(PATIENCE);
    assert_eq!(counted(&telemetry, "headgate_access_log_dropped_total"), 1);
}

#[test]
fn without_a_log_writing_does_nothing() {
    AccessLog::off().writer().write(&record("1"));
}
