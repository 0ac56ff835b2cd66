//! One guarded watch: the objects of one kind, or one object by name, for as long as we run.
//!
//! Promises: a relist is compared with what was there and goes on in one piece; errors, garbage,
//! 410 and outages change nothing but the report; a kind whose CRD is missing counts as empty and
//! is asked for again; a relist that finds nothing where something was is believed only when a
//! second one agrees.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use ::kube::Api;
use ::kube::runtime::watcher::{self, Event};
use futures::{Stream, StreamExt};
use snapshot::ObjectKey;
use tokio::sync::mpsc;

use super::wire::{Watched, Wire};
use crate::objects::{Change, Kind};

/// Pauses after errors: from the first to the last of these, doubling, each with jitter. Short at
/// the end, because a proxy that lags behind the cluster is what an outage costs; one try a second
/// and kind is nothing to an API server.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LAST_PAUSE: Duration = Duration::from_secs(1);
/// How long the API server may keep one watch open, in seconds: shorter than the client waits for a
/// byte, so that a quiet watch is ended in order and a dead connection is noticed.
const WATCH_SECONDS: u32 = 25;

/// What a watch reports.
pub(super) struct Report {
    /// Which watch: its kind, and the object's key where it watches only one.
    pub(super) watch: (Kind, Option<ObjectKey>),
    /// New, changed and gone objects.
    pub(super) changes: Vec<Change>,
    /// What does not decode now, by key: replaces what the same watch said before.
    pub(super) undecodable: BTreeMap<ObjectKey, String>,
    /// Why the API server can't be asked now; `None` once it can.
    pub(super) failure: Option<Failure>,
    /// The kind has been listed (or is known not to be there).
    pub(super) listed: bool,
    /// When the event came in.
    pub(super) observed: Instant,
}

/// Why the API server can't be asked.
#[derive(PartialEq)]
pub(super) struct Failure {
    /// In one line; the API server's own words where it spoke.
    pub(super) why: String,
    /// Whether it spoke.
    pub(super) answered: bool,
}

impl Failure {
    fn of(error: &watcher::Error) -> Self {
        match error {
            watcher::Error::InitialListFailed(::kube::Error::Api(status))
            | watcher::Error::WatchStartFailed(::kube::Error::Api(status)) => {
                Self { why: status.message.clone(), answered: true }
            }
            other => Self { why: chain(other), answered: false },
        }
    }
}

/// The error and what caused it, each said once.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let said = cause.to_string();
        if !text.contains(&said) {
            text = format!("{text}: {said}");
        }
        source = cause.source();
    }
    text
}

/// The state of one watch between events.
struct Guard<S> {
    watch: (Kind, Option<ObjectKey>),
    known: BTreeSet<ObjectKey>,
    undecodable: BTreeMap<ObjectKey, String>,
    relist: Option<Vec<Wire<S>>>,
    /// The last relist was empty where objects were known, and is not believed yet.
    doubted: bool,
    listed: bool,
}

/// What to do after an event.
enum Next {
    Wait,
    Send(Vec<Change>),
    ListAgain,
}

impl<S: Watched> Guard<S> {
    fn take(&mut self, event: Event<Wire<S>>) -> Next {
        match event {
            Event::Init => {
                self.relist = Some(Vec::new());
                Next::Wait
            }
            Event::InitApply(wire) => {
                self.relist.get_or_insert_default().push(wire);
                Next::Wait
            }
            Event::InitDone => self.relisted(),
            Event::Apply(wire) => Next::Send(self.put(wire).into_iter().collect()),
            Event::Delete(wire) => {
                let key = wire.key();
                self.known.remove(&key);
                self.undecodable.remove(&key);
                Next::Send(vec![Change::Delete(S::KIND, key)])
            }
        }
    }

    fn relisted(&mut self) -> Next {
        let found = self.relist.take().unwrap_or_default();
        let one = self.watch.1.is_some();
        if found.is_empty() && !self.known.is_empty() && !self.doubted && !one {
            self.doubted = true;
            return Next::ListAgain;
        }
        self.doubted = false;
        self.listed = true;
        let mut gone = std::mem::take(&mut self.known);
        self.undecodable.clear();
        let mut changes: Vec<Change> =
            found.into_iter().filter_map(|wire| self.put(wire)).collect();
        gone.retain(|key| !self.known.contains(key));
        changes.extend(gone.into_iter().map(|key| Change::Delete(S::KIND, key)));
        Next::Send(changes)
    }

    /// An object that does not decode stays as it was when it last did.
    fn put(&mut self, wire: Wire<S>) -> Option<Change> {
        let key = wire.key();
        self.known.insert(key.clone());
        match wire.object {
            Ok(object) => {
                self.undecodable.remove(&key);
                Some(Change::Put(S::wrap(object)))
            }
            Err(why) => {
                self.undecodable.insert(key, why);
                None
            }
        }
    }

    fn report(&self, changes: Vec<Change>, failure: Option<Failure>) -> Report {
        Report {
            watch: self.watch.clone(),
            changes,
            undecodable: self.undecodable.clone(),
            failure,
            listed: self.listed,
            observed: Instant::now(),
        }
    }

