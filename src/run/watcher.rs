//! The watcher side of the process: source and translator, begun again when they fail.
//!
//! Promises: a source that ends, and a panic on the way to a snapshot, cost a second in which
//! changes wait, and nothing else; versions go up across beginnings.

use std::sync::Arc;
use std::time::Duration;

use config_watcher::drains::Drains;
use config_watcher::kubernetes::WriterCounts;
use config_watcher::manifests::Batch;
use config_watcher::objects::{Change, Objects};
use config_watcher::status::Statuses;
use config_watcher::translate::{Options, Translator};
use gateway::telemetry::Telemetry;
use snapshot::{Snapshot, Version};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::source::{self, Source};

/// Between two beginnings: what fails at once must not keep a core busy.
const PAUSE: Duration = Duration::from_millis(500);

/// See the module.
pub(super) struct Watcher {
    args: source::Args,
    options: Options,
    telemetry: Telemetry,
    drains: Drains,
    /// `None` between a failure and the next beginning.
    run: Option<Run>,
    /// The last version of all beginnings.
    version: Version,
    /// Sources that failed, on their way to the end.
    ending: JoinSet<()>,
}

/// One beginning.
struct Run {
    source: Source,
    batches: mpsc::Receiver<Batch>,
    translator: Translator,
    /// Every object was listed.
    complete: bool,
    /// The version before its first.
    base: Version,
    snapshot: Arc<Snapshot>,
}

impl Watcher {
    /// Begins.
    ///
    /// # Errors
    /// When there can be no source with these arguments.
    pub(super) async fn start(
        args: source::Args,
        options: Options,
        telemetry: Telemetry,
        drains: Drains,
    ) -> anyhow::Result<Self> {
        let (version, ending) = (Version::default(), JoinSet::new());
        let mut this = Self { args, options, telemetry, drains, run: None, version, ending };
        this.begin().await?;
        Ok(this)
    }

    /// What the source says next. Cancel safe: a batch is taken from its queue at the end.
    pub(super) async fn next(&mut self) -> Batch {
        loop {
            match &mut self.run {
                Some(run) => match run.batches.recv().await {
                    Some(batch) => return batch,
                    None => self.fail(),
                },
                None => {
                    sleep(PAUSE).await;
                    if let Err(error) = self.begin().await {
                        tracing::error!("objects are not watched: {error:#}");
                    }
                }
            }
        }
    }

    /// Takes changes in. Whoever catches a panic of it calls [`Self::fail`].
    pub(super) fn take(&mut self, changes: Vec<Change>) {
        let Some(run) = &mut self.run else { return };
        run.source.announce(&changes, run.translator.objects());
        run.translator.apply(changes);
        let snapshot = run.translator.snapshot();
        let version = Version(run.base.0 + snapshot.version.0);
        if version != run.snapshot.version {
            run.snapshot = if run.base == Version::default() {
                snapshot.clone()
            } else {
                Arc::new(Snapshot { version, ..(**snapshot).clone() })
            };
        }
        self.version = version;
    }

    /// Ends what runs; [`Self::next`] begins again.
    pub(super) fn fail(&mut self) {
        tracing::error!("the watcher failed and begins again; what was live stays live");
        while self.ending.try_join_next().is_some() {}
        if let Some(run) = self.run.take() {
            self.ending.spawn(run.source.stop());
        }
    }

    /// What follows from the changes; `None` between a failure and the next beginning.
    pub(super) fn derived(&self) -> Option<(&Objects, &Statuses, &Arc<Snapshot>)> {
        let run = self.run.as_ref()?;
        Some((run.translator.objects(), run.translator.statuses(), &run.snapshot))
    }

    /// The same, but for a beginning whose objects are not complete yet.
    pub(super) fn settled(&self) -> Option<(&Objects, &Statuses, &Arc<Snapshot>)> {
        self.derived().filter(|_| self.run.as_ref().is_some_and(|run| run.complete))
    }

    /// Tells the source that a batch was taken, and what it should read beside. `complete`: its
    /// objects are all there are.
    pub(super) fn tell(&mut self, complete: bool) {
        if let Some(run) = &mut self.run {
            run.complete = complete;
            run.source.tell(&run.translator);
        }
    }

    /// Has the statuses of what is live written, where there is somebody to write.
    pub(super) fn offer(&self, statuses: &Statuses) {
        if let Some(run) = &self.run {
            run.source.offer(&run.translator, statuses);
        }
    }

    /// Tells the source what is live.
    pub(super) fn serve(&mut self, live: &Arc<Snapshot>) {
        if let Some(run) = &mut self.run {
            run.source.serve(live, run.translator.objects());
        }
    }

    /// What the writer of statuses has done, where there is one.
    pub(super) fn written(&self) -> Option<Arc<WriterCounts>> {
        self.run.as_ref()?.source.written().cloned()
    }

    /// Ends.
    pub(super) async fn stop(mut self) {
        if let Some(run) = self.run.take() {
            run.source.stop().await;
        }
        while self.ending.join_next().await.is_some() {}
    }

    async fn begin(&mut self) -> anyhow::Result<()> {
        let (source, batches) =
            Source::start(self.args.clone(), &self.telemetry, &self.drains).await?;
        let translator = Translator::new(self.options.clone());
        let base = self.version;
        let snapshot = Arc::new(Snapshot { version: base, ..Snapshot::default() });
        self.run = Some(Run { source, batches, translator, complete: false, base, snapshot });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use clap::Parser;
    use config_watcher::drains::Drains;
    use config_watcher::translate::Options;
    use gateway::telemetry::Telemetry;
    use snapshot::Snapshot;
    use tokio::time::timeout;

    use super::Watcher;
    use crate::run::source;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        source: source::Args,
    }

    const GATEWAY: &str = "apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: web, namespace: default}
spec:
  gatewayClassName: headgate
  listeners: [{name: http, protocol: HTTP, port: 8080}]
";

    async fn next(watcher: &mut Watcher) -> Arc<Snapshot> {
        let batch = timeout(Duration::from_secs(20), watcher.next()).await.unwrap();
        assert!(batch.complete);
        watcher.take(batch.changes);
        watcher.derived().unwrap().2.clone()
    }

    #[tokio::test]
    async fn after_a_failure_the_same_objects_have_a_later_version() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("gateway.yaml"), GATEWAY).unwrap();
        let cli = Cli::parse_from(["test", "--manifests", folder.path().to_str().unwrap()]);
        let (options, drains) = (Options::default(), Drains::default());
        let started = Watcher::start(cli.source, options, Telemetry::new(), drains).await;
        let mut watcher = started.unwrap();
        let before = next(&mut watcher).await;
        assert_eq!(before.listeners.len(), 1);
        watcher.fail();
        assert!(watcher.derived().is_none());
        let after = next(&mut watcher).await;
        assert!(after.version > before.version, "{} then {}", before.version, after.version);
        assert!(after.same_resources(&before));
        watcher.stop().await;
    }
}
