//! What units read: the objects, lists over them, what was parsed from them, and the outputs of
//! other units. Written by the engine only.

use std::cell::{OnceCell, RefCell};
use std::sync::Arc;

use rustc_hash::FxHashMap;
use snapshot::{Attachment, Certificate, ObjectKey, TrustAnchors};

use super::conflict::Conflicts;
use super::index::{Indexes, List, lists_of};
use super::output::{Outputs, Ties};
use super::pem;
use super::pool::Pool;
use super::usage::Usage;
use crate::api::core::Secret;
use crate::objects::{AnyObject, Change, Kind, Objects};
use crate::shared::Shared;

/// A value parsed from an object when it is first asked for, and dropped with the object.
type Parsed<T> = FxHashMap<ObjectKey, OnceCell<Result<T, Arc<str>>>>;

/// Everything a unit may read.
#[derive(Debug, Default)]
pub(crate) struct Store {
    /// What users wrote.
    pub objects: Objects,
    /// Objects by what they say.
    pub indexes: Indexes,
    /// What units computed.
    pub outputs: Outputs,
    /// What Gateways have from the address pool.
    pub pool: Pool,
    /// What listeners claim, and what became of it.
    pub conflicts: Conflicts,
    /// What routes and ListenerSets add up to.
    pub usage: Usage,
    /// What routes have alike; saves memory and decides nothing.
    pub attachments: RefCell<Shared<[Attachment]>>,
    /// The same.
    pub ties: RefCell<Shared<Ties>>,
    certificates: Parsed<Arc<Certificate>>,
    /// What Secrets held before their content became something else: what was live stays live.
    last_good: FxHashMap<ObjectKey, Arc<Certificate>>,
    secret_anchors: Parsed<TrustAnchors>,
    map_anchors: Parsed<TrustAnchors>,
}

/// What a change did to the store.
#[derive(Debug)]
pub(crate) struct Taken {
    /// The object.
    pub kind: Kind,
    /// The object.
    pub key: ObjectKey,
    /// The lists that it stood in before or stands in now.
    pub lists: Vec<List>,
}

impl Store {
    /// Takes a change in; `None` when it changes nothing that a unit could read.
    pub(crate) fn take(&mut self, change: Change) -> Option<Taken> {
        let (kind, key) = match &change {
            Change::Put(object) => (object.kind(), object.meta().key()),
            Change::Delete(kind, key) => (*kind, key.clone()),
        };
        let old = self.objects.get(kind, &key);
        if !self.objects.take(change) {
            return None;
        }
        let new = self.objects.get(kind, &key);
        self.parse_again(kind, &key, old.as_ref(), new.is_some());
        let lists = self.index_again(&key, old.as_ref(), new.as_ref());
        Some(Taken { kind, key, lists })
    }

    fn index_again(
        &mut self,
        key: &ObjectKey,
        old: Option<&AnyObject>,
        new: Option<&AnyObject>,
    ) -> Vec<List> {
        let left = old.map(lists_of).unwrap_or_default();
        let joined = new.map(lists_of).unwrap_or_default();
        for list in left.difference(&joined) {
            self.indexes.remove(list, key);
        }
        for list in joined.difference(&left) {
            self.indexes.insert(list.clone(), key.clone());
        }
        left.union(&joined).cloned().collect()
    }

    fn parse_again(&mut self, kind: Kind, key: &ObjectKey, old: Option<&AnyObject>, exists: bool) {
        match kind {
            Kind::Secret => {
                self.keep_good(key, old, exists);
                reset(&mut self.certificates, key, exists);
                reset(&mut self.secret_anchors, key, exists);
            }
            Kind::ConfigMap => reset(&mut self.map_anchors, key, exists),
            _ => {}
        }
    }

    fn keep_good(&mut self, key: &ObjectKey, old: Option<&AnyObject>, exists: bool) {
        if !exists {
            self.last_good.remove(key);
        } else if let Some((AnyObject::Secret(old), parsed)) = old.zip(self.certificates.get(key))
            && let Ok(good) = parsed.get_or_init(|| read(&old.spec))
        {
            self.last_good.insert(key.clone(), good.clone());
        }
    }

    /// The last certificate of a Secret that exists, before it held none any more.
    pub(crate) fn last_good(&self, key: &ObjectKey) -> Option<&Arc<Certificate>> {
        self.last_good.get(key)
    }

    /// The certificate of a Secret, or what is wrong with it; `None` where there is no Secret.
    pub(crate) fn certificate(
        &self,
        key: &ObjectKey,
    ) -> Option<&Result<Arc<Certificate>, Arc<str>>> {
        let secret = &self.objects.secrets.get(key)?.spec;
        Some(self.certificates.get(key)?.get_or_init(|| read(secret)))
    }

    /// The authorities of a Secret or ConfigMap, or what is wrong with them; `None` where there is
    /// no such object.
    pub(crate) fn anchors(
        &self,
        kind: Kind,
        key: &ObjectKey,
    ) -> Option<&Result<TrustAnchors, Arc<str>>> {
        if kind == Kind::Secret {
            let secret = &self.objects.secrets.get(key)?.spec;
            return Some(
                self.secret_anchors
                    .get(key)?
                    .get_or_init(|| pem::secret_anchors(secret).map_err(Arc::from)),
            );
        }
        let map = &self.objects.config_maps.get(key)?.spec;
        Some(self.map_anchors.get(key)?.get_or_init(|| pem::anchors(map).map_err(Arc::from)))
    }
}

fn read(secret: &Secret) -> Result<Arc<Certificate>, Arc<str>> {
    pem::certificate(secret).map(Arc::new).map_err(Arc::from)
}

fn reset<T>(parsed: &mut Parsed<T>, key: &ObjectKey, exists: bool) {
    if exists {
        parsed.insert(key.clone(), OnceCell::new());
    } else {
        parsed.remove(key);
    }
}
