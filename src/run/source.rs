//! Where objects come from, and where statuses go: a folder of manifests, or a Kubernetes API.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use config_watcher::drains::Drains;
use config_watcher::kubernetes::{
    self, LeaseSettings, NodeWatch, Reviewer, Served, StatusWriter, Taints, WriterCounts, services,
};
use config_watcher::manifests::{self, Batch};
use config_watcher::objects::{Change, Kind, Objects};
use config_watcher::status::Statuses;
use config_watcher::translate::Translator;
use gateway::telemetry::Telemetry;
use snapshot::Snapshot;
use tokio::sync::mpsc;

use crate::duration;

/// Without a Downward API or a kubeconfig that says otherwise, what deploy/kubernetes makes.
const NAMESPACE: &str = "headgate-system";

#[derive(Clone, Debug, clap::Args)]
#[group(skip)]
pub(super) struct Args {
    /// Folder of YAML and JSON manifests, watched with its subfolders.
    #[arg(long, value_name = "DIR", env = "HEADGATE_MANIFESTS")]
    manifests: Option<PathBuf>,
    /// Look at the folder this often instead of asking the kernel for notifications.
    #[arg(long, value_name = "TIME", value_parser = duration::parse, env = "HEADGATE_POLL")]
    poll: Option<Duration>,
    /// Kubeconfig of the API server to follow; without this and --manifests, the cluster that this
    /// pod runs in.
    #[arg(long, value_name = "FILE", env = "HEADGATE_KUBECONFIG", conflicts_with = "manifests")]
    kubeconfig: Option<PathBuf>,
    /// List all Secrets and ConfigMaps instead of asking for each by name; needs the right to list
    /// them in the whole cluster.
    #[arg(long, env = "HEADGATE_LIST_CERTIFICATES", conflicts_with = "manifests")]
    list_certificates: bool,
    /// Namespace of the Lease whose holder writes statuses [default: headgate-system].
    #[arg(long, value_name = "NAME", env = "HEADGATE_NAMESPACE", conflicts_with = "manifests")]
    namespace: Option<String>,
    /// Name of this replica, unique among all [default: the host's name].
    #[arg(long, value_name = "NAME", env = "HEADGATE_IDENTITY", conflicts_with = "manifests")]
    identity: Option<String>,
    /// Taints by which a node is known to go away, with commas between them; PREFIX/* stands for
    /// many. Its endpoints are drained before it does [default: those of Kubernetes, its clouds
    /// and autoscalers].
    #[arg(
        long,
        value_name = "KEYS",
        env = "HEADGATE_NODE_DRAIN_TAINTS",
        conflicts_with = "manifests"
    )]
    node_drain_taints: Option<Taints>,
}

impl Args {
    /// Whether objects come from this machine's own files.
    pub(super) fn is_local(&self) -> bool {
        self.manifests.is_some()
    }
}

impl Args {
    /// Who judges tokens: the Kubernetes API, where there is one.
    pub(super) async fn reviewer(&self) -> anyhow::Result<Option<Reviewer>> {
        if self.is_local() {
            return Ok(None);
        }
        let (client, _) = kubernetes::connect(self.kubeconfig.as_deref()).await?;
        Ok(Some(Reviewer::new(client)))
    }
}

/// Owner of whatever follows the objects.
pub(super) enum Source {
    Manifests(manifests::Source),
    Kubernetes(Box<Cluster>),
}

/// Everything that follows a Kubernetes API.
pub(super) struct Cluster {
    watches: kubernetes::Source,
    writer: StatusWriter,
    nodes: NodeWatch,
    taken: u64,
    served: Served,
    /// No Service changed since `served` was made.
    same_services: bool,
}

impl Source {
    /// Starts it.
    pub(super) async fn start(
        args: Args,
        telemetry: &Telemetry,
        drains: &Drains,
    ) -> anyhow::Result<(Self, mpsc::Receiver<Batch>)> {
        if let Some(folder) = &args.manifests {
            let settings = manifests::Settings { poll: args.poll, ..Default::default() };
            let (source, batches) = manifests::watch(folder, settings);
            return Ok((Self::Manifests(source), batches));
        }
        let (client, _) = kubernetes::connect(args.kubeconfig.as_deref()).await?;
        let settings = kubernetes::Settings { list_certificates: args.list_certificates };
        let (watches, batches) = kubernetes::watch(client.clone(), settings);
        let lease = LeaseSettings {
            namespace: args.namespace.unwrap_or_else(|| NAMESPACE.to_owned()),
            identity: args.identity.unwrap_or_else(host_name),
        };
        let writer = StatusWriter::start(client.clone(), lease);
        show(&writer, telemetry);
        let taints = args.node_drain_taints.unwrap_or_default();
        let nodes = NodeWatch::start(client, taints, drains.clone());
        let served = Served::default();
        let cluster = Cluster { watches, writer, nodes, taken: 0, served, same_services: false };
        Ok((Self::Kubernetes(Box::new(cluster)), batches))
    }

