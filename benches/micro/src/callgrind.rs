//! Counting instructions: this program once more, under valgrind's callgrind.
//!
//! Each case has a process of its own, so that none depends on those before it. Callgrind counts
//! only while [`measured`] runs; of its output only the sum is read.

use std::process::{self, Command};
use std::{env, fs};

use anyhow::{Context as _, ensure};
use gateway::bench::Case;

/// The argument with which this program runs inside of valgrind.
pub(crate) const INSIDE: &str = "inside-valgrind";

/// Calls before counting begins: caches are filled, buffers have grown, both forms of what
/// alternates were there.
const WARM: usize = 4;
/// Calls that are counted; even, for what alternates. So many that what happens now and then, such
/// as a full buffer of the access log, stands for its share.
const COUNTED: u64 = 200;

/// Counts a case.
pub(crate) fn count(case: &Case) -> anyhow::Result<u64> {
    let file = env::temp_dir().join(format!("callgrind.{}", process::id()));
    let ended = Command::new("valgrind")
        .args(["--tool=callgrind", "--quiet", "--collect-atstart=no"])
        .arg("--toggle-collect=*callgrind::measured*")
        .arg(format!("--callgrind-out-file={}", file.display()))
        .arg(env::current_exe()?)
        .args([INSIDE, case.name])
        .env_clear() // what it holds would move the stack
        .status()
        .context("valgrind cannot be started (`apt-get install valgrind`)")?;
    ensure!(ended.success(), "{} ended with {ended} under valgrind", case.name);
    let text = fs::read_to_string(&file)?;
    fs::remove_file(&file)?;
    let sum = text.lines().find_map(|line| line.strip_prefix("summary: "));
    let sum: u64 = sum.context("callgrind wrote no sum")?.parse()?;
    ensure!(sum > 0, "callgrind has not seen the calls of {}", case.name);
    Ok(sum / COUNTED)
}

/// Runs a case, inside of valgrind.
pub(crate) fn run(case: &Case) {
    let mut work = (case.ready)();
    (0..WARM).for_each(|_| work());
    measured(&mut work);
}

/// Callgrind knows it by its name.
#[inline(never)]
fn measured(work: &mut dyn FnMut()) {
    (0..COUNTED).for_each(|_| work());
}
