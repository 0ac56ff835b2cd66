//! Regular expressions from routes, bounded so that a pattern cannot cost what a table may not.

use std::fmt;
use std::sync::Arc;

use regex::{Regex, RegexBuilder};
use serde::Serialize;

/// Most bytes of a pattern's text. Gateway API allows 1,024 for paths and 4,096 for header values.
const MAX_LEN: usize = 4_096;
/// Most bytes of a compiled program: 256 KiB holds every pattern in use that we know of, and
/// 1,000 of them stay under 256 MiB.
const MAX_PROGRAM: usize = 256 * 1_024;
/// Deepest nesting of groups.
const MAX_NEST: u32 = 32;

/// A regular expression known to compile, in the syntax of the `regex` crate: matching takes time
/// linear in the input, whatever the pattern.
///
/// It matches the whole value, as if it stood between `^(?:` and `)$`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Pattern(Arc<str>);

/// Why a pattern is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// Longer than 4,096 bytes.
    #[error("a pattern has at most {MAX_LEN} bytes")]
    Length,
    /// Not a regular expression, or one that compiles to more than 256 KiB.
    #[error("{0}")]
    Syntax(String),
}

impl Pattern {
    /// Reads a pattern as a route wrote it.
    ///
    /// # Errors
    /// When it is too long, is no regular expression, or compiles to more than its share.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        if text.len() > MAX_LEN {
            return Err(PatternError::Length);
        }
        match build(text) {
            Ok(_) => Ok(Self(text.into())),
            Err(error) => Err(PatternError::Syntax(last_line(&error.to_string()))),
        }
    }

    /// The pattern as written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The matcher, anchored at both ends.
    #[must_use]
    pub fn compile(&self) -> Regex {
        build(&self.0).expect("a Pattern is only made of a text that compiled")
    }
}

fn build(text: &str) -> Result<Regex, regex::Error> {
    // The text must stand alone before it is wrapped, or `a)(b` would escape the group.
    RegexBuilder::new(text).size_limit(MAX_PROGRAM).nest_limit(MAX_NEST).build()?;
    RegexBuilder::new(&format!("^(?:{text})$"))
        .size_limit(MAX_PROGRAM)
        .nest_limit(MAX_NEST + 2)
        .build()
}

fn last_line(message: &str) -> String {
    let last = message.lines().last().unwrap_or(message).trim();
    last.strip_prefix("error: ").unwrap_or(last).to_owned()
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "/{}/", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::Pattern;

    #[test]
    fn a_pattern_matches_the_whole_value() {
        let regex = Pattern::parse("a|b+").unwrap().compile();
        assert!(regex.is_match("a") && regex.is_match("bbb"));
        assert!(!regex.is_match("ab") && !regex.is_match("xa"));
    }

    #[test]
    fn what_would_cost_too_much_is_refused() {
        let deep = "(".repeat(100) + &")".repeat(100);
        for text in ["(", "a)(b", "a{1000}{1000}", &deep, &"a".repeat(5_000)] {
            assert!(Pattern::parse(text).is_err(), "{text:.40}");
        }
    }
}
