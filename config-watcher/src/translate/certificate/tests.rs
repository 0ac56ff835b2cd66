//! References to certificates and authorities: found, granted, refused.

use serde_json::{Value, json};

use crate::objects::Kind;
use crate::translate::sample::{Sample, conditions, message};

fn secret(name: &str, kind: &str) -> Value {
    let (namespace, name) = name.split_once('/').unwrap();
    let pair = rcgen::generate_simple_self_signed(["a.example".to_owned()]).unwrap();
    json!({"kind": "Secret", "metadata": {"namespace": namespace, "name": name}, "type": kind,
           "stringData": {"tls.crt": pair.cert.pem(), "tls.key": pair.signing_key.serialize_pem(),
                          "ca.crt": pair.cert.pem()}})
}

fn tls(name: &str) -> Value {
    secret(name, "kubernetes.io/tls")
}

fn grant(namespace: &str, kind: &str) -> Value {
    json!({"kind": "ReferenceGrant", "metadata": {"namespace": namespace, "name": "g"}, "spec": {
        "from": [{"group": "gateway.networking.k8s.io", "kind": "Gateway", "namespace": "infra"}],
        "to": [{"group": "", "kind": kind}]}})
}

/// The Gateway `infra/safe` with an HTTPS listener, whose certificate and whose clients'
/// authorities are these.
fn gateway(certificate: &Value, authorities: &Value) -> Value {
    json!({"kind": "Gateway", "metadata": {"namespace": "infra", "name": "safe"}, "spec": {
        "gatewayClassName": "headgate",
        "listeners": [{"name": "https", "port": 443, "protocol": "HTTPS",
                       "tls": {"certificateRefs": [certificate]}}],
        "tls": {"frontend": {"default": {"validation": {"caCertificateRefs": [authorities]}}}}}})
}

/// What the listener says of its references.
fn resolved(sample: &Sample) -> (String, String) {
    let status = sample.status(Kind::Gateway, "infra/safe");
    let listener = &status["listeners"][0];
    let all = conditions(listener);
    let found = all.iter().find(|it| it.starts_with("ResolvedRefs=")).unwrap();
    (found.clone(), message(listener, "ResolvedRefs"))
}

#[test]
fn a_certificate_is_found_where_it_is_and_where_it_is_granted() {
    let ca = json!({"group": "", "kind": "Secret", "name": "own"});
    for (certificate, objects, expected, says) in [
        (json!({"name": "own"}), json!([tls("infra/own")]), "True/ResolvedRefs", ""),
        (
            json!({"name": "far", "namespace": "vault"}),
            json!([tls("infra/own"), tls("vault/far"), grant("vault", "Secret")]),
            "True/ResolvedRefs",
            "",
        ),
        (
            json!({"name": "far", "namespace": "vault"}),
            json!([tls("infra/own"), tls("vault/far"), grant("vault", "ConfigMap")]),
            "False/RefNotPermitted",
            "no ReferenceGrant in namespace `vault` lets a Gateway of namespace `infra` use Secret",
        ),
        (
            json!({"name": "gone"}),
            json!([tls("infra/own")]),
            "False/InvalidCertificateRef",
            "Secret `infra/gone` does not exist",
        ),
        (
            json!({"name": "opaque"}),
            json!([tls("infra/own"), secret("infra/opaque", "Opaque")]),
            "False/InvalidCertificateRef",
            "Secret `infra/opaque`: is of type `Opaque`",
        ),
        (
            json!({"name": "own", "kind": "Vault", "group": "a.b"}),
            json!([tls("infra/own")]),
            "False/InvalidCertificateRef",
            "kind `Vault` of group `a.b` holds no certificates",
        ),
    ] {
        let mut sample = Sample::new(objects);
        sample.put(gateway(&certificate, &ca));
        let (condition, text) = resolved(&sample);
        assert_eq!(condition, format!("ResolvedRefs={expected}"), "{certificate}: {text}");
        assert!(text.contains(says), "{text}");
        assert_eq!(sample.snapshot().certificates.len(), usize::from(says.is_empty()));
    }
}

#[test]
fn authorities_are_found_where_they_are_and_where_they_are_granted() {
    let map = |namespace: &str, text: &str| {
        json!({"kind": "ConfigMap", "metadata": {"namespace": namespace, "name": "ca"},
               "data": {"ca.crt": text}})
    };
    let pem = rcgen::generate_simple_self_signed(["a.example".to_owned()]).unwrap().cert.pem();
    let at = |kind: &str, namespace: &str| {
        let mut reference = json!({"group": "", "kind": kind, "name": "ca"});
        reference["namespace"] = namespace.into();
        reference
    };
    for (authorities, objects, expected, says) in [
        (at("ConfigMap", "infra"), json!([map("infra", &pem)]), "True/ResolvedRefs", ""),
        (at("Secret", "infra"), json!([tls("infra/ca")]), "True/ResolvedRefs", ""),
        (
            at("ConfigMap", "vault"),
            json!([map("vault", &pem), grant("vault", "ConfigMap")]),
            "True/ResolvedRefs",
            "",
        ),
        (
            at("ConfigMap", "vault"),
            json!([map("vault", &pem), grant("vault", "Secret")]),
            "False/RefNotPermitted",
            "no ReferenceGrant in namespace `vault` lets a Gateway of namespace `infra` use Config",
        ),
        (
            at("ConfigMap", "infra"),
            json!([]),
            "False/InvalidCACertificateRef",
            "ConfigMap `infra/ca` does not exist",
        ),
        (
            at("ConfigMap", "infra"),
            json!([map("infra", "junk")]),
            "False/InvalidCACertificateRef",
            "ConfigMap `infra/ca`: data[ca.crt]: holds no",
        ),
        (
            at("Service", "infra"),
            json!([]),
            "False/InvalidCACertificateKind",
            "kind `Service` of group `` holds no authorities",
        ),
    ] {
        let mut sample = Sample::new(objects);
        sample.put(tls("infra/own"));
        sample.put(gateway(&json!({"name": "own"}), &authorities));
        let (condition, text) = resolved(&sample);
        assert_eq!(condition, format!("ResolvedRefs={expected}"), "{authorities}: {text}");
        assert!(text.contains(says), "{text}");
    }
}

#[test]
fn a_secret_that_is_broken_leaves_its_last_certificate_live() {
    let map = json!({"kind": "Secret", "metadata": {"namespace": "infra", "name": "ca"},
                     "stringData": tls("infra/ca")["stringData"]});
    let mut sample = Sample::new(json!([tls("infra/own"), map]));
    sample.put(gateway(&json!({"name": "own"}), &json!({"kind": "Secret", "name": "ca"})));
    let live = sample.snapshot().certificates.clone();
    assert_eq!(live.len(), 1);

    let mut broken = tls("infra/own");
    broken["stringData"]["tls.crt"] = json!("junk");
    for _ in 0..2 {
        broken["stringData"]["tls.key"] = json!("junk");
        sample.put(broken.clone());
        assert_eq!(sample.snapshot().certificates, live, "what was live stays live");
        let (condition, text) = resolved(&sample);
        assert_eq!(condition, "ResolvedRefs=False/InvalidCertificateRef");
        assert!(text.contains("what it held before is served until then"), "{text}");
    }

    sample.put(tls("infra/own"));
    assert_ne!(sample.snapshot().certificates, live);
    assert_eq!(resolved(&sample).0, "ResolvedRefs=True/ResolvedRefs");

    sample.delete(Kind::Secret, "infra/own");
    sample.put(broken);
    assert!(sample.snapshot().certificates.is_empty(), "a Secret that was deleted is forgotten");
}
