//! Writes statuses: off the data path, only what differs, only while we hold the Lease.
//!
//! Promises: every write is a compare and swap on what was read just before; a conflict reads
//! again; a failure is tried again later and stops no other object; an object is written at most
//! once per [`GAP`], with what is newest then, so a burst of changes costs few writes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use ::kube::Client;
use futures::StreamExt;
use http::{Method, Request, header};
use imbl::ordmap::DiffItem;
use jiff::{Timestamp, Unit};
use serde_json::Value;
use snapshot::ObjectKey;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::arrival::{Arrival, ArrivalCounts};
use super::infrastructure::{self, Services};
use super::lease::{Hold, Keeper, LeaseSettings, release};
use super::merge::merge;
use super::served::Served;
use super::wire::url;
use crate::objects::Kind;
use crate::status::{ObjectStatus, PolicyStatus, RouteStatus, Statuses};

/// Least time between two writes of one object.
const GAP: Duration = Duration::from_millis(250);
/// After a failure an object waits this much longer: what is forbidden or invalid stays so for a
/// while, and other objects are not held up by it.
const AFTER_FAILURE: Duration = Duration::from_secs(3);
/// Requests under way at once: enough to write 1,000 routes in about a second, too few to crowd an
/// API server.
const PARALLEL: usize = 16;
/// A request that takes longer counts as failed.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Tries of one object against concurrent writers before it goes to the back of the queue.
const CONFLICTS: usize = 5;

type Name = (Kind, ObjectKey);
/// Objects to write with what to say of them; `None` where there is nothing to say any more.
type Due = Vec<(Name, Option<Arc<ObjectStatus>>)>;

/// What the writer has done, for metrics and tests.
#[derive(Debug, Default)]
pub struct WriterCounts {
    /// Statuses written.
    pub writes: AtomicU64,
    /// Writes and reads that failed, conflicts left out.
    pub failures: AtomicU64,
    /// Writes refused because the object had changed.
    pub conflicts: AtomicU64,
}

/// Owner of the writing task.
pub struct StatusWriter {
    wanted: watch::Sender<Statuses>,
    services: watch::Sender<Services>,
    served: watch::Sender<Served>,
    arrivals: Arc<ArrivalCounts>,
    renewed: Arc<Renewed>,
    counts: Arc<WriterCounts>,
    task: JoinHandle<()>,
    client: Client,
    lease: LeaseSettings,
}

impl StatusWriter {
    /// Starts it, without the lease. Must be called inside a tokio runtime.
    #[must_use]
    pub fn start(client: Client, lease: LeaseSettings) -> Self {
        let (wanted, statuses) = watch::channel(Statuses::default());
        let counts = Arc::<WriterCounts>::default();
        let (services, wanted_services) = watch::channel(Services::default());
        let (keeper, hold) = Keeper::new(client.clone(), lease.clone());
        let services_kept = infrastructure::keep(client.clone(), hold.clone(), wanted_services);
        let (served, live) = watch::channel(Served::default());
        let arrivals = Arc::<ArrivalCounts>::default();
        let arrival = Arrival::new(client.clone(), hold.clone(), live, arrivals.clone());
        let renewed = Arc::<Renewed>::default();
        let writer = Writer {
            client: client.clone(),
            hold,
            renewed: renewed.clone(),
            counts: counts.clone(),
            written: Statuses::default(),
            last: BTreeMap::new(),
        };
        // They end together: nobody writes without the keeper.
        let task = tokio::spawn(async move {
            tokio::join!(keeper.keep(), writer.run(statuses), services_kept, arrival.keep());
        });
        Self { wanted, services, served, arrivals, renewed, counts, task, client, lease }
    }

    /// Says what should stand. Only statuses whose snapshot is live: `Programmed` is true here when
    /// the table that serves it is.
    pub fn offer(&self, statuses: Statuses, services: Services) {
        self.wanted.send_replace(statuses);
        self.services.send_if_modified(|old| {
            let differ = *old != services;
            *old = services;
            differ
        });
    }

    /// Says what is live, for the pods that wait for it.
    pub fn serve(&self, served: Served) {
        self.served.send_replace(served);
    }

    /// What was told to pods so far.
    #[must_use]
    pub fn arrivals(&self) -> &Arc<ArrivalCounts> {
        &self.arrivals
    }

    /// Says that objects of these names are gone, or others than before: what was written to the
    /// old ones says nothing of the new.
    pub fn renewed(&self, names: impl IntoIterator<Item = (Kind, ObjectKey)>) {
        let mut renewed = self.renewed.lock().unwrap_or_else(PoisonError::into_inner);
        renewed.extend(names);
    }

    /// What it has done so far.
    #[must_use]
    pub fn counts(&self) -> &Arc<WriterCounts> {
        &self.counts
    }

    /// Ends it and gives the lease back.
    pub async fn stop(self) {
        self.task.abort();
        // An aborted task reports just that; a panic in it has been logged by the panic hook.
        let _ended = self.task.await;
        release(self.client, &self.lease).await;
    }
}

/// Names to forget before the next look at what differs; at most one for each object.
type Renewed = Mutex<BTreeSet<Name>>;

struct Writer {
    client: Client,
    hold: Hold,
    renewed: Arc<Renewed>,
    counts: Arc<WriterCounts>,
    /// What stands on the API server as far as we know, in our words.
    written: Statuses,
    /// When each object was written last, or counts as written after a failure, until a gap later.
    last: BTreeMap<Name, Instant>,
}

