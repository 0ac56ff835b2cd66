//! What the fuzz targets judge, replayed over their corpus and over small changes of it.

use std::path::Path;

use proptest::prelude::*;

#[path = "../fuzz/src/lib.rs"]
#[expect(unreachable_pub, reason = "to the fuzz targets it is a crate")]
mod judged;

/// Every file of these folders.
fn inputs(folders: &[&str]) -> Vec<Vec<u8>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folders = folders.iter().map(|folder| std::fs::read_dir(root.join(folder)));
    let files = folders.flat_map(|folder| folder.expect("the folder is there"));
    let mut paths: Vec<_> = files.map(|file| file.expect("it is readable").path()).collect();
    paths.sort();
    paths.iter().map(|path| std::fs::read(path).expect("it is a file")).collect()
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

/// What means something in YAML and JSON, and some that doesn't.
const MEANINGFUL: [&str; 33] = [
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
    "\r",
    "\\",
    "1e999",
    "yes",
];

fn edit() -> impl Strategy<Value = (prop::sample::Index, usize, &'static str)> {
    (any::<prop::sample::Index>(), 0..9_usize, prop::sample::select(&MEANINGFUL))
}

fn config() -> ProptestConfig {
    ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(300) }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn changed_manifests_hold(
        input in prop::sample::select(manifests()),
        start in any::<prop::sample::Index>(),
        edits in prop::collection::vec(edit(), 1..6),
    ) {
        // A part of the file is as good as all of it, and quicker.
        let start = start.index(input.len().max(1));
        let mut input = input[start.min(input.len())..].to_vec();
        input.truncate(2_000);
        for (place, removed, added) in edits {
            let place = place.index(input.len() + 1);
            let end = (place + removed).min(input.len());
            input.splice(place..end, added.bytes());
        }
        judged::manifests(&input);
    }
}
