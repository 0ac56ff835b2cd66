//! Instruction counts beside the checked-in ones.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::{env, fs};

use anyhow::{Context as _, bail};

use super::{callgrind, cases, machine};

/// Most that a count may be above the checked-in one, in percent. Runs on one machine differ by
/// less than one; a compiler that lays out the same code in another way moves a few.
const MOST_RISE: f64 = 5.0;

/// Compares; fails when a count rose, or a case has none.
pub(crate) fn compare() -> anyhow::Result<()> {
    let baseline = Baseline::read()?;
    let here = machine::describe();
    if baseline.machine != here {
        println!("instruction counts: skipped, they cannot be compared");
        println!("  counted with {}\n  here         {here}", baseline.machine);
        return Ok(());
    }
    let mut offences = 0;
    println!("{:40}{:>12}{:>12}", "instructions of one call", "baseline", "now");
    for case in cases() {
        let (name, now) = (case.name, callgrind::count(case)?);
        let Some(before) = baseline.counts.get(name) else {
            println!("{name:40}{:>12}{now:>12}", "none");
            offences += 1;
            continue;
        };
        let change = (now as f64 / *before as f64 - 1.0) * 100.0;
        println!("{name:40}{before:>12}{now:>12}{change:>+8.1} %");
        offences += usize::from(change > MOST_RISE);
    }
    if offences > 0 {
        bail!(
            "{offences} counts are missing in {} or more than {MOST_RISE} % above it; where that \
             is meant, `make baseline` belongs into the same commit",
            path().display()
        );
    }
    Ok(())
}

/// Writes the counts of now.
pub(crate) fn write() -> anyhow::Result<()> {
    let mut text = format!("# {}\n", machine::describe());
    for case in cases() {
        text += &format!("{}\t{}\n", case.name, callgrind::count(case)?);
    }
    print!("{text}");
    fs::write(path(), &text).with_context(|| path().display().to_string())
}

fn path() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../baseline.tsv"))
}

/// The checked-in counts, and where they were counted.
struct Baseline {
    machine: String,
    counts: BTreeMap<String, u64>,
}

impl Baseline {
    fn read() -> anyhow::Result<Self> {
        let path = path();
        let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        let (head, lines) = text.split_once('\n').context("the baseline is empty")?;
        let counts = lines.lines().map(|line| {
            let (name, count) = line.split_once('\t').with_context(|| format!("no tab: {line}"))?;
            Ok((name.to_owned(), count.parse()?))
        });
        let machine = head.trim_start_matches("# ").to_owned();
        Ok(Self { machine, counts: counts.collect::<anyhow::Result<_>>()? })
    }
}
