//! Documents as values, and what is refused.

use serde_json::json;

use super::*;
use crate::schema::{Path, Step};

fn value(text: &str) -> Value {
    read(text, 0).unwrap().unwrap().0
}

fn flaw(text: &str) -> Flaw {
    read(text, 0).unwrap_err()
}

#[test]
fn a_document_becomes_json() {
    assert_eq!(
        value("a: [1, yes, 'yes']\nb:\n- c: x\n  0x10: ~\n"),
        json!({
            "a": [1, true, "yes"], "b": [{"c": "x", "16": null}]
        })
    );
    assert_eq!(read("# nothing\n", 0), Ok(None));
    assert_eq!(read("---\n", 0), Ok(None));
    assert_eq!(read("--- # c\n...\n", 0), Ok(None));
}

#[test]
fn tags_of_the_core_schema_are_kept() {
    let text = "a: !!str yes\nb: ! 1\nc: !<tag:yaml.org,2002:int> 1\nd: !!map {e: !!seq []}\n";
    assert_eq!(value(text), json!({"a": "yes", "b": "1", "c": 1, "d": {"e": []}}));
    assert_eq!(
        flaw("a: !!set {}\n").message,
        "the tag tag:yaml.org,2002:set has no meaning in a manifest"
    );
}

#[test]
fn every_value_has_the_line_of_its_key_or_dash() {
    let (_, lines) =
        read("a:\n  - b: |\n      t\n      u\n    c: 1\n  - d\n", 100).unwrap().unwrap();
    let key = |key: &str| Step::Key(key.to_owned());
    let line = |steps: &[Step]| lines.find(&Path(steps.to_vec()));
    assert_eq!(line(&[]), 101);
    assert_eq!(line(&[key("a")]), 101);
    assert_eq!(line(&[key("a"), Step::Index(0), key("c")]), 105);
    assert_eq!(line(&[key("a"), Step::Index(1)]), 106);
    assert_eq!(line(&[key("a"), Step::Index(0), key("absent")]), 102);
}

#[test]
fn aliases_repeat_and_merge() {
    assert_eq!(value("a: &x {k: 1}\nb: *x\n"), json!({"a": {"k": 1}, "b": {"k": 1}}));
    let merged = value("v: &x {a: 1, b: 1}\nw: &y {b: 2, c: 2}\nz:\n  c: 3\n  <<: [*x, *y]\n");
    assert_eq!(merged["z"], json!({"c": 3, "a": 1, "b": 1}));
}

#[test]
fn a_key_that_is_there_twice_is_refused_where_it_stands() {
    let flaw = flaw("a: 1\nb: 2\na: 3\n");
    assert_eq!(
        (flaw.line, flaw.message.as_str()),
        (3, "the key \"a\" is there twice, first in line 1")
    );
}

#[test]
fn keys_that_kubernetes_takes_for_booleans_are_refused() {
    assert_eq!(flaw("a: 1\non: 2\n").line, 2);
    assert_eq!(value("'on': 2\n"), json!({"on": 2}));
}

#[test]
fn broken_text_is_named_by_line() {
    assert_eq!(flaw("a: 1\nb: [1,\nc: 2\n").line, 3);
    assert_eq!(flaw("a: &x [*x]\n").line, 1);
    assert_eq!(flaw("a: *nobody\n").line, 1);
    assert_eq!(flaw("? [a]\n: 1\n").line, 1);
    assert_eq!(flaw("a: !custom 1\n").line, 1);
    assert_eq!(flaw("a: 1\n...\nb: 1\n").line, 3);
}

#[test]
fn a_billion_laughs_end_early() {
    let mut text = "a: &a0 [x]\n".to_owned();
    for level in 1..40 {
        let above = format!("*a{},", level - 1).repeat(9);
        text += &format!("b{level}: &a{level} [{above}]\n");
    }
    assert!(flaw(&text).message.contains("more than 1048576 values"), "{:?}", flaw(&text));
}

#[test]
fn depth_is_bounded_also_through_aliases() {
    assert!(flaw(&("[".repeat(65) + &"]".repeat(65))).message.contains("64 levels"));
    let mut text = "a: &a0 [x]\n".to_owned();
    for level in 1..80 {
        text += &format!("b{level}: &a{level} [*a{}]\n", level - 1);
    }
    assert!(flaw(&text).message.contains("64 levels"));
}
