//! What commands print: text to stdout, errors to stderr.

use std::io::{self, Write};
use std::process::exit;

/// Prints text and ends it with a newline if it has none. A reader that left (`| head`) has what
/// it wanted, so the process ends well.
pub(crate) fn print(text: &str) {
    let mut out = io::stdout().lock();
    let end = if text.ends_with('\n') { "" } else { "\n" };
    if write!(out, "{text}{end}").and_then(|()| out.flush()).is_err() {
        exit(0);
    }
}

/// Prints an error with its causes.
pub(crate) fn error(error: &anyhow::Error) {
    // Where stderr is gone there is nobody to tell.
    let _ = writeln!(io::stderr(), "error: {error:#}");
}
