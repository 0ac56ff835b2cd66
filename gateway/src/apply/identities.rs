//! The certificates that we present to backends.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use imbl::OrdMap;
use snapshot::{Certificate, CertificateKey};

use super::refusals::{Refusals, Scope};
use crate::connect::ClientIdentity;

type Certificates = OrdMap<CertificateKey, Arc<Certificate>>;

/// Identities by certificate; connections are pooled by identity, so that one stays as long as
/// its certificate does.
#[derive(Default)]
pub(super) struct Identities(BTreeMap<CertificateKey, Arc<ClientIdentity>>);

impl Identities {
    /// The identity of a certificate, if it has ever been good.
    pub(super) fn get(
        &mut self,
        key: &CertificateKey,
        certificates: &Certificates,
        refusals: &mut Refusals,
    ) -> Option<Arc<ClientIdentity>> {
        if !self.0.contains_key(key) {
            self.make(key, certificates, refusals);
        }
        self.0.get(key).cloned()
    }

    /// Makes anew what stands for certificates that changed; drops what nobody holds any more.
    pub(super) fn renew(
        &mut self,
        changed: &BTreeSet<CertificateKey>,
        certificates: &Certificates,
        refusals: &mut Refusals,
    ) {
        self.0.retain(|key, identity| {
            let held = Arc::strong_count(identity) > 1;
            if !held {
                refusals.clear(&Scope::Identity(key.clone()));
            }
            held
        });
        for key in changed {
            if self.0.contains_key(key) {
                self.make(key, certificates, refusals);
            }
        }
    }

    fn make(&mut self, key: &CertificateKey, from: &Certificates, refusals: &mut Refusals) {
        let certificate = from.get(key).ok_or_else(|| "there is no such certificate".to_owned());
        match certificate.and_then(|certificate| ClientIdentity::new(certificate)) {
            Ok(identity) => {
                self.0.insert(key.clone(), identity);
                refusals.clear(&Scope::Identity(key.clone()));
            }
            Err(reason) => {
                let live =
                    if self.0.contains_key(key) { "the one before it stays" } else { "none" };
                let reason = format!("{reason}; shown to backends: {live}");
                refusals.set(Scope::Identity(key.clone()), vec![reason]);
            }
        }
    }
}