    /// A missing CRD, or what may well not be read (a single object, an optional kind), is an
    /// answer: nothing is there.
    fn is_answer(&self, error: &watcher::Error) -> bool {
        let status = status_of(error);
        let optional = self.watch.1.is_some() || S::OPTIONAL;
        status == Some(404) || (optional && status == Some(403))
    }

    /// Nobody misses an optional kind whose CRD is not installed.
    fn is_missed(&self, error: &watcher::Error) -> bool {
        !(S::OPTIONAL && self.watch.1.is_none() && status_of(error) == Some(404))
    }
}

/// Follows one kind (or one object of it) until `to` is closed.
pub(super) async fn follow<S: Watched>(
    api: Api<Wire<S>>,
    name: Option<ObjectKey>,
    to: mpsc::Sender<Report>,
) {
    let mut guard = Guard::<S> {
        watch: (S::KIND, name.clone()),
        known: BTreeSet::new(),
        undecodable: BTreeMap::new(),
        relist: None,
        doubted: false,
        listed: false,
    };
    let mut config = watcher::Config::default().timeout(WATCH_SECONDS);
    if let Some(key) = &name {
        config = config.fields(&format!("metadata.name={}", key.name));
    }
    loop {
        let events = watcher::watcher(api.clone(), config.clone());
        if run(&mut guard, events, &to).await.is_none() {
            return;
        }
        tokio::time::sleep(jittered(LAST_PAUSE)).await;
    }
}

/// `Some` to list anew, `None` when nobody listens any more.
async fn run<S: Watched>(
    guard: &mut Guard<S>,
    events: impl Stream<Item = watcher::Result<Event<Wire<S>>>>,
    to: &mpsc::Sender<Report>,
) -> Option<()> {
    let mut events = std::pin::pin!(events);
    let mut pause = FIRST_PAUSE;
    let mut failed = None::<Instant>;
    let mut told = Told::Nothing;
    while let Some(event) = events.next().await {
        let report = match event {
            Ok(event) => match guard.take(event) {
                Next::Wait => continue,
                Next::ListAgain => return Some(()),
                Next::Send(changes) => guard.report(changes, None),
            },
            Err(error) => {
                if guard.is_answer(&error) {
                    guard.listed = true;
                }
                let cure = Cure::of(&error);
                let tell = if guard.is_missed(&error) { Told::Failure } else { Told::Missing };
                if cure != Cure::Resume && std::mem::replace(&mut told, tell) != tell {
                    tracing::debug!(kind = %S::KIND, %error, "watch failed");
                    let failure = (tell == Told::Failure).then(|| Failure::of(&error));
                    to.send(guard.report(Vec::new(), failure)).await.ok()?;
                }
                if cure == Cure::List {
                    return Some(());
                }
                // A stream that breaks now and then is taken up at once, each time.
                if failed.is_some_and(|at| at.elapsed() > LAST_PAUSE) {
                    pause = FIRST_PAUSE;
                }
                tokio::time::sleep(jittered(pause)).await;
                failed = Some(Instant::now());
                pause = (pause * 2).min(LAST_PAUSE);
                continue;
            }
        };
        told = Told::Nothing;
        pause = FIRST_PAUSE;
        to.send(report).await.ok()?;
    }
    Some(())
}

/// What was reported since the last good event.
#[derive(Clone, Copy, PartialEq)]
enum Told {
    Nothing,
    Failure,
    /// That nobody misses the kind: this ends what was said of a failure before.
    Missing,
}

/// What helps against an error of a watch.
#[derive(PartialEq)]
enum Cure {
    /// Nothing is amiss: a stream that broke goes on from where it was, one that is too old is
    /// listed anew, both by themselves. Worth no word.
    Resume,
    /// To ask again: there was no list.
    Retry,
    /// To list anew: the stream goes on, but what it has left out does not come again.
    List,
}

impl Cure {
    fn of(error: &watcher::Error) -> Self {
        use ::kube::Error::{HyperError, ReadEvents, Service};
        match error {
            watcher::Error::WatchFailed(ReadEvents(_) | HyperError(_) | Service(_)) => Self::Resume,
            watcher::Error::WatchError(status) if status.code == 410 => Self::Resume,
            watcher::Error::InitialListFailed(_) | watcher::Error::NoResourceVersion => Self::Retry,
            _ => Self::List,
        }
    }
}

fn status_of(error: &watcher::Error) -> Option<u16> {
    match error {
        watcher::Error::InitialListFailed(::kube::Error::Api(status))
        | watcher::Error::WatchStartFailed(::kube::Error::Api(status)) => Some(status.code),
        watcher::Error::WatchError(status) => Some(status.code),
        _ => None,
    }
}

