//! Tests of translation as a whole: by examples (`testdata/translate`), by its invariants, by its
//! speed.

mod certificates;
mod decode;
mod golden;
mod property;
mod speed;
