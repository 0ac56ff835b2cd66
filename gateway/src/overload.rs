//! How near the process is to the end of its memory, and what is given up for that.
//!
//! The kernel kills what goes over its cgroup's limit, with all that it serves. Before that, new
//! work is given up step by step: kept connections, then requests, then connections. Without a
//! limit there is no overload. Whoever reads a [`Level`] acts on it; this only measures.

mod cgroup;

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering::Relaxed};

use crate::settings::Overload as Settings;
use cgroup::Cgroup;

/// How much is given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    /// Nothing.
    Calm,
    /// Connections are not kept: idle ones are closed, others with their next response.
    Tight,
    /// New requests are answered with 503.
    Short,
    /// No connection is accepted.
    Full,
}

const LEVELS: [Level; 4] = [Level::Calm, Level::Tight, Level::Short, Level::Full];

/// The level now; clones show the same.
#[derive(Clone, Debug, Default)]
pub(crate) struct Overload(Arc<AtomicU8>);

impl Overload {
    /// The level now.
    pub(crate) fn level(&self) -> Level {
        LEVELS[usize::from(self.0.load(Relaxed))]
    }

    fn set(&self, level: Level) {
        let before = self.0.swap(level as u8, Relaxed);
        if before != level as u8 {
            tracing::warn!(?level, "memory");
        }
    }

    #[cfg(test)]
    pub(crate) fn pretend(&self, level: Level) {
        self.set(level);
    }
}

/// Measures. One per process.
pub(crate) struct Gauge {
    cgroup: Option<Cgroup>,
    settings: Settings,
    overload: Overload,
}

impl Gauge {
    /// Shows in `overload` what it finds.
    pub(crate) fn new(settings: &Settings, overload: Overload) -> Self {
        Self { cgroup: Cgroup::own(), settings: settings.clone(), overload }
    }

    /// Looks once: reads two or three short files of the kernel's.
    pub(crate) fn look(&self) {
        let used = self.cgroup.as_ref().and_then(Cgroup::used_percent);
        self.overload.set(level(used.unwrap_or(0), &self.settings));
    }
}

fn level(percent: u64, settings: &Settings) -> Level {
    match percent {
        used if used >= settings.refuse_percent => Level::Full,
        used if used >= settings.shed_percent => Level::Short,
        used if used >= settings.tight_percent => Level::Tight,
        _ => Level::Calm,
    }
}

#[cfg(test)]
mod tests {
    use super::{Level, Settings, level};

    #[test]
    fn more_is_given_up_the_more_is_used() {
        let settings = Settings::default();
        for (percent, expected) in [
            (0, Level::Calm),
            (84, Level::Calm),
            (85, Level::Tight),
            (92, Level::Short),
            (97, Level::Full),
            (120, Level::Full),
        ] {
            assert_eq!(level(percent, &settings), expected, "{percent} %");
        }
    }
}
