//! Parts of the gateway and of the watcher on their own: their times, and the instructions they
//! take.
//!
//! With the word `count` the instructions of each case are compared with `benches/baseline.tsv`,
//! with `baseline` they are written there. Otherwise Criterion prints times; a filter and its
//! options may follow.

#![expect(clippy::print_stdout, reason = "it prints tables")]

mod callgrind;
mod counts;
mod machine;
mod translate;

use gateway::bench::Case;

/// As the gateway has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn cases() -> impl Iterator<Item = &'static Case> {
    gateway::bench::CASES.iter().chain(translate::CASES)
}

fn main() -> anyhow::Result<()> {
    // Cargo itself adds `--bench`.
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["count"] => counts::compare()?,
        ["baseline"] => counts::write()?,
        [callgrind::INSIDE, name] => {
            cases().filter(|case| case.name == name).for_each(callgrind::run);
        }
        _ => times(),
    }
    Ok(())
}

#[cfg(feature = "times")]
fn times() {
    let mut criterion = criterion::Criterion::default().configure_from_args();
    for case in cases() {
        criterion.bench_function(case.name, |bencher| {
            let mut run = (case.ready)();
            bencher.iter(&mut run);
        });
    }
    criterion.final_summary();
}

#[cfg(not(feature = "times"))]
fn times() {
    println!("the words are: count, baseline; times need the feature `times`");
}
