//! The `headgate` binary: composition only, one file per subcommand.

mod completions;
mod echo;
mod output;
mod signals;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Many small, short allocations per request on several threads: what it is made for.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// A layer-7 gateway: Gateway API objects in, lossless HTTP and RPC traffic out, no reload ever.
#[derive(Debug, Parser)]
#[command(name = "headgate", version, max_term_width = 100, subcommand_required = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Echo(echo::Args),
    Completions(completions::Args),
}

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Echo(args) => echo::run(args),
        Command::Completions(args) => completions::run::<Cli>(&args),
    };
    match result {
        Ok(code) => code,
        Err(error) => {
            output::error(&error);
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::Cli;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
