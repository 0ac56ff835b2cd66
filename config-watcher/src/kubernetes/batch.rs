//! All watches together: their reports become batches, in the same form as those of a folder.
//!
//! Promises: what is queued is taken at once and sent as one batch, so a slow receiver gets fewer
//! and larger ones; a batch is complete only after every kind's first list, and after every Secret
//! and ConfigMap that those refer to has been found, found missing, or refused.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use ::kube::{Api, Client};
use snapshot::ObjectKey;
use tokio::sync::{mpsc, watch};
use tokio::task::{AbortHandle, JoinHandle, JoinSet};

use super::Settings;
use super::watch::{Failure, Report, follow};
use super::wire::{Watched, Wire};
use crate::api::core::{ConfigMap, EndpointSlice, Namespace, Secret, Service};
use crate::api::gateway::{Gateway, GatewayClass, ListenerSet};
use crate::api::grant::ReferenceGrant;
use crate::api::meta::Origin;
use crate::api::policy::{BackendLifecyclePolicy, BackendTlsPolicy};
use crate::api::route::{GrpcRoute, HttpRoute};
use crate::manifests::{Batch, Problem, Severity};
use crate::objects::{Change, Kind};
use crate::translate::Wanted as WantedNames;

/// Reports that may wait: enough for a burst of single changes; a list is one report.
const REPORTS: usize = 1_024;
/// Batches that may wait: one being applied, one behind it.
const BATCHES: usize = 1;

/// The names that objects refer to, as of a number of batches.
#[derive(Clone, Debug, Default)]
struct Wanted {
    batches: u64,
    names: WantedNames,
}

/// Owner of all watches.
#[derive(Debug)]
pub struct Source {
    wanted: watch::Sender<Wanted>,
    task: JoinHandle<()>,
}

impl Source {
    /// Says which Secrets and ConfigMaps are referred to after `batches` batches have been taken
    /// in. Others are forgotten.
    pub fn want(&self, batches: u64, names: WantedNames) {
        self.wanted.send_if_modified(|wanted| {
            let news = wanted.batches != batches || wanted.names != names;
            *wanted = Wanted { batches, names };
            news
        });
    }

    /// Ends all watches.
    pub async fn stop(self) {
        self.task.abort();
        // An aborted task reports just that; a panic in it has been logged by the panic hook.
        let _ended = self.task.await;
    }
}

/// Watches the API behind `client`. Must be called inside a tokio runtime.
#[must_use]
pub fn watch(client: Client, settings: Settings) -> (Source, mpsc::Receiver<Batch>) {
    let (wanted, names) = watch::channel(Wanted::default());
    let (to, batches) = mpsc::channel(BATCHES);
    let (reports_to, reports) = mpsc::channel(REPORTS);
    let mut collector = Collector {
        client,
        settings,
        tasks: JoinSet::new(),
        reports_to,
        unlisted: BTreeSet::new(),
        named: BTreeMap::new(),
        troubles: BTreeMap::new(),
        sent: 0,
        settled: None,
        complete: false,
    };
    collector.follow_kinds();
    let task = tokio::spawn(collector.run(reports, names, to));
    (Source { wanted, task }, batches)
}

/// A watch of one object by name.
struct Named {
    task: AbortHandle,
    answered: bool,
}

/// What one watch has to say for people.
#[derive(Default, PartialEq)]
struct Trouble {
    undecodable: BTreeMap<ObjectKey, String>,
    failure: Option<Failure>,
}

struct Collector {
    client: Client,
    settings: Settings,
    tasks: JoinSet<()>,
    reports_to: mpsc::Sender<Report>,
    unlisted: BTreeSet<Kind>,
    named: BTreeMap<(Kind, ObjectKey), Named>,
    troubles: BTreeMap<(Kind, Option<ObjectKey>), Trouble>,
    /// Batches sent.
    sent: u64,
    /// How many batches hold every kind's first list.
    settled: Option<u64>,
    complete: bool,
}

impl Collector {
    fn follow_kinds(&mut self) {
        self.follow_kind::<GatewayClass>();
        self.follow_kind::<Gateway>();
        self.follow_kind::<ListenerSet>();
        self.follow_kind::<HttpRoute>();
        self.follow_kind::<GrpcRoute>();
        self.follow_kind::<ReferenceGrant>();
        self.follow_kind::<BackendTlsPolicy>();
        self.follow_kind::<BackendLifecyclePolicy>();
        self.follow_kind::<Namespace>();
        self.follow_kind::<Service>();
        self.follow_kind::<EndpointSlice>();
        if self.settings.list_certificates {
            self.follow_kind::<Secret>();
            self.follow_kind::<ConfigMap>();
        }
    }

    fn follow_kind<S: Watched>(&mut self) {
        self.unlisted.insert(S::KIND);
        let api = Api::<Wire<S>>::all_with(self.client.clone(), &());
        self.tasks.spawn(follow(api, None, self.reports_to.clone()));
    }

    fn follow_name<S: Watched>(&mut self, key: &ObjectKey) -> AbortHandle {
        let api = Api::<Wire<S>>::namespaced_with(self.client.clone(), &key.namespace, &());
        self.tasks.spawn(follow(api, Some(key.clone()), self.reports_to.clone()))
    }

