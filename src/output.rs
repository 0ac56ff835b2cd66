//! What commands print: text to stdout, errors to stderr.

use std::io::{self, Write};
use std::process::exit;

use clap::ValueEnum;
use comfy_table::Table;
use comfy_table::presets::NOTHING;
use serde::Serialize;

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

/// How a command shows what it found.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(crate) struct Args {
    /// Table for people, JSON for programs.
    #[arg(short = 'o', long = "output", value_name = "FORMAT", default_value = "table")]
    pub(crate) format: Format,
}

/// See [`Args`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    Table,
    Json,
}

/// Prints a value as JSON for people's eyes too.
pub(crate) fn json(value: &impl Serialize) {
    print(&serde_json::to_string_pretty(value).expect("views are plain data"));
}

/// Prints a table.
pub(crate) fn table(head: &[&str], rows: impl Iterator<Item = Vec<String>>) {
    print(&table_text(head, rows));
}

/// A table as text, columns two spaces apart.
pub(crate) fn table_text(head: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_style(NOTHING);
    table.set_header(head.iter().copied());
    table.add_rows(rows);
    let columns = head.len();
    for (index, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, if index + 1 < columns { 2 } else { 0 }));
    }
    let mut text = table.trim_fmt();
    text.push('\n');
    text
}

/// Prints a remark to stderr, beside what a command prints.
pub(crate) fn note(text: &str) {
    // Where stderr is gone there is nobody to tell.
    let _ = writeln!(io::stderr(), "{text}");
}
