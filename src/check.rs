//! `headgate check`: what a cluster would say of a folder.

use std::path::PathBuf;
use std::process::ExitCode;

use config_watcher::manifests::{self, Problem, Severity};
use config_watcher::objects::Change;
use config_watcher::translate::{Options, Translator};
use serde::Serialize;

use crate::condition::{self, Row, Verdict};
use crate::output::{self, Format};

/// Check a folder of manifests: every object's conditions, as a cluster would show them.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  headgate check ./gateway
  headgate check ./gateway -o json | jq '.conditions[] | select(.verdict == \"error\")'

Exit code 1 means that something in the folder is not served as it is written.")]
pub(crate) struct Args {
    /// Folder of YAML and JSON manifests.
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// Let Services of type ExternalName be backends, as `headgate run` does with this flag.
    #[arg(long, env = "HEADGATE_ALLOW_EXTERNAL_NAME")]
    allow_external_name: bool,
    #[command(flatten)]
    output: output::Args,
}

#[derive(Debug, Serialize)]
struct Report {
    /// Nothing is an error.
    good: bool,
    problems: Vec<Problem>,
    conditions: Vec<Row>,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let report = check(args);
    let code = if report.good { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    match args.output.format {
        Format::Json => output::json(&report),
        Format::Table => output::print(&text(&report)),
    }
    Ok(code)
}

fn check(args: &Args) -> Report {
    let loaded = manifests::load(&args.folder);
    let options = Options {
        allow_external_name: args.allow_external_name,
        allow_loopback: true,
        ..Options::default()
    };
    let mut translator = Translator::new(options);
    translator.apply(loaded.objects.into_iter().map(Change::Put).collect());
    let conditions = condition::rows_of_folder(translator.objects(), translator.statuses());
    let good = loaded.problems.iter().all(|problem| problem.severity != Severity::Error)
        && conditions.iter().all(|row| row.verdict != Verdict::Error);
    Report { good, problems: loaded.problems, conditions }
}

fn text(report: &Report) -> String {
    let rows = report.conditions.iter().map(|row| {
        let origin = row.origin.clone().unwrap_or_default();
        let Row { condition, status, reason, message, .. } = row.clone();
        vec![row.subject(), origin, condition, status, reason, message]
    });
    let head = ["OBJECT", "WHERE", "CONDITION", "STATUS", "REASON", "MESSAGE"];
    let mut text = output::table_text(&head, rows);
    if !report.problems.is_empty() {
        text.push('\n');
    }
    for problem in &report.problems {
        text.push_str(&format!("{problem}\n"));
    }
    let errors = |count: usize, noun: &str| match count {
        1 => format!("1 {noun}"),
        _ => format!("{count} {noun}s"),
    };
    let unmet = report.conditions.iter().filter(|row| row.verdict == Verdict::Error).count();
    text.push_str(&match (report.problems.len(), unmet) {
        (0, 0) => "\nall is well\n".to_owned(),
        (problems, unmet) => {
            let unmet = errors(unmet, "unmet condition");
            format!("\n{}, {unmet}\n", errors(problems, "problem"))
        }
    });
    text
}
