//! What the kernel knows of this process, under the names that Prometheus' clients share, and
//! which build it is. Where `/proc` does not say, a line is left out.

use std::fmt::Write;
use std::fs;
use std::sync::LazyLock;
use std::time::{SystemTime, UNIX_EPOCH};

use super::family::Kind;
use super::text::head;

/// Clock ticks per second in `/proc/PID/stat`: Linux' USER_HZ, 100 on every platform that Rust's
/// standard library supports.
const TICKS_PER_SECOND: f64 = 100.0;

static STARTED: LazyLock<f64> = LazyLock::new(|| {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
});

/// Notes the time that `process_start_time_seconds` shows.
pub(super) fn started() {
    LazyLock::force(&STARTED);
}

/// Reads all of it now.
pub(super) fn render(text: &mut String) {
    let version = env!("CARGO_PKG_VERSION");
    head(text, "headgate_build_info", "Always 1; the label says which build.", Kind::Gauge);
    line(text, &format!("headgate_build_info{{version=\"{version}\"}}"), Some(1.0));
    let name = "process_start_time_seconds";
    head(text, name, "When the process started, in seconds since 1970.", Kind::Gauge);
    line(text, name, Some(*STARTED));
    let name = "process_cpu_seconds_total";
    head(text, name, "CPU time of the process, user and system.", Kind::Counter);
    line(text, name, cpu_seconds(&read("/proc/self/stat")));
    let status = read("/proc/self/status");
    let name = "process_resident_memory_bytes";
    head(text, name, "Memory that the process has in RAM.", Kind::Gauge);
    line(text, name, kibibytes(&status, "VmRSS:"));
    let name = "process_virtual_memory_bytes";
    head(text, name, "Address space of the process.", Kind::Gauge);
    line(text, name, kibibytes(&status, "VmSize:"));
    let name = "process_open_fds";
    head(text, name, "Open file descriptors.", Kind::Gauge);
    line(text, name, open_fds());
    let name = "process_max_fds";
    head(text, name, "Most file descriptors that the process may open.", Kind::Gauge);
    line(text, name, max_fds(&read("/proc/self/limits")));
    let name = "process_threads";
    head(text, name, "Threads of the process.", Kind::Gauge);
    line(text, name, field(&status, "Threads:").and_then(|value| value.parse().ok()));
}

fn line(text: &mut String, name: &str, value: Option<f64>) {
    if let Some(value) = value {
        writeln!(text, "{name} {value}").expect("a String takes every write");
    }
}

fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

/// Fields 14 and 15; the name in field 2 may hold spaces, so they are counted behind it.
fn cpu_seconds(stat: &str) -> Option<f64> {
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_ascii_whitespace().skip(11);
    let user: f64 = fields.next()?.parse().ok()?;
    let system: f64 = fields.next()?.parse().ok()?;
    Some((user + system) / TICKS_PER_SECOND)
}

fn field<'s>(status: &'s str, name: &str) -> Option<&'s str> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_ascii_whitespace().next()
}

fn kibibytes(status: &str, name: &str) -> Option<f64> {
    field(status, name)?.parse::<f64>().ok().map(|kib| kib * 1024.0)
}

fn open_fds() -> Option<f64> {
    // The directory that is being read is open as well.
    fs::read_dir("/proc/self/fd").ok().map(|all| all.count().saturating_sub(1) as f64)
}

fn max_fds(limits: &str) -> Option<f64> {
    field(limits, "Max open files").and_then(|soft| match soft {
        "unlimited" => Some(f64::INFINITY),
        _ => soft.parse().ok(),
    })
}

#[cfg(test)]
mod tests {
    use super::{cpu_seconds, field, kibibytes, max_fds};

    #[test]
    fn cpu_time_is_found_behind_a_name_with_spaces() {
        let stat = "7 (a ) b) S 1 7 7 0 -1 4194560 100 0 0 0 250 50 0 0 20 0 3 0 99 1 1";
        assert_eq!(cpu_seconds(stat), Some(3.0));
        assert_eq!(cpu_seconds("nonsense"), None);
    }

    #[test]
    fn the_kernels_tables_are_read_by_name() {
        let status = "Name:\theadgate\nVmSize:\t  2048 kB\nVmRSS:\t    12 kB\nThreads:\t5\n";
        assert_eq!(kibibytes(status, "VmRSS:"), Some(12.0 * 1024.0));
        assert_eq!(field(status, "Threads:"), Some("5"));
        assert_eq!(kibibytes(status, "VmSwap:"), None);
        let limits = "Max open files            1024                 524288               files\n";
        assert_eq!(max_fds(limits), Some(1024.0));
    }
}
