//! The `headgate` binary: composition only, one file per subcommand.

fn main() {}
