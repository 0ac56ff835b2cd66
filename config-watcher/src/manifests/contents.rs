//! What the files of a folder define, and which of it is live.
//!
//! Promises: an object that a file defined stays live until a version of the file that is good
//! leaves it out; of an object that several files define, the first by path is live and the others
//! are problems; work grows with what a file holds, not with the folder. Pure: no I/O, no clock.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use smallvec::SmallVec;

use super::id::Id;
use super::implied;
use super::problem::{Problem, Severity};
use super::read::Reading;
use crate::api::meta::Origin;
use crate::objects::{AnyObject, Change, Kind};

/// The files and what is live of them.
#[derive(Debug)]
pub(crate) struct Contents {
    files: BTreeMap<Arc<str>, File>,
    /// By object, the files that define it, in ascending order: the live one first.
    definitions: BTreeMap<Id, SmallVec<[Definition; 1]>>,
    /// Objects that several files define.
    contested: BTreeSet<Id>,
    /// How many live objects each namespace has.
    namespaces: BTreeMap<Arc<str>, usize>,
    live: BTreeMap<Id, AnyObject>,
    /// Objects whose definitions changed since the last [`Self::changes`].
    touched: BTreeSet<Id>,
}

/// Whether a file seems to be gone. Its objects are the last choice then: they may be about to
/// come up in another file, after a rename.
type Fading = bool;

/// The file where an object is defined.
type Definition = (Fading, Arc<str>);

/// What one file defines.
#[derive(Debug, Default)]
struct File {
    objects: BTreeMap<Id, AnyObject>,
    problems: Vec<Problem>,
    fading: Fading,
}

impl Default for Contents {
    /// An empty folder: our GatewayClass is there.
    fn default() -> Self {
        Self {
            files: BTreeMap::new(),
            definitions: BTreeMap::new(),
            contested: BTreeSet::new(),
            namespaces: BTreeMap::new(),
            live: BTreeMap::new(),
            touched: BTreeSet::from([implied::class_id()]),
        }
    }
}

impl Contents {
    /// Takes a new reading of a file.
    pub(crate) fn put(&mut self, name: &Arc<str>, reading: Reading) {
        let old = self.files.remove(name).unwrap_or_default();
        let mut file = File { problems: reading.problems, ..File::default() };
        for object in reading.good {
            let id = (object.kind(), object.meta().key());
            if let Some(first) = file.objects.get(&id) {
                file.problems.push(twice(&object, first.origin()));
            } else {
                file.objects.insert(id, object);
            }
        }
        // What can't be read may be any object that was here, so all of them stay.
        let keeps = |id: &Id| reading.unknown || reading.bad.contains(id);
        for (id, object) in &old.objects {
            if !file.objects.contains_key(id) && keeps(id) {
                file.objects.insert(id.clone(), object.clone());
            }
        }
        self.withdraw(name, &old);
        self.define(name, file);
    }

    /// Marks a file that seems to be gone.
    pub(crate) fn fade(&mut self, name: &Arc<str>) {
        if let Some(mut file) = self.files.remove(name) {
            self.withdraw(name, &file);
            file.fading = true;
            self.define(name, file);
        }
    }

    /// Takes away what a file defined.
    pub(crate) fn remove(&mut self, name: &Arc<str>) {
        if let Some(file) = self.files.remove(name) {
            self.withdraw(name, &file);
        }
    }

    /// The files that were read.
    pub(crate) fn files(&self) -> impl Iterator<Item = &Arc<str>> {
        self.files.keys()
    }

    /// Whether a file defines anything.
    pub(crate) fn defines(&self, name: &str) -> bool {
        self.files.get(name).is_some_and(|file| !file.objects.is_empty())
    }

    /// Whether a file seems to be gone.
    pub(crate) fn is_fading(&self, name: &str) -> bool {
        self.files.get(name).is_some_and(|file| file.fading)
    }

    fn withdraw(&mut self, name: &Arc<str>, file: &File) {
        for id in file.objects.keys() {
            self.touched.insert(id.clone());
            if let Some(definitions) = self.definitions.get_mut(id) {
                definitions.retain(|one| (one.0, &one.1) != (file.fading, name));
                if definitions.is_empty() {
                    self.definitions.remove(id);
                }
            }
        }
    }

