//! Certificates for the tests, made when they are first asked for.

use std::sync::LazyLock;

use rcgen::{CertificateParams, KeyPair};

/// A certificate for `example.org` and its key, as PEM.
pub(crate) static PAIR: LazyLock<(String, String)> = LazyLock::new(|| make("example.org"));

/// Another one.
pub(crate) static OTHER: LazyLock<(String, String)> = LazyLock::new(|| make("example.com"));

fn make(name: &str) -> (String, String) {
    let key = KeyPair::generate().expect("the random source works");
    let params = CertificateParams::new(vec![name.to_owned()]).expect("a DNS name");
    let certificate = params.self_signed(&key).expect("the key signs");
    (certificate.pem(), key.serialize_pem())
}
