//! Secrets and ConfigMaps in, certificates and authorities out; what is wrong with others.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use rcgen::{CertificateParams, CertifiedKey, KeyPair};

use super::{anchors, certificate, secret_anchors};
use crate::api::core::{ConfigMap, Secret};

fn pair() -> CertifiedKey<KeyPair> {
    rcgen::generate_simple_self_signed(["a.example".to_owned()]).unwrap()
}

fn secret(kind: &str, values: &[(&str, &str)]) -> Secret {
    let encode = |text: &str| BASE64_STANDARD.encode(text).into();
    Secret {
        kind: Some(kind.into()),
        data: values.iter().map(|(name, text)| ((*name).into(), encode(text))).collect(),
        ..Secret::default()
    }
}

fn tls(crt: &str, key: &str) -> Secret {
    secret("kubernetes.io/tls", &[("tls.crt", crt), ("tls.key", key)])
}

#[test]
fn a_certificate_with_its_key_is_read_whole() {
    let (leaf, issuer) = (pair(), pair());
    let (key, other) = (leaf.signing_key.serialize_pem(), issuer.cert.pem());
    let found = certificate(&tls(&format!("{}{other}", leaf.cert.pem()), &key)).unwrap();
    assert_eq!(found.chain, [leaf.cert.der().clone(), issuer.cert.der().clone()]);
    assert_eq!(found.key.secret_der(), leaf.signing_key.serialize_der());
}

#[test]
fn keys_of_every_common_algorithm_are_taken() {
    for algorithm in
        [&rcgen::PKCS_ECDSA_P256_SHA256, &rcgen::PKCS_ECDSA_P384_SHA384, &rcgen::PKCS_ED25519]
    {
        let key = KeyPair::generate_for(algorithm).unwrap();
        let cert = CertificateParams::new(["a.b".to_owned()]).unwrap().self_signed(&key).unwrap();
        assert!(certificate(&tls(&cert.pem(), &key.serialize_pem())).is_ok(), "{algorithm:?}");
    }
}

#[test]
fn plain_text_wins_over_base64() {
    let pair = pair();
    let mut secret = tls("junk", &pair.signing_key.serialize_pem());
    secret.string_data.insert("tls.crt".into(), pair.cert.pem().into());
    assert!(certificate(&secret).is_ok());
}

#[test]
fn what_is_wrong_with_a_certificate_is_named() {
    let (good, other) = (pair(), pair());
    let (crt, key) = (good.cert.pem(), good.signing_key.serialize_pem());
    let other_key = other.signing_key.serialize_pem();
    let garbage = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let bad_key = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
    let encrypted = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n\
                     -----END ENCRYPTED PRIVATE KEY-----\n";
    for (secret, start) in [
        (Secret { kind: None, ..tls(&crt, &key) }, "is of type `Opaque`; make it one of"),
        (secret("Opaque", &[]), "is of type `Opaque`"),
        (secret("kubernetes.io/tls", &[]), "data[tls.crt]: is missing"),
        (secret("kubernetes.io/tls", &[("tls.crt", &crt)]), "data[tls.key]: is missing"),
        (tls("", &key), "data[tls.crt]: holds no `BEGIN CERTIFICATE`"),
        (tls(&key, &key), "data[tls.crt]: holds no `BEGIN CERTIFICATE`"),
        (tls(&crt[..200], &key), "data[tls.crt]: is no PEM text: a section has no `END`"),
        (tls(garbage, &key), "data[tls.crt]: the first certificate is none"),
        (tls(&crt, ""), "data[tls.key]: holds no `BEGIN PRIVATE KEY`"),
        (tls(&crt, encrypted), "data[tls.key]: holds no `BEGIN PRIVATE KEY`"),
        (tls(&crt, &key[..60]), "data[tls.key]: is no PEM text"),
        (tls(&crt, bad_key), "data[tls.key]: is no key we can sign with"),
        (tls(&crt, &other_key), "data[tls.key]: does not belong to the first certificate"),
        (
            tls(&format!("{}{crt}", other.cert.pem()), &key),
            "data[tls.key]: does not belong to the first certificate",
        ),
    ] {
        let error = certificate(&secret).unwrap_err();
        assert!(error.starts_with(start), "{error}");
    }
    let mut secret = tls(&crt, &key);
    secret.data.insert("tls.key".into(), "%%".into());
    let error = certificate(&secret).unwrap_err();
    assert!(error.starts_with("data[tls.key]: is no base64"), "{error}");
}

#[test]
fn authorities_are_read_from_config_maps_and_secrets() {
    let (one, two) = (pair(), pair());
    let text = format!("# roots\n{}{}", one.cert.pem(), two.cert.pem());
    let map = ConfigMap { data: [("ca.crt".into(), text.as_str().into())].into() };
    let found = anchors(&map).unwrap();
    assert_eq!(*found.0, [one.cert.der().clone(), two.cert.der().clone()]);
    assert_eq!(secret_anchors(&secret("Opaque", &[("ca.crt", &text)])), Ok(found));
}

#[test]
fn what_is_wrong_with_authorities_is_named() {
    let of = |text: &str| anchors(&ConfigMap { data: [("ca.crt".into(), text.into())].into() });
    let garbage = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    for (found, start) in [
        (anchors(&ConfigMap::default()), "data[ca.crt]: is missing"),
        (of(""), "data[ca.crt]: holds no `BEGIN CERTIFICATE`"),
        (of(&format!("{}{garbage}", pair().cert.pem())), "data[ca.crt]: certificate 2 is none"),
        (of("-----BEGIN CERTIFICATE-----\n"), "data[ca.crt]: is no PEM text"),
        (secret_anchors(&Secret::default()), "data[ca.crt]: is missing"),
    ] {
        let error = found.unwrap_err();
        assert!(error.starts_with(start), "{error}");
    }
}