/// Between half of `pause` and all of it, so that replicas do not come back in step.
fn jittered(pause: Duration) -> Duration {
    pause.mul_f64(0.5 + 0.5 * fastrand::f64())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::api::core::Service;
    use crate::api::policy::BackendLifecyclePolicy;

    fn guard() -> Guard<Service> {
        Guard {
            watch: (Kind::Service, None),
            known: BTreeSet::new(),
            undecodable: BTreeMap::new(),
            relist: None,
            doubted: false,
            listed: false,
        }
    }

    fn service(name: &str) -> Wire<Service> {
        serde_json::from_value(json!({
            "metadata": {"name": name, "namespace": "shop"},
            "spec": {"ports": [{"port": 80}]},
        }))
        .unwrap()
    }

    fn relist(guard: &mut Guard<Service>, names: &[&str]) -> Next {
        guard.take(Event::Init);
        for name in names {
            guard.take(Event::InitApply(service(name)));
        }
        guard.take(Event::InitDone)
    }

    fn deleted(next: Next) -> Vec<String> {
        let Next::Send(changes) = next else { panic!("nothing was sent") };
        changes
            .into_iter()
            .filter_map(|change| match change {
                Change::Delete(_, key) => Some(key.name.to_string()),
                Change::Put(_) => None,
            })
            .collect()
    }

    #[test]
    fn a_relist_deletes_what_it_no_longer_finds() {
        let mut guard = guard();
        assert!(deleted(relist(&mut guard, &["a", "b", "c"])).is_empty());
        assert_eq!(deleted(relist(&mut guard, &["b"])), ["a", "c"]);
        assert!(guard.listed);
    }

    #[test]
    fn an_empty_relist_is_believed_the_second_time() {
        let mut guard = guard();
        relist(&mut guard, &["a", "b"]);
        assert!(matches!(relist(&mut guard, &[]), Next::ListAgain));
        assert_eq!(deleted(relist(&mut guard, &[])), ["a", "b"]);
    }

    #[test]
    fn an_empty_relist_is_doubted_for_a_single_object_too() {
        let mut guard = guard();
        relist(&mut guard, &["only"]);
        assert!(matches!(relist(&mut guard, &[]), Next::ListAgain));
        assert!(deleted(relist(&mut guard, &["only"])).is_empty());
    }

    #[test]
    fn a_broken_stream_resumes_and_garbage_in_it_is_listed_away() {
        let broken = ::kube::Error::ReadEvents(std::io::Error::other("reset"));
        assert!(Cure::of(&watcher::Error::WatchFailed(broken)) == Cure::Resume);
        let garbage = serde_json::from_str::<i32>("<html>").unwrap_err();
        let garbage = ::kube::Error::SerdeError(garbage);
        assert!(Cure::of(&watcher::Error::WatchFailed(garbage)) == Cure::List);
    }

    #[test]
    fn an_optional_kind_may_be_missing_or_forbidden() {
        let refused = |code| {
            let status = ::kube::core::Status { code, ..::kube::core::Status::default() };
            watcher::Error::InitialListFailed(::kube::Error::Api(Box::new(status)))
        };
        let optional = optional();
        for (code, answer, missed) in [(404, true, false), (403, true, true), (500, false, true)] {
            assert_eq!(optional.is_answer(&refused(code)), answer, "{code}");
            assert_eq!(optional.is_missed(&refused(code)), missed, "{code}");
        }
        let needed = guard();
        assert!(!needed.is_answer(&refused(403)) && needed.is_missed(&refused(404)));
    }

    #[tokio::test]
    async fn a_missing_optional_kind_ends_what_was_said_of_an_outage() {
        let failed = |code: u16| {
            let message = code.to_string();
            let status = ::kube::core::Status { code, message, ..::kube::core::Status::default() };
            Err(watcher::Error::InitialListFailed(::kube::Error::Api(Box::new(status))))
        };
        let mut guard = optional();
        let (to, mut reports) = mpsc::channel(9);
        let events = futures::stream::iter([404, 404, 500, 500, 404].map(failed));
        run(&mut guard, events, &to).await;
        drop(to);
        let mut said = Vec::new();
        while let Some(report) = reports.recv().await {
            said.push((report.listed, report.failure.map(|failure| failure.why)));
        }
        assert_eq!(said, [(true, None), (true, Some("500".to_owned())), (true, None)]);
    }

    fn optional() -> Guard<BackendLifecyclePolicy> {
        Guard {
            watch: (Kind::BackendLifecyclePolicy, None),
            known: BTreeSet::new(),
            undecodable: BTreeMap::new(),
            relist: None,
            doubted: false,
            listed: false,
        }
    }

    #[test]
    fn an_object_that_stops_decoding_stays_as_it_was() {
        let mut guard = guard();
        relist(&mut guard, &["a"]);
        let bad: Wire<Service> = serde_json::from_value(json!({
            "metadata": {"name": "a", "namespace": "shop"}, "spec": {"ports": 7},
        }))
        .unwrap();
        assert!(matches!(guard.take(Event::Apply(bad)), Next::Send(changes) if changes.is_empty()));
        assert_eq!(guard.undecodable.len(), 1);
        guard.take(Event::Apply(service("a")));
        assert!(guard.undecodable.is_empty());
    }
}
