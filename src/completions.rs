//! `headgate completions`: a script for the shell.

use std::process::ExitCode;

use clap::CommandFactory;
use clap_complete::Shell;

use crate::output;

/// Print a completion script for a shell.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  headgate completions bash > /etc/bash_completion.d/headgate
  headgate completions zsh  > \"${fpath[1]}/_headgate\"
  headgate completions fish > ~/.config/fish/completions/headgate.fish")]
pub(crate) struct Args {
    /// The shell that will read the script.
    shell: Shell,
}

pub(crate) fn run<C: CommandFactory>(args: &Args) -> anyhow::Result<ExitCode> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut C::command(), "headgate", &mut script);
    output::print(std::str::from_utf8(&script)?);
    Ok(ExitCode::SUCCESS)
}
