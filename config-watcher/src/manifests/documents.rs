//! The documents of a file, each a JSON value with its lines, or what makes it unreadable.

use serde_json::Value;

use super::lines::{Flaw, Lines};
use super::{json, split, yaml};

/// Reads the documents of a file. Those without content are left out.
pub(crate) fn read(text: &str, format: Format) -> Vec<Result<(Value, Lines), Flaw>> {
    // Editors on Windows put a mark in front.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if format == Format::Json {
        return json::read(text, 0);
    }
    split::split(text).into_iter().flat_map(document).collect()
}

/// What a file's name says it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// YAML, of which JSON is nearly a part.
    Yaml,
    /// JSON.
    Json,
}

fn document(piece: split::Piece<'_>) -> Vec<Result<(Value, Lines), Flaw>> {
    // JSON that is not quite YAML, such as escaped surrogates, is known by its brace.
    if piece.text.trim_start().starts_with('{') {
        let documents = json::read(piece.text, piece.lines_before);
        if documents.iter().all(Result::is_ok) {
            return documents;
        }
    }
    yaml::read(piece.text, piece.lines_before).transpose().into_iter().collect()
}