    fn define(&mut self, name: &Arc<str>, file: File) {
        for id in file.objects.keys() {
            self.touched.insert(id.clone());
            let definitions = self.definitions.entry(id.clone()).or_default();
            let definition = (file.fading, Arc::clone(name));
            if let Err(place) = definitions.binary_search(&definition) {
                definitions.insert(place, definition);
            }
        }
        self.files.insert(Arc::clone(name), file);
    }

    /// What changed in what is live since the last call; no object twice.
    pub(crate) fn changes(&mut self) -> Vec<Change> {
        let mut changes = Vec::new();
        // Whether a Namespace is implied follows from all others, so it comes after them.
        for namespaces in [false, true] {
            let is_due = |id: &Id| (id.0 == Kind::Namespace) == namespaces;
            let (due, later) = std::mem::take(&mut self.touched).into_iter().partition(is_due);
            self.touched = later;
            changes.extend(BTreeSet::into_iter(due).filter_map(|id| self.settle(id)));
        }
        changes
    }

    fn settle(&mut self, id: Id) -> Option<Change> {
        match self.definitions.get(&id).filter(|definitions| definitions.len() > 1) {
            Some(_) => drop(self.contested.insert(id.clone())),
            None => drop(self.contested.remove(&id)),
        }
        let object = self.winner(&id).cloned().or_else(|| self.implied(&id));
        self.publish(id, object)
    }

    fn winner(&self, id: &Id) -> Option<&AnyObject> {
        let (_, file) = self.definitions.get(id)?.first()?;
        self.files.get(file)?.objects.get(id)
    }

    fn implied(&self, id: &Id) -> Option<AnyObject> {
        let wanted = *id == implied::class_id() || self.namespaces.contains_key(&id.1.name);
        if wanted { implied::object(id) } else { None }
    }

    fn publish(&mut self, id: Id, object: Option<AnyObject>) -> Option<Change> {
        let Some(object) = object else {
            self.live.remove(&id)?;
            self.count(&id, false);
            return Some(Change::Delete(id.0, id.1));
        };
        let old = self.live.insert(id.clone(), object.clone());
        if old.as_ref() == Some(&object) {
            return None;
        }
        if old.is_none() {
            self.count(&id, true);
        }
        Some(Change::Put(object))
    }

    /// Counts the objects of a namespace; the first and the last decide about the Namespace.
    fn count(&mut self, id: &Id, more: bool) {
        let namespace = &id.1.namespace;
        if namespace.is_empty() {
            return;
        }
        let count = self.namespaces.entry(Arc::clone(namespace)).or_default();
        *count = if more { *count + 1 } else { count.saturating_sub(1) };
        let (none, first) = (*count == 0, *count == 1 && more);
        if none {
            self.namespaces.remove(namespace);
        }
        if none || first {
            self.touched.insert(implied::namespace_id(namespace));
        }
    }

    /// Everything that is live, in the order of kind and key.
    pub(crate) fn live(&self) -> impl Iterator<Item = &AnyObject> {
        self.live.values()
    }

    /// Everything that is wrong, in the order of file and line.
    pub(crate) fn problems(&self) -> Vec<Problem> {
        let files = self.files.values().filter(|file| !file.fading);
        let mut problems: Vec<Problem> =
            files.flat_map(|file| file.problems.iter().cloned()).collect();
        for id in &self.contested {
            let winner = self.winner(id).and_then(AnyObject::origin);
            let others = self.definitions.get(id).into_iter().flatten().skip(1);
            let others = others.filter(|(fading, _)| !fading);
            let objects = others.filter_map(|(_, file)| self.files.get(file)?.objects.get(id));
            problems.extend(objects.map(|object| twice(object, winner)));
        }
        problems.sort();
        problems
    }
}

/// An object that is defined elsewhere too, and loses.
fn twice(object: &AnyObject, first: Option<&Origin>) -> Problem {
    let place = first.map(|origin| format!("{}:{}", origin.file, origin.line)).unwrap_or_default();
    Problem {
        origin: object.origin().cloned().unwrap_or_else(|| Origin { file: "".into(), line: 0 }),
        object: Some(format!("{} {}", object.kind(), object.meta().key())),
        field: None,
        message: format!("is defined in {place} already, which is what counts"),
        remedy: "remove one of the two, or give it another name".to_owned(),
        severity: Severity::Error,
    }
}

#[cfg(test)]
mod tests;
