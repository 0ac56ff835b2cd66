//! What must hold of our parsers, whatever they are given.

use config_watcher::manifests::{self, Severity};
use config_watcher::objects::Kind;
use config_watcher::{decode, schema};

/// A manifest of any bytes is read without panic; every problem names a line that is there; and
/// what is read again is the same.
pub fn manifests(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    for name in ["fuzz.yaml", "fuzz.json"] {
        let loaded = manifests::read(name, &text);
        // To YAML, a carriage return alone ends a line as well.
        let lines = u32::try_from(text.split(['\n', '\r']).count()).expect("inputs are small");
        for problem in &loaded.problems {
            assert!(problem.origin.line <= lines, "{problem} of {lines} lines");
            assert!(!problem.message.is_empty() || problem.severity == Severity::Warning);
        }
        let again = manifests::read(name, &text);
        assert_eq!((loaded.objects, loaded.problems), (again.objects, again.problems));
    }
}

/// An object of any JSON is judged without panic; one that passes decodes, and passes again.
pub fn schema(data: &[u8]) {
    let Ok(serde_json::Value::Object(object)) = serde_json::from_slice(data) else { return };
    for kind in Kind::ALL {
        let schema = schema::KindSchema::of(*kind);
        let mut judged = object.clone();
        if !schema.check(&mut judged).is_empty() {
            continue;
        }
        let mut again = judged.clone();
        assert_eq!(schema.check(&mut again), []);
        assert_eq!(again, judged, "defaults are filled in at once");
        let decoded = decode::object(*kind, judged, None);
        assert!(decoded.is_ok(), "{kind} passes and does not decode: {decoded:?}");
    }
}
