//! Every file `testdata/manifests/*.in.yaml` (or `.in.json`) is read; what is found wrong, and what
//! remains, must be what stands in the `.out.txt` beside it. `UPDATE_EXPECT=1` writes those anew.

use std::fmt::Write;
use std::path::Path;

use expect_test::expect_file;

use super::*;

fn report(name: &str, text: &str) -> String {
    let format = if name.ends_with(".json") { Format::Json } else { Format::Yaml };
    let reading = read(&name.into(), text, format);
    let mut out = String::new();
    for problem in &reading.problems {
        writeln!(out, "{problem}").unwrap();
    }
    for object in &reading.good {
        let line = object.origin().map_or(0, |origin| origin.line);
        writeln!(out, "{name}:{line}: {} {} is good", object.kind(), object.meta().key()).unwrap();
    }
    for (kind, key) in &reading.bad {
        writeln!(out, "{kind} {key} is bad").unwrap();
    }
    if reading.unknown {
        writeln!(out, "something is unknown").unwrap();
    }
    out
}

#[test]
fn the_problems_of_every_file_are_the_expected_ones() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/manifests");
    let mut names: Vec<String> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.contains(".in."))
        .collect();
    names.sort();
    assert!(!names.is_empty());
    for name in names {
        let text = std::fs::read_to_string(folder.join(&name)).unwrap();
        let (stem, _) = name.split_once(".in.").unwrap();
        expect_file![folder.join(format!("{stem}.out.txt"))].assert_eq(&report(&name, &text));
    }
}