impl Writer {
    async fn run(mut self, mut wanted: watch::Receiver<Statuses>) {
        loop {
            if !self.hold.is_held() {
                // Whoever holds the lease in between writes what we can't know.
                self.written = Statuses::default();
                self.hold.changed().await;
                continue;
            }
            let statuses = wanted.borrow_and_update().clone();
            self.forget_renewed();
            let (due, later) = self.split(&statuses, Instant::now());
            let failed = self.write_all(due).await;
            if failed || later {
                tokio::time::sleep(GAP).await;
                continue;
            }
            tokio::select! {
                alive = wanted.changed() => if alive.is_err() { return },
                () = self.hold.changed() => {}
            }
        }
    }

    fn forget_renewed(&mut self) {
        let mut renewed = self.renewed.lock().unwrap_or_else(PoisonError::into_inner);
        for name in std::mem::take(&mut *renewed) {
            self.written.remove(&name);
        }
    }

    /// What differs and may be written now, and whether there is more that must wait.
    fn split(&mut self, wanted: &Statuses, now: Instant) -> (Due, bool) {
        self.last.retain(|_, at| now - *at < GAP);
        let mut later = false;
        let mut due = Vec::new();
        for difference in self.written.diff(wanted) {
            let (name, status) = match difference {
                DiffItem::Add(name, status) => (name, Some(status.clone())),
                DiffItem::Update { new: (name, status), .. } => (name, Some(status.clone())),
                DiffItem::Remove(name, _) => (name, None),
            };
            if self.last.contains_key(name) {
                later = true;
            } else {
                due.push((name.clone(), status));
            }
        }
        (due, later)
    }

    /// Writes them; true when one must be tried again.
    async fn write_all(&mut self, due: Due) -> bool {
        let (client, hold, counts) = (&self.client, &self.hold, &self.counts);
        let mut results = futures::stream::iter(due)
            .map(|(name, status)| async move {
                let said = status.clone().or_else(|| nothing_to_say(name.0).map(Arc::new));
                let done = match said {
                    Some(said) => write(client, hold, counts, &name, &said).await,
                    None => Ok(false),
                };
                (name, status, done)
            })
            .buffer_unordered(PARALLEL);
        let mut failed = false;
        while let Some((name, status, done)) = results.next().await {
            match done {
                Ok(wrote) => {
                    if wrote {
                        self.last.insert(name.clone(), Instant::now());
                    }
                    match status {
                        Some(status) => self.written.insert(name, status),
                        None => self.written.remove(&name),
                    };
                }
                Err(error) => {
                    failed = true;
                    self.last.insert(name.clone(), Instant::now() + AFTER_FAILURE);
                    counts.failures.fetch_add(1, Ordering::Relaxed);
                    tracing::warn!(kind = %name.0, object = %name.1, error, "status not written");
                }
            }
        }
        failed
    }
}

/// What stands of ours in an object that we no longer speak of: lists that we share lose our
/// entries; a GatewayClass or Gateway that is no longer ours belongs to somebody else.
fn nothing_to_say(kind: Kind) -> Option<ObjectStatus> {
    match kind {
        Kind::HttpRoute | Kind::GrpcRoute => {
            Some(ObjectStatus::Route(RouteStatus { parents: Arc::default() }))
        }
        Kind::BackendTlsPolicy | Kind::BackendLifecyclePolicy => {
            Some(ObjectStatus::Policy(PolicyStatus { ancestors: Vec::new() }))
        }
        _ => None,
    }
}

/// Reads, merges, compares and swaps; true when something was written.
async fn write(
    client: &Client,
    hold: &Hold,
    counts: &WriterCounts,
    (kind, key): &Name,
    status: &ObjectStatus,
) -> Result<bool, String> {
    let object_url = url(*kind, key);
    for _ in 0..CONFLICTS {
        let Some(mut object) = request(client, Method::GET, &object_url, None).await? else {
            return Ok(false);
        };
        let now = Timestamp::now().round(Unit::Second).unwrap_or_else(|_| Timestamp::now());
        let Some(merged) = merge(&object["status"], status, &now.to_string()) else {
            return Ok(false);
        };
        object["status"] = merged;
        if !hold.is_held() {
            return Err("the lease is lost".to_owned());
        }
        let body = Some(object.to_string().into_bytes());
        match request(client, Method::PUT, &format!("{object_url}/status"), body).await {
            Ok(Some(_)) => {
                counts.writes.fetch_add(1, Ordering::Relaxed);
                return Ok(true);
            }
            Ok(None) => return Ok(false),
            Err(error) if error == CONFLICT => {
                counts.conflicts.fetch_add(1, Ordering::Relaxed);
            }
            Err(error) => return Err(error),
        }
    }
    Err(CONFLICT.to_owned())
}

const CONFLICT: &str = "somebody else writes it at the same time";

/// The object that came back; `None` when there is none of the name.
async fn request(
    client: &Client,
    method: Method,
    url: &str,
    body: Option<Vec<u8>>,
) -> Result<Option<Value>, String> {
    let request = Request::builder()
        .method(method)
        .uri(url)
        .header(header::CONTENT_TYPE, "application/json")
        .body(body.unwrap_or_default())
        .map_err(|error| error.to_string())?;
    match tokio::time::timeout(TIMEOUT, client.request::<Value>(request)).await {
        Err(_late) => Err(format!("no answer in {TIMEOUT:?}")),
        Ok(Ok(object)) => Ok(Some(object)),
        Ok(Err(::kube::Error::Api(status))) if status.code == 404 => Ok(None),
        Ok(Err(::kube::Error::Api(status))) if status.code == 409 => Err(CONFLICT.to_owned()),
        Ok(Err(error)) => Err(error.to_string()),
    }
}
