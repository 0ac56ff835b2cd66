//! Tests of translation as a whole: by examples (`testdata/translate`), by its invariants, by its
//! speed.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]
#![expect(clippy::print_stdout, reason = "what the speed test measures is for people to read")]

mod certificates;
mod golden;
mod property;
mod speed;
