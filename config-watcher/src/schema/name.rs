//! What the name of an object may be, by kind.

use serde_json::Value;

use super::path::At;
use super::violation::Violations;

/// The names of a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Name {
    /// RFC 1123, dots allowed: the length is the metadata schema's.
    Subdomain,
    /// RFC 1123, no dots.
    Label,
}

impl Name {
    /// The names called so in the schema files.
    pub(crate) fn find(word: &str) -> Self {
        match word {
            "label" => Self::Label,
            _ => Self::Subdomain,
        }
    }

    /// Judges `metadata.name`.
    pub(crate) fn check(self, metadata: &Value, out: &mut Violations) {
        let above = At::TOP.key("metadata");
        let at = above.key("name");
        let Some(name) = metadata.get("name") else {
            let remedy = match metadata.get("generateName") {
                Some(_) => "write it out: only an API server generates names",
                None => "",
            };
            return out.add(&at, "must be set", remedy);
        };
        // A name that is no string has been reported with the rest of the metadata.
        let Some(name) = name.as_str() else { return };
        if self.holds(name) {
            return;
        }
        let (what, remedy) = match self {
            Self::Subdomain => ("a DNS name", "use a-z, 0-9, '-' and '.' only"),
            Self::Label => ("a DNS label of at most 63 characters", "use a-z, 0-9 and '-' only"),
        };
        out.add(&at, format!("must be {what}, is {name:?}"), remedy);
    }

    fn holds(self, name: &str) -> bool {
        match self {
            Self::Subdomain => name.split('.').all(label),
            Self::Label => name.len() <= 63 && label(name),
        }
    }
}

/// Whether a text is a lower-case DNS label, whatever its length.
fn label(text: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    !text.is_empty() && !text.starts_with('-') && !text.ends_with('-') && text.bytes().all(inner)
}
