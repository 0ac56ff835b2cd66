//! What changes tell: which version is live, how long it took, what was refused.

use std::time::Duration;

use metrics::{Counter, Gauge, Histogram};
use snapshot::{Snapshot, Version};

use super::family::{Family, WORK_SECONDS};
use super::registry::Registry;

static VERSION: Family =
    Family::gauge("headgate_snapshot_version", "Version of the snapshot that is live.");
static APPLIED: Family =
    Family::counter("headgate_snapshots_applied_total", "Snapshots that became live.");
static APPLY: Family = Family::histogram(
    "headgate_snapshot_apply_seconds",
    "Time from a snapshot's arrival to the moment that every table is live.",
    &WORK_SECONDS,
);
static LIVE: Family = Family::histogram(
    "headgate_change_live_seconds",
    "Time from the source's notice of a change to the moment that it is live.",
    &WORK_SECONDS,
);
static REFUSED: Family = Family::gauge(
    "headgate_resources_refused",
    "Resources of the live snapshot that could not be compiled; their old form serves on.",
);
static PROBLEMS: Family = Family::gauge(
    "headgate_source_problems",
    "Documents of the source that cannot be read or that no API server would take.",
);
static RESOURCES: Family =
    Family::gauge("headgate_snapshot_resources", "Resources of the live snapshot, by kind.");

/// Numbers of the way from a change to a table.
#[derive(Debug)]
pub struct ConfigMetrics {
    version: Gauge,
    applied: Counter,
    apply: Histogram,
    live: Histogram,
    refused: Gauge,
    problems: Gauge,
    resources: [Gauge; 6],
}

impl ConfigMetrics {
    pub(super) fn new(process: &Registry) -> Self {
        Self {
            version: process.gauge(&VERSION, ""),
            applied: process.counter(&APPLIED, ""),
            apply: process.histogram(&APPLY),
            live: process.histogram(&LIVE),
            refused: process.gauge(&REFUSED, ""),
            problems: process.gauge(&PROBLEMS, ""),
            resources: ["Listener", "Route", "Backend", "Endpoints", "Certificate", "Drain"]
                .map(|kind| process.gauge(&RESOURCES, format!("kind=\"{kind}\""))),
        }
    }

    /// A snapshot is live, `took` after it arrived, with so many resources refused.
    pub fn applied(&self, snapshot: &Snapshot, took: Duration, refused: usize) {
        let Version(version) = snapshot.version;
        self.version.set(version as f64);
        self.applied.increment(1);
        self.apply.record(took);
        self.refused.set(refused as f64);
        let sizes = [
            snapshot.listeners.len(),
            snapshot.routes.len(),
            snapshot.backends.len(),
            snapshot.endpoints.len(),
            snapshot.certificates.len(),
            snapshot.drains.len(),
        ];
        for (gauge, size) in self.resources.iter().zip(sizes) {
            gauge.set(size as f64);
        }
    }

    /// A change of the source is live, so long after the source noticed it.
    pub fn change_live(&self, after: Duration) {
        self.live.record(after);
    }

    /// The source has so many documents that it could not use.
    pub fn problems(&self, count: usize) {
        self.problems.set(count as f64);
    }
}
