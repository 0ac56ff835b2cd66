//! What the fuzz targets judge, replayed over their corpus and over small changes of it.

use std::path::Path;

use proptest::prelude::*;

#[path = "../fuzz/src/lib.rs"]
mod judged;

/// Every file of these folders.
fn inputs(folders: &[&str]) -> Vec<Vec<u8>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let files = folders.iter().flat_map(|folder| std::fs::read_dir(root.join(folder)).unwrap());
    let mut paths: Vec<_> = files.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.iter().map(|path| std::fs::read(path).unwrap()).collect()
}

fn manifests() -> Vec<Vec<u8>> {
    inputs(&["tests/fuzz/corpus/manifests", "config-watcher/testdata/manifests"])
}

#[test]
fn the_corpus_of_manifests_holds() {
    manifests().iter().for_each(|input| judged::manifests(input));
}

#[test]
fn the_corpus_of_objects_holds() {
    inputs(&["tests/fuzz/corpus/schema"]).iter().for_each(|input| judged::schema(input));
}

/// Bytes that mean something in YAML and JSON, and some that don't.
fn meaningful() -> impl Strategy<Value = Vec<u8>> {
    prop::sample::select(
        [
            "",
            "\n",
            " ",
            "  ",
            "\t",
            "---\n",
            "...\n",
            "- ",
            ": ",
            "{",
            "}",
            "[",
            "]",
            ",",
            "\"",
            "'",
            "|\n",
            ">\n",
            "&a ",
            "*a",
            "<<: ",
            "!!str ",
            "!x ",
            "%YAML 1.2\n",
            "#",
            "? ",
            "~",
            "\u{0}",
            "\u{feff}",
            "\u{2028}",
            "\r",
            "\\",
            "0x",
            "1e999",
            "yes",
        ]
        .map(|text| text.as_bytes().to_vec())
        .to_vec(),
    )
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(300) })]

    #[test]
    fn changed_manifests_hold(
        input in prop::sample::select(manifests()),
        start in any::<prop::sample::Index>(),
        edits in prop::collection::vec((any::<prop::sample::Index>(), 0..9_usize, meaningful()), 1..6),
    ) {
        // A part of the file is as good as all of it, and quicker.
        let start = start.index(input.len().max(1));
        let mut input = input[start.min(input.len())..].to_vec();
        input.truncate(2_000);
        for (place, removed, added) in edits {
            let place = place.index(input.len() + 1);
            let end = (place + removed).min(input.len());
            input.splice(place..end, added);
        }
        judged::manifests(&input);
    }
}