    /// Says which objects `changes` replaces by others of the same name, or takes away.
    pub(super) fn announce(&mut self, changes: &[Change], objects: &Objects) {
        let Self::Kubernetes(cluster) = self else { return };
        cluster.same_services &= !changes.iter().any(|change| match change {
            Change::Delete(kind, _) => *kind == Kind::Service,
            Change::Put(object) => object.kind() == Kind::Service,
        });
        cluster.writer.renewed(changes.iter().filter_map(|change| match change {
            Change::Delete(kind, key) => Some((*kind, key.clone())),
            Change::Put(object) => {
                let name = (object.kind(), object.meta().key());
                let old = objects.get(name.0, &name.1)?;
                (old.meta().uid != object.meta().uid).then_some(name)
            }
        }));
    }

    /// Says what follows from the batches taken so far: names of certificates to read.
    pub(super) fn tell(&mut self, translator: &Translator) {
        let Self::Kubernetes(cluster) = self else { return };
        cluster.taken += 1;
        cluster.watches.want(cluster.taken, translator.wanted().clone());
    }

    /// Says which statuses to write: of what is live, and no other.
    pub(super) fn offer(&self, translator: &Translator, statuses: &Statuses) {
        let Self::Kubernetes(cluster) = self else { return };
        cluster.writer.offer(statuses.clone(), services(translator.objects(), statuses));
    }

    /// Says what is live, for pods that wait for it and nodes that go away.
    pub(super) fn serve(&mut self, snapshot: &Arc<Snapshot>, objects: &Objects) {
        let Self::Kubernetes(cluster) = self else { return };
        cluster.served = cluster.served.next(snapshot, objects, cluster.same_services);
        cluster.same_services = true;
        cluster.writer.serve(cluster.served.clone());
        cluster.nodes.serve(cluster.served.clone());
    }

    /// What the status writer has done, where there is one.
    pub(super) fn written(&self) -> Option<&Arc<WriterCounts>> {
        match self {
            Self::Manifests(_) => None,
            Self::Kubernetes(cluster) => Some(cluster.writer.counts()),
        }
    }

    pub(super) async fn stop(self) {
        match self {
            Self::Manifests(source) => source.stop().await,
            Self::Kubernetes(cluster) => {
                cluster.watches.stop().await;
                cluster.nodes.stop().await;
                cluster.writer.stop().await;
            }
        }
    }
}

/// Has the metrics tell what the status writer does.
fn show(writer: &StatusWriter, telemetry: &Telemetry) {
    let (counts, arrivals) = (writer.counts(), writer.arrivals());
    telemetry.show(
        "headgate_status_writes_total",
        "Statuses written to the Kubernetes API.",
        reader(counts, |counts| &counts.writes),
    );
    telemetry.show(
        "headgate_status_failures_total",
        "Reads and writes of statuses that failed, conflicts left out.",
        reader(counts, |counts| &counts.failures),
    );
    telemetry.show(
        "headgate_status_conflicts_total",
        "Writes of statuses refused because the object had changed.",
        reader(counts, |counts| &counts.conflicts),
    );
    telemetry.show(
        "headgate_arrivals_total",
        "Pods that were told that requests can reach them.",
        reader(arrivals, |arrivals| &arrivals.writes),
    );
    telemetry.show(
        "headgate_arrival_failures_total",
        "Tries to tell a pod so that failed.",
        reader(arrivals, |arrivals| &arrivals.failures),
    );
}

/// Reads one of some counts, whenever it is asked.
fn reader<C>(counts: &Arc<C>, read: fn(&C) -> &AtomicU64) -> impl Fn() -> u64 + use<C> {
    let counts = Arc::clone(counts);
    move || read(&counts).load(Ordering::Relaxed)
}

/// The pod's name, in a pod; with the process id where several run on one host.
pub(super) fn host_name() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    format!("{}-{}", name.trim(), std::process::id())
}
