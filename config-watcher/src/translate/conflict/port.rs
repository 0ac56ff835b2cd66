//! The claims on one port of one Gateway.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use snapshot::Hostname;

use super::{Claim, Claimant, Conflict, Family, ParentKey};

/// Called with every claim that something concerns.
type Each<'a> = &'a mut dyn FnMut(&Claimant, &Arc<str>);

/// Makes a conflict of the object that holds what was wanted.
type Lost = fn(ParentKey) -> Conflict;

/// Claimants with the names of their listeners; the first comes first.
type Wanting = BTreeSet<(Claimant, Arc<str>)>;

#[derive(Debug, Default)]
pub(super) struct Port {
    /// How many claims of each family each claimant has.
    families: BTreeMap<(Claimant, Family), u32>,
    /// Who wants each name.
    names: BTreeMap<(Family, Hostname), Wanting>,
    /// The TLS names but `Any`, labels in reverse, so that what lies below a wildcard is a range.
    reversed: BTreeMap<String, BTreeSet<Hostname>>,
}

impl Port {
    pub(super) fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    pub(super) fn all(&self, each: Each<'_>) {
        for (claimant, section) in self.names.values().flatten() {
            each(claimant, section);
        }
    }

    pub(super) fn put_in(&mut self, claimant: &Claimant, claim: &Claim, each: Each<'_>) {
        let before = self.carries();
        *self.families.entry((claimant.clone(), claim.family)).or_default() += 1;
        let name = (claim.family, claim.hostname.clone());
        let wanted = self.names.entry(name).or_default();
        let new_name = wanted.is_empty();
        wanted.insert((claimant.clone(), claim.section.clone()));
        if new_name && claim.family == Family::Tls {
            if let Some(reversed) = reversed(&claim.hostname) {
                self.reversed.entry(reversed).or_default().insert(claim.hostname.clone());
            }
            self.related(&claim.hostname, each);
        }
        self.concerned(&before, claim, each);
    }

    pub(super) fn take_out(&mut self, claimant: &Claimant, claim: &Claim, each: Each<'_>) {
        let before = self.carries();
        let family = (claimant.clone(), claim.family);
        if let Some(count) = self.families.get_mut(&family) {
            *count -= 1;
            if *count == 0 {
                self.families.remove(&family);
            }
        }
        let name = (claim.family, claim.hostname.clone());
        if let Some(wanted) = self.names.get_mut(&name) {
            wanted.remove(&(claimant.clone(), claim.section.clone()));
            if wanted.is_empty() {
                self.names.remove(&name);
                if claim.family == Family::Tls {
                    self.forget(&claim.hostname);
                    self.related(&claim.hostname, each);
                }
            }
        }
        self.concerned(&before, claim, each);
    }

    /// Whether a claim lost, to whom, and what.
    pub(super) fn conflict(&self, claimant: &Claimant, claim: &Claim) -> Option<(Lost, &Claimant)> {
        let ((first, family), _) = self.families.first_key_value()?;
        let mixed = self
            .families
            .range((first.clone(), Family::Http)..=(first.clone(), Family::Tcp))
            .count()
            > 1;
        if mixed || *family != claim.family {
            return Some((Conflict::Protocol, first));
        }
        let wanted = self.names.get(&(claim.family, claim.hostname.clone()))?;
        let (holder, _) = wanted.first()?;
        let equals = wanted.iter().take_while(|(other, _)| other == holder).count();
        let lost: Lost =
            if claim.family == Family::Tcp { Conflict::Protocol } else { Conflict::Hostname };
        (equals > 1 || holder != claimant).then_some((lost, holder))
    }

    /// Whether a TLS name shares names with another one on this port.
    pub(super) fn overlaps(&self, hostname: &Hostname) -> bool {
        let taken = |name: &Hostname| self.names.contains_key(&(Family::Tls, name.clone()));
        match hostname {
            Hostname::Any => !self.reversed.is_empty(),
            Hostname::Exact(name) => taken(&Hostname::Any) || above(name).any(|name| taken(&name)),
            Hostname::Wildcard(name) => {
                taken(&Hostname::Any)
                    || above(name).any(|name| taken(&name))
                    || self.below(name).next().is_some()
            }
        }
    }

    /// What the first claimant decides: itself, and the families it wants.
    fn carries(&self) -> Vec<(Claimant, Family)> {
        let Some(((first, _), _)) = self.families.first_key_value() else { return Vec::new() };
        let range = (first.clone(), Family::Http)..=(first.clone(), Family::Tcp);
        self.families.range(range).map(|(key, _)| key.clone()).collect()
    }

    fn concerned(&self, before: &[(Claimant, Family)], claim: &Claim, each: Each<'_>) {
        if self.carries() != before {
            return self.all(each);
        }
        let name = (claim.family, claim.hostname.clone());
        for (claimant, section) in self.names.get(&name).into_iter().flatten() {
            each(claimant, section);
        }
    }

    /// Those whose overlap a TLS name can change by coming or going.
    fn related(&self, hostname: &Hostname, each: Each<'_>) {
        let mut names = vec![Hostname::Any];
        match hostname {
            Hostname::Any => names.extend(self.reversed.values().flatten().cloned()),
            Hostname::Exact(name) => names.extend(above(name)),
            Hostname::Wildcard(name) => {
                names.extend(above(name));
                names.extend(self.below(name).cloned());
            }
        }
        for name in names {
            for (claimant, section) in self.names.get(&(Family::Tls, name)).into_iter().flatten() {
                each(claimant, section);
            }
        }
    }

    fn below(&self, parent: &str) -> impl Iterator<Item = &Hostname> {
        let parent = turn(parent);
        // `/` is the character after `.`.
        self.reversed.range(format!("{parent}.")..format!("{parent}/")).flat_map(|(_, set)| set)
    }

    fn forget(&mut self, hostname: &Hostname) {
        let Some(reversed) = reversed(hostname) else { return };
        if let Some(set) = self.reversed.get_mut(&reversed) {
            set.remove(hostname);
            if set.is_empty() {
                self.reversed.remove(&reversed);
            }
        }
    }
}

fn reversed(hostname: &Hostname) -> Option<String> {
    match hostname {
        Hostname::Exact(name) | Hostname::Wildcard(name) => Some(turn(name)),
        Hostname::Any => None,
    }
}

fn turn(name: &str) -> String {
    name.rsplit('.').collect::<Vec<_>>().join(".")
}

/// The wildcards that take in names below `name`'s own parent: for `a.b.c`, `*.b.c` and `*.c`.
fn above(name: &str) -> impl Iterator<Item = Hostname> {
    name.match_indices('.').map(|(dot, _)| Hostname::Wildcard(name[dot + 1..].into()))
}