    async fn run(
        mut self,
        mut reports: mpsc::Receiver<Report>,
        mut wanted: watch::Receiver<Wanted>,
        to: mpsc::Sender<Batch>,
    ) {
        let mut queued = Vec::new();
        loop {
            let mut changes = Vec::new();
            let mut observed = None;
            let mut news = false;
            // Both arms only receive; what is dropped on cancel has not been taken yet.
            tokio::select! {
                count = reports.recv_many(&mut queued, REPORTS) => {
                    if count == 0 { return; }
                    for report in queued.drain(..) {
                        observed.get_or_insert(report.observed);
                        news |= self.take(report, &mut changes);
                    }
                }
                alive = wanted.changed() => {
                    if alive.is_err() { return; }
                }
            }
            let wants = wanted.borrow_and_update().clone();
            self.sync_names(&wants.names, &mut changes);
            news |= !changes.is_empty();
            if self.unlisted.is_empty() && self.settled.is_none() {
                self.settled = Some(self.sent + u64::from(news));
            }
            let complete = self.is_complete(wants.batches);
            if !news && complete == self.complete {
                continue;
            }
            self.complete = complete;
            let batch = Batch {
                changes,
                problems: self.problems(),
                complete,
                observed: observed.unwrap_or_else(Instant::now),
            };
            if to.send(batch).await.is_err() {
                return;
            }
            self.sent += 1;
        }
    }

    /// Takes a report in; true when what people should know has changed.
    fn take(&mut self, report: Report, changes: &mut Vec<Change>) -> bool {
        let (kind, key) = &report.watch;
        match key {
            None => {
                if report.listed {
                    self.unlisted.remove(kind);
                }
            }
            Some(key) => match self.named.get_mut(&(*kind, key.clone())) {
                Some(named) => named.answered |= report.listed,
                // Nobody refers to it any more: its watch was ended with this report on its way.
                None => return false,
            },
        }
        changes.extend(report.changes);
        let trouble = Trouble { undecodable: report.undecodable, failure: report.failure };
        let old = self.troubles.remove(&report.watch).unwrap_or_default();
        let news = old != trouble;
        if trouble != Trouble::default() {
            self.troubles.insert(report.watch, trouble);
        }
        news
    }

    /// Watches what is newly referred to and forgets what no longer is.
    fn sync_names(&mut self, names: &WantedNames, changes: &mut Vec<Change>) {
        if self.settings.list_certificates {
            return;
        }
        let gone: Vec<_> = self.named.keys().filter(|key| !names.contains(*key)).cloned().collect();
        for (kind, key) in gone {
            if let Some(named) = self.named.remove(&(kind, key.clone())) {
                named.task.abort();
            }
            self.troubles.remove(&(kind, Some(key.clone())));
            changes.push(Change::Delete(kind, key));
        }
        for (kind, key) in names.iter() {
            if self.named.contains_key(&(*kind, key.clone())) {
                continue;
            }
            let task = match kind {
                Kind::Secret => self.follow_name::<Secret>(key),
                Kind::ConfigMap => self.follow_name::<ConfigMap>(key),
                _ => continue,
            };
            self.named.insert((*kind, key.clone()), Named { task, answered: false });
        }
        // Ended watches are reaped here, so that their number stays that of the names.
        while self.tasks.try_join_next().is_some() {}
    }

    fn is_complete(&self, batches_taken: u64) -> bool {
        if self.complete {
            return true;
        }
        if self.settings.list_certificates {
            return self.unlisted.is_empty();
        }
        self.settled.is_some_and(|settled| batches_taken >= settled)
            && self.named.values().all(|named| named.answered)
    }

    fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        for ((kind, key), trouble) in &self.troubles {
            if let Some(Failure { why, answered }) = &trouble.failure {
                let remedy = remedy(*kind, key.is_some(), *answered);
                problems.push(problem(*kind, key.as_ref(), why, remedy));
            }
            for (key, why) in &trouble.undecodable {
                let remedy = "correct the object; what it said before is still served";
                problems.push(problem(*kind, Some(key), why, remedy.to_owned()));
            }
        }
        problems
    }
}

fn remedy(kind: Kind, named: bool, answered: bool) -> String {
    if !answered {
        return "it is tried again; what was there before is still served".to_owned();
    }
    if named {
        return "bind the ClusterRole headgate-certificates in its namespace if it may be used"
            .to_owned();
    }
    format!("check that {kind} of {} is installed and may be listed", group_of(kind))
}

fn group_of(kind: Kind) -> &'static str {
    if kind.group().is_empty() { "the core API" } else { kind.group() }
}

fn problem(kind: Kind, key: Option<&ObjectKey>, message: &str, remedy: String) -> Problem {
    Problem {
        origin: Origin { file: "the Kubernetes API".into(), line: 0 },
        object: Some(key.map_or_else(|| kind.to_string(), |key| format!("{kind} {key}"))),
        field: None,
        message: message.to_owned(),
        remedy,
        severity: Severity::Error,
    }
}
