//! The embedded schemas as a whole.

use super::kinds::KindSchema;
use crate::objects::Kind;

#[test]
fn every_schema_and_every_rule_compiles() {
    for kind in Kind::ALL {
        let mut empty = serde_json::Map::new();
        let violations = KindSchema::of(*kind).check(&mut empty);
        assert!(!violations.is_empty(), "{kind}: an object without a name passes");
    }
}
