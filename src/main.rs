//! The `headgate` binary: composition only, one file per subcommand.

mod admin_client;
mod certificate;
mod check;
mod completions;
mod condition;
mod drain;
mod duration;
mod echo;
mod endpoints;
mod explain;
mod live;
mod logs;
mod output;
mod routes;
mod rule_text;
mod run;
mod signals;
mod status;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Many small, short allocations per request on several threads: what it is made for.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// A layer-7 gateway: Gateway API objects in, lossless HTTP and RPC traffic out, no reload ever.
#[derive(Debug, Parser)]
#[command(name = "headgate", version, max_term_width = 100, args_override_self = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Run(run::Args),
    Check(check::Args),
    Explain(explain::Args),
    Status(status::Args),
    Routes(routes::Args),
    Endpoints(endpoints::Args),
    Drain(drain::Args),
    Echo(echo::Args),
    Completions(completions::Args),
    /// What deploy/quickstart/run.sh uses; outside of it, certificates come from elsewhere.
    #[command(hide = true)]
    Certificate(certificate::Args),
}

fn main() -> ExitCode {
    small_pages();
    let result = match Cli::parse().command {
        Command::Run(args) => run::run(args),
        Command::Check(args) => check::run(&args),
        Command::Explain(args) => explain::run(&args),
        Command::Status(args) => status::run(&args),
        Command::Routes(args) => routes::run(&args),
        Command::Endpoints(args) => endpoints::run(&args),
        Command::Drain(args) => drain::run(&args),
        Command::Echo(args) => echo::run(args),
        Command::Certificate(args) => certificate::run(args),
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

/// Huge pages round what each thread has up to 2 MiB: a third of our memory when routes are few.
/// All they spare is about 1 % of a request, where tables are large. First, since pages that are
/// touched stay as they are; a kernel that does not know this call goes on as it does.
fn small_pages() {
    let _ = rustix::thread::disable_transparent_huge_pages(true);
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::{Cli, small_pages};

    #[test]
    fn the_process_does_without_huge_pages() {
        small_pages();
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        // Kernels before 5.0 do not say.
        assert!(!status.contains("THP_enabled:\t1"), "{status}");
    }

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
