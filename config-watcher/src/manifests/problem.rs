//! What is wrong with a manifest, for a person: where, what, and the way out.

use std::fmt;

use serde::Serialize;

use crate::api::meta::Origin;

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Problem {
    /// File (relative to the folder) and line; line 0 means the file as a whole.
    pub origin: Origin,
    /// Kind, namespace and name, as far as they could be read: `HTTPRoute shop/cart`.
    pub object: Option<String>,
    /// Path of the field: `spec.rules[0].backendRefs[1].port`.
    pub field: Option<String>,
    /// What is wrong, without a full stop.
    pub message: String,
    /// The way out, without a full stop; empty where the message says it.
    pub remedy: String,
    /// How bad it is.
    pub severity: Severity,
}

/// How bad a problem is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Something is not served that should be.
    Error,
    /// All that we serve is served.
    Warning,
}

impl fmt::Display for Problem {
    /// `shop.yaml:12: HTTPRoute shop/cart: spec.rules: must have at most 16 items: split the route`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.origin.file)?;
        if self.origin.line > 0 {
            write!(f, ":{}", self.origin.line)?;
        }
        if self.severity == Severity::Warning {
            f.write_str(": warning")?;
        }
        for part in [&self.object, &self.field].into_iter().flatten() {
            write!(f, ": {part}")?;
        }
        write!(f, ": {}", self.message)?;
        if self.remedy.is_empty() { Ok(()) } else { write!(f, ": {}", self.remedy) }
    }
}
