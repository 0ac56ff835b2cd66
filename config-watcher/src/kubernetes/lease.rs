//! The Lease whose holder writes statuses (`coordination.k8s.io/v1`).
//!
//! Promises: at most one holder acts at a time, whatever the clocks of the machines say: the age of
//! another's lease is measured from when we saw it change, on our own monotonic clock, and our own
//! is over a safety margin before others may take it.

use std::time::{Duration, Instant};

use ::kube::api::PostParams;
use ::kube::{Api, Client};
use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use tokio::sync::watch;

/// How long a lease lasts without renewal; others take over after it.
const DURATION: Duration = Duration::from_secs(15);
/// We stop acting this long before our lease is over: time for a request under way to end.
const MARGIN: Duration = Duration::from_secs(5);
/// Between renewals, and between looks at another's lease: three tries within a lease's life.
const PERIOD: Duration = Duration::from_secs(3);
/// A request that takes longer counts as failed.
const TIMEOUT: Duration = Duration::from_secs(3);

/// Which lease, and who we are.
#[derive(Clone, Debug)]
pub struct LeaseSettings {
    /// Where it lives.
    pub namespace: String,
    /// Unique among replicas: the pod's name.
    pub identity: String,
}

/// Name of the Lease object, as deploy/kubernetes grants it.
const NAME: &str = "headgate-status-writer";

/// Until when we hold the lease.
#[derive(Clone, Debug)]
pub(super) struct Hold(watch::Receiver<Option<Instant>>);

impl Hold {
    /// Whether we may act now.
    pub(super) fn is_held(&self) -> bool {
        self.0.borrow().is_some_and(|until| Instant::now() < until)
    }

    /// Returns after the next renewal, take-over or loss; pends for ever once the keeper is gone.
    pub(super) async fn changed(&mut self) {
        if self.0.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// Another's lease as we saw it, and since when it looks so.
struct Seen {
    resource_version: Option<String>,
    since: Instant,
}

/// Gets, renews and gives back the lease.
pub(super) struct Keeper {
    api: Api<Lease>,
    settings: LeaseSettings,
    until: watch::Sender<Option<Instant>>,
    seen: Option<Seen>,
}

impl Keeper {
    /// A keeper that holds nothing yet, and the view on it.
    pub(super) fn new(client: Client, settings: LeaseSettings) -> (Self, Hold) {
        let (until, view) = watch::channel(None);
        let api = Api::namespaced(client, &settings.namespace);
        (Self { api, settings, until, seen: None }, Hold(view))
    }

    /// Keeps trying until it is dropped.
    pub(super) async fn keep(mut self) {
        loop {
            let begun = Instant::now();
            match tokio::time::timeout(TIMEOUT, self.step(begun)).await {
                Ok(Ok(true)) => {
                    self.until.send_modify(|until| *until = Some(begun + DURATION - MARGIN))
                }
                Ok(Ok(false)) => self.until.send_modify(|until| *until = None),
                // Not known: what we hold runs out by itself.
                Ok(Err(error)) => tracing::warn!(%error, "the status writer's lease: {NAME}"),
                Err(_late) => tracing::warn!("the status writer's lease: no answer in {TIMEOUT:?}"),
            }
            tokio::time::sleep(PERIOD).await;
        }
    }

    /// One try; true when the lease is ours as of `begun`.
    async fn step(&mut self, begun: Instant) -> Result<bool, ::kube::Error> {
        let Some(lease) = self.api.get_opt(NAME).await? else {
            let lease = Lease {
                metadata: ObjectMeta { name: Some(NAME.to_owned()), ..ObjectMeta::default() },
                spec: Some(self.taken(0)),
            };
            return conflict_is_no(self.api.create(&PostParams::default(), &lease).await);
        };
        let spec = lease.spec.clone().unwrap_or_default();
        let holder = spec.holder_identity.as_deref().unwrap_or_default();
        let ours = holder == self.settings.identity;
        if !ours && !holder.is_empty() && !self.ran_out(&lease, begun) {
            return Ok(false);
        }
        let transitions = spec.lease_transitions.unwrap_or_default() + i32::from(!ours);
        let mut next = lease;
        let mut taken = self.taken(transitions);
        if ours {
            taken.acquire_time = spec.acquire_time;
        }
        next.spec = Some(taken);
        conflict_is_no(self.api.replace(NAME, &PostParams::default(), &next).await)
    }

    /// Whether another's lease has not changed for as long as it lasts.
    fn ran_out(&mut self, lease: &Lease, now: Instant) -> bool {
        let version = lease.metadata.resource_version.clone();
        match &self.seen {
            Some(seen) if seen.resource_version == version => now - seen.since >= DURATION,
            _ => {
                self.seen = Some(Seen { resource_version: version, since: now });
                false
            }
        }
    }

    fn taken(&self, transitions: i32) -> LeaseSpec {
        let now = MicroTime(Timestamp::now());
        LeaseSpec {
            holder_identity: Some(self.settings.identity.clone()),
            lease_duration_seconds: Some(i32::try_from(DURATION.as_secs()).unwrap_or(i32::MAX)),
            acquire_time: Some(now.clone()),
            renew_time: Some(now),
            lease_transitions: Some(transitions),
            ..LeaseSpec::default()
        }
    }
}

/// Gives the lease back, so that another replica need not wait for it to run out.
pub(super) async fn release(client: Client, settings: &LeaseSettings) {
    let api: Api<Lease> = Api::namespaced(client, &settings.namespace);
    let give_back = async {
        let mut lease = api.get(NAME).await?;
        let spec = lease.spec.get_or_insert_default();
        if spec.holder_identity.as_deref() == Some(settings.identity.as_str()) {
            spec.holder_identity = Some(String::new());
            api.replace(NAME, &PostParams::default(), &lease).await?;
        }
        Ok::<_, ::kube::Error>(())
    };
    match tokio::time::timeout(TIMEOUT, give_back).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(%error, "the lease was not given back; it runs out"),
        Err(_late) => tracing::debug!("the lease was not given back in time; it runs out"),
    }
}

/// Somebody else was faster: no error, and not ours.
fn conflict_is_no<T>(result: Result<T, ::kube::Error>) -> Result<bool, ::kube::Error> {
    match result {
        Ok(_) => Ok(true),
        Err(::kube::Error::Api(status)) if status.code == 409 => Ok(false),
        Err(error) => Err(error),
    }
}
