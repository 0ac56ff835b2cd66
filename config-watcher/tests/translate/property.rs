//! The invariants of translation, over random objects in random order: incremental equals whole,
//! the version counts differences, what a snapshot refers to is in it.

mod dice;
mod objects;
mod rules;

use std::collections::BTreeMap;

use config_watcher::objects::{AnyObject, Change, Kind};
use config_watcher::translate::{Options, Translator};
use proptest::prelude::*;
use proptest::test_runner::Config;
use snapshot::{Filter, ObjectKey, Route, Snapshot, Target};

/// One change to one of the known objects.
#[derive(Clone, Debug)]
struct Step {
    which: u8,
    what: What,
}

/// What happens to it. Its content follows from bytes.
#[derive(Clone, Debug)]
enum What {
    Delete,
    Put(Vec<u8>),
    /// One byte differs, and with it one detail, most often.
    Touch(u8, u8),
}

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 0..80)
}

fn step() -> impl Strategy<Value = Step> {
    let touch = any::<(u8, u8)>().prop_map(|(at, byte)| What::Touch(at, byte));
    let what = prop_oneof![1 => Just(What::Delete), 4 => bytes().prop_map(What::Put), 8 => touch];
    (any::<u8>(), what).prop_map(|(which, what)| Step { which, what })
}

/// One step for each known object: a world in which most of them exist.
fn start() -> impl Strategy<Value = Vec<Step>> {
    let count = objects::known().len();
    let content = prop_oneof![1 => Just(None), 12 => bytes().prop_map(Some)];
    prop::collection::vec(content, count).prop_map(|mut contents| {
        // Without our class there is nothing: let later steps take it away.
        contents[0].get_or_insert_default();
        let what = |content: Option<_>| content.map_or(What::Delete, What::Put);
        (0..).zip(contents).map(|(which, it)| Step { which, what: what(it) }).collect()
    })
}

/// What a source would hold by now, and the bytes that it was made from.
#[derive(Default)]
struct World(BTreeMap<(Kind, ObjectKey), Held>);

struct Held {
    content: Vec<u8>,
    object: AnyObject,
    /// Of a Secret, what it was since it was created: its last good certificate is part of what is
    /// translated.
    before: Vec<AnyObject>,
}

impl World {
    fn change(&mut self, step: &Step) -> Change {
        let known = objects::known();
        let (kind, key) = known[usize::from(step.which) % known.len()].clone();
        let content = match &step.what {
            What::Delete => {
                self.0.remove(&(kind, key.clone()));
                return Change::Delete(kind, key);
            }
            What::Put(content) => content.clone(),
            What::Touch(at, byte) => {
                let old = self.0.get(&(kind, key.clone()));
                let mut content = old.map(|held| held.content.clone()).unwrap_or_default();
                let at = usize::from(*at) % 80;
                content.resize(content.len().max(at + 1), 0);
                content[at] = *byte;
                content
            }
        };
        let object = objects::make(kind, &key, &content);
        let old = self.0.remove(&(kind, key.clone())).filter(|_| kind == Kind::Secret);
        let before = old.map(|old| [old.before, vec![old.object]].concat()).unwrap_or_default();
        self.0.insert((kind, key), Held { content, object: object.clone(), before });
        Change::Put(object)
    }

    fn whole(&self, options: &Options) -> Translator {
        let mut whole = Translator::new(options.clone());
        let all = self.0.values().flat_map(|held| held.before.iter().chain([&held.object]));
        whole.apply(all.cloned().map(Change::Put).collect());
        whole
    }
}

fn options(pool: bool) -> Options {
    Options {
        address_pool: pool.then(|| "10.9.0.0/30".parse().unwrap()),
        reached_at: vec!["192.0.2.1".parse().unwrap()],
        ..Options::default()
    }
}

fn same(incremental: &Translator, whole: &Translator) -> Result<(), TestCaseError> {
    let (a, b) = (incremental.snapshot(), whole.snapshot());
    prop_assert_eq!(&a.listeners, &b.listeners);
    prop_assert_eq!(&a.routes, &b.routes);
    prop_assert_eq!(&a.backends, &b.backends);
    prop_assert_eq!(&a.endpoints, &b.endpoints);
    prop_assert_eq!(&a.certificates, &b.certificates);
    prop_assert!(a.same_resources(b));
    prop_assert_eq!(incremental.statuses(), whole.statuses());
    prop_assert_eq!(incremental.wanted(), whole.wanted());
    prop_assert_eq!(incremental.size(), whole.size());
    Ok(())
}

fn closed(snapshot: &Snapshot) -> Result<(), TestCaseError> {
    for (key, listener) in &snapshot.listeners {
        let own = listener.tls.iter().flat_map(|tls| &tls.certificates);
        for certificate in own.chain(&listener.backend_client_certificate) {
            prop_assert!(snapshot.certificates.contains_key(certificate), "{key}: {certificate}");
        }
        let tls = listener.tls.as_ref();
        prop_assert!(tls.is_none_or(|tls| !tls.certificates.is_empty()), "{key}");
    }
    for (key, route) in &snapshot.routes {
        prop_assert!(!route.attachments.is_empty() && !route.matches.is_empty(), "{key}");
        for attachment in route.attachments.iter() {
            prop_assert!(snapshot.listeners.contains_key(&attachment.listener), "{key}");
            prop_assert!(!attachment.hostnames.is_empty(), "{key}");
        }
        for target in targets(route) {
            if let Target::Backend(backend) = target {
                prop_assert!(snapshot.backends.contains_key(backend), "{key}: {backend}");
            }
        }
    }
    for backend in snapshot.endpoints.keys() {
        prop_assert!(snapshot.backends.contains_key(backend), "{backend}");
    }
    Ok(())
}

fn targets(route: &Route) -> impl Iterator<Item = &Target> {
    let own = route.backends.iter().flat_map(|backend| &backend.filters);
    let mirrors = route.filters.iter().chain(own).filter_map(|filter| match filter {
        Filter::Mirror(mirror) => Some(&mirror.target),
        _ => None,
    });
    route.backends.iter().map(|backend| &backend.target).chain(mirrors)
}

proptest! {
    #![proptest_config(Config { cases: 256, ..Config::default() })]

    #[test]
    fn any_order_of_changes_gives_what_a_whole_translation_gives(
        start in start(),
        batches in prop::collection::vec(prop::collection::vec(step(), 1..4), 0..16),
        pool: bool,
    ) {
        let options = options(pool);
        let mut world = World::default();
        let mut translator = Translator::new(options.clone());
        for batch in std::iter::once(&start).chain(&batches) {
            let before = (translator.snapshot().clone(), translator.statuses().clone());
            let changes = batch.iter().map(|step| world.change(step)).collect();
            let changed = translator.apply(changes);
            same(&translator, &world.whole(&options))?;
            closed(translator.snapshot())?;
            let after = translator.snapshot();
            let resources = !after.same_resources(&before.0);
            let version = if resources { before.0.version.next() } else { before.0.version };
            prop_assert_eq!(after.version, version);
            prop_assert_eq!(changed, resources || *translator.statuses() != before.1);
        }
        let everything = world.0.keys().map(|(kind, key)| Change::Delete(*kind, key.clone()));
        translator.apply(everything.collect());
        same(&translator, &Translator::new(options))?;
    }
}
