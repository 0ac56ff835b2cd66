//! Where objects come from, and where statuses go: a folder of manifests, or a Kubernetes API.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use config_watcher::kubernetes::{self, LeaseSettings, StatusWriter, WriterCounts, services};
use config_watcher::manifests::{self, Batch};
use config_watcher::objects::{Change, Objects};
use config_watcher::status::Statuses;
use config_watcher::translate::Translator;
use gateway::telemetry::Telemetry;
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
}

impl Args {
    /// Whether objects come from this machine's own files.
    pub(super) fn is_local(&self) -> bool {
        self.manifests.is_some()
    }
}

/// Owner of whatever follows the objects.
pub(super) enum Source {
    Manifests(manifests::Source),
    Kubernetes { watches: kubernetes::Source, writer: StatusWriter, taken: u64 },
}

impl Source {
    /// Starts it.
    pub(super) async fn start(
        args: Args,
        telemetry: &Telemetry,
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
        let writer = StatusWriter::start(client, lease);
        show(writer.counts(), telemetry);
        Ok((Self::Kubernetes { watches, writer, taken: 0 }, batches))
    }

    /// Says which objects `changes` replaces by others of the same name, or takes away.
    pub(super) fn announce(&self, changes: &[Change], objects: &Objects) {
        let Self::Kubernetes { writer, .. } = self else { return };
        writer.renewed(changes.iter().filter_map(|change| match change {
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
        let Self::Kubernetes { watches, taken, .. } = self else { return };
        *taken += 1;
        watches.want(*taken, translator.wanted().clone());
    }

    /// Says which statuses to write: of what is live, and no other.
    pub(super) fn offer(&self, translator: &Translator, statuses: &Statuses) {
        let Self::Kubernetes { writer, .. } = self else { return };
        writer.offer(statuses.clone(), services(translator.objects(), statuses));
    }

    /// What the status writer has done, where there is one.
    pub(super) fn written(&self) -> Option<&Arc<WriterCounts>> {
        match self {
            Self::Manifests(_) => None,
            Self::Kubernetes { writer, .. } => Some(writer.counts()),
        }
    }

    pub(super) async fn stop(self) {
        match self {
            Self::Manifests(source) => source.stop().await,
            Self::Kubernetes { watches, writer, .. } => {
                watches.stop().await;
                writer.stop().await;
            }
        }
    }
}

/// Has the metrics tell what the status writer does.
fn show(counts: &Arc<WriterCounts>, telemetry: &Telemetry) {
    let reader = |read: fn(&WriterCounts) -> &AtomicU64| {
        let counts = counts.clone();
        move || read(&counts).load(Ordering::Relaxed)
    };
    telemetry.show(
        "headgate_status_writes_total",
        "Statuses written to the Kubernetes API.",
        reader(|counts| &counts.writes),
    );
    telemetry.show(
        "headgate_status_failures_total",
        "Reads and writes of statuses that failed, conflicts left out.",
        reader(|counts| &counts.failures),
    );
    telemetry.show(
        "headgate_status_conflicts_total",
        "Writes of statuses refused because the object had changed.",
        reader(|counts| &counts.conflicts),
    );
}

/// The pod's name, in a pod; with the process id where several run on one host.
fn host_name() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    format!("{}-{}", name.trim(), std::process::id())
}
