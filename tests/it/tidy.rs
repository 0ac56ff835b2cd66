//! The house rules that a machine can hold: shape of files and functions, who may reach whom.
//!
//! Limits and reasons stand in ARCHITECTURE.md. A rule that must be broken is broken by changing
//! it here, for everybody.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

const MAX_COLUMNS: usize = 100;
const MAX_FUNCTION: usize = 70;
const MAX_FILE: usize = 450;
const VAGUE: [&str; 6] = ["utils", "util", "helpers", "common", "types", "manager"];
const CRATES: [&str; 6] = [
    "src",
    "gateway/src",
    "config-watcher/src",
    "config-watcher/snapshot/src",
    "benches/micro/src",
    "tests/it",
];

struct Source {
    path: PathBuf,
    text: String,
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn sources(folder: &Path) -> Vec<Source> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("a source folder is readable") {
            let path = entry.expect("an entry is readable").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = std::fs::read_to_string(&path).expect("a source is UTF-8");
                found.push(Source { path, text });
            }
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

fn all_sources() -> Vec<Source> {
    let found: Vec<Source> =
        CRATES.iter().flat_map(|folder| sources(&root().join(folder))).collect();
    assert!(found.len() > 20, "only {} sources found: the paths are wrong", found.len());
    found
}

/// Fails with every offence at once, so that one run shows the whole list.
fn none(rule: &str, offences: &[String]) {
    assert!(offences.is_empty(), "{rule}:\n  {}", offences.join("\n  "));
}

/// The lines before the unit tests that may close a file.
fn without_tests(text: &str) -> usize {
    text.find("#[cfg(test)]\nmod tests {").map_or(text, |at| &text[..at]).lines().count()
}

fn is_test_file(path: &Path) -> bool {
    path.ends_with("tests.rs") || path.components().any(|part| part.as_os_str() == "tests")
}

#[test]
fn every_module_starts_with_a_head() {
    let bad: Vec<_> = all_sources()
        .iter()
        .filter(|source| !source.text.starts_with("//! "))
        .map(|source| source.path.display().to_string())
        .collect();
    none("a module starts with `//!`: what it is, what it promises, what it leaves", &bad);
}

#[test]
fn lines_and_files_keep_their_length() {
    let mut bad = Vec::new();
    for source in all_sources() {
        let path = source.path.display();
        for (index, line) in source.text.lines().enumerate() {
            if line.chars().count() > MAX_COLUMNS {
                bad.push(format!("{path}:{}: over {MAX_COLUMNS} columns", index + 1));
            }
        }
        let lines = without_tests(&source.text);
        if lines > MAX_FILE && !is_test_file(&source.path) {
            bad.push(format!("{path}: {lines} lines without tests, over {MAX_FILE}"));
        }
    }
    none("short lines, one noun per file", &bad);
}

/// Start line and length of every function in rustfmt's layout: from `fn` to the closing brace of
/// the same indentation.
fn functions(text: &str) -> Vec<(usize, usize)> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    for (start, line) in lines.iter().enumerate() {
        let code = line.trim_start();
        let is_fn = code.starts_with("fn ")
            || code.contains(" fn ") && code.starts_with("pub")
            || code.starts_with("async fn ")
            || code.starts_with("const fn ");
        if !is_fn || code.ends_with(';') {
            continue;
        }
        let close = format!("{}}}", " ".repeat(line.len() - code.len()));
        let body = lines[start..].iter().position(|line| *line == close);
        found.push((start + 1, body.map_or(1, |length| length + 1)));
    }
    found
}

#[test]
fn functions_keep_their_length() {
    let mut bad = Vec::new();
    for source in all_sources() {
        for (line, length) in functions(&source.text) {
            if length > MAX_FUNCTION {
                bad.push(format!("{}:{line}: {length} lines", source.path.display()));
            }
        }
    }
    none("a function has at most 70 lines", &bad);
}

#[test]
fn the_function_rule_sees_a_long_function() {
    let long = format!("fn f() {{\n{}}}\n", "    x();\n".repeat(80));
    assert_eq!(functions(&long), [(1, 82)]);
}

#[test]
fn modules_have_names_that_say_something() {
    let mut bad = Vec::new();
    for source in all_sources() {
        let stem = source.path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        if VAGUE.contains(&stem) || stem == "mod" {
            bad.push(source.path.display().to_string());
        }
    }
    none("no utils, helpers, common, types, manager, and no mod.rs", &bad);
}

/// The top-level modules of a crate that each top-level module names with `crate::`.
fn module_graph(folder: &str) -> BTreeMap<String, BTreeSet<String>> {
    let base = root().join(folder);
    let mut graph: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for source in sources(&base) {
        let inside = source.path.strip_prefix(&base).expect("it was found there");
        let first = inside.components().next().expect("a path has a part");
        let module = first.as_os_str().to_string_lossy().trim_end_matches(".rs").to_owned();
        if module == "lib" || module == "main" || is_test_file(&source.path) {
            continue;
        }
        let code = &source.text
            [..source.text.find("#[cfg(test)]\nmod tests {").unwrap_or(source.text.len())];
        let uses = graph.entry(module.clone()).or_default();
        for line in code.lines().filter(|line| !line.trim_start().starts_with("//")) {
            for part in line.split("crate::").skip(1) {
                let name: String =
                    part.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                if !name.is_empty() && name != module {
                    uses.insert(name);
                }
            }
        }
    }
    let modules: BTreeSet<String> = graph.keys().cloned().collect();
    for uses in graph.values_mut() {
        uses.retain(|name| modules.contains(name));
    }
    graph
}

/// Modules that reach themselves through others.
fn on_cycles(graph: &BTreeMap<String, BTreeSet<String>>) -> Vec<String> {
    let reach = |from: &String| {
        let mut seen = BTreeSet::new();
        let mut open: Vec<&String> = graph[from].iter().collect();
        while let Some(next) = open.pop() {
            if seen.insert(next.clone()) {
                open.extend(&graph[next]);
            }
        }
        seen
    };
    graph.keys().filter(|module| reach(module).contains(*module)).cloned().collect()
}

#[test]
fn modules_of_a_crate_have_no_cycles() {
    for folder in ["src", "gateway/src", "config-watcher/src", "config-watcher/snapshot/src"] {
        let graph = module_graph(folder);
        let bad = on_cycles(&graph);
        let edges: Vec<_> = bad
            .iter()
            .map(|module| {
                let next: Vec<_> = graph[module].iter().filter(|to| bad.contains(to)).collect();
                format!("{module} -> {next:?}")
            })
            .collect();
        none(&format!("{folder}: modules use each other in one direction"), &edges);
    }
}

#[test]
fn the_cycle_rule_sees_a_cycle() {
    let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let graph = BTreeMap::from([
        ("a".to_owned(), set(&["b"])),
        ("b".to_owned(), set(&["a"])),
        ("c".to_owned(), set(&["a"])),
    ]);
    assert_eq!(on_cycles(&graph), ["a", "b"]);
}

/// Names of all packages that a workspace package links, itself left out.
fn links(metadata: &Value, package: &str) -> BTreeSet<String> {
    let packages = metadata["packages"].as_array().expect("packages");
    let name_of: BTreeMap<&str, &str> = packages
        .iter()
        .map(|p| (p["id"].as_str().expect("id"), p["name"].as_str().expect("name")))
        .collect();
    let nodes: BTreeMap<&str, &Value> = metadata["resolve"]["nodes"]
        .as_array()
        .expect("nodes")
        .iter()
        .map(|node| (node["id"].as_str().expect("id"), node))
        .collect();
    let start = name_of.iter().find(|(_, name)| **name == package).expect("a workspace package").0;
    let mut seen = BTreeSet::new();
    let mut open = vec![*start];
    while let Some(id) = open.pop() {
        for dependency in nodes[id]["deps"].as_array().expect("deps") {
            let normal = dependency["dep_kinds"]
                .as_array()
                .expect("kinds")
                .iter()
                .any(|kind| kind["kind"].is_null());
            let id = dependency["pkg"].as_str().expect("pkg");
            if normal && seen.insert(id) {
                open.push(id);
            }
        }
    }
    seen.iter().map(|id| name_of[id].to_owned()).collect()
}

#[test]
fn crates_depend_in_one_direction() {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version=1", "--locked"])
        .current_dir(root())
        .output()
        .expect("cargo metadata runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("metadata is JSON");

    let gateway = links(&metadata, "headgate-gateway");
    let watcher = links(&metadata, "headgate-config-watcher");
    let snapshot = links(&metadata, "headgate-snapshot");
    let root = links(&metadata, "headgate");
    assert!(root.contains("headgate-gateway") && root.contains("headgate-config-watcher"));
    for name in ["kube", "kube-client", "kube-core", "k8s-openapi", "saphyr", "cel"] {
        assert!(!gateway.contains(name), "gateway must not reach {name}");
    }
    assert!(!gateway.contains("headgate-config-watcher") && !watcher.contains("headgate-gateway"));
    for name in ["tokio", "kube", "hyper", "headgate-gateway", "headgate-config-watcher"] {
        assert!(!snapshot.contains(name), "snapshot must not reach {name}");
    }
}

/// A file that only one module may name, and the text that only it may hold.
#[test]
fn one_module_stores_the_tables() {
    let bad: Vec<_> = sources(&root().join("gateway/src"))
        .iter()
        .filter(|source| !source.path.ends_with("apply.rs") && !is_test_file(&source.path))
        .filter(|source| source.text.contains("ArcSwap<Table>"))
        .map(|source| source.path.display().to_string())
        .collect();
    none("only apply.rs stores a table", &bad);
}

#[test]
fn the_watcher_opens_no_traffic_socket() {
    let bad: Vec<_> = sources(&root().join("config-watcher/src"))
        .iter()
        .filter(|source| {
            ["hyper::server", "TcpListener", "UdpSocket"]
                .iter()
                .any(|name| source.text.contains(name) && !is_test_file(&source.path))
        })
        .map(|source| source.path.display().to_string())
        .collect();
    none("config-watcher listens nowhere", &bad);
}

#[test]
fn translation_has_no_clock_and_no_input() {
    let mut bad = Vec::new();
    let base = root().join("config-watcher/src");
    for source in sources(&base) {
        let inside = source.path.strip_prefix(&base).expect("it was found there");
        if !inside.starts_with("translate") && !inside.ends_with("translate.rs")
            || is_test_file(&source.path)
        {
            continue;
        }
        for name in [
            "Instant::now",
            "SystemTime",
            "Timestamp::now",
            "std::fs",
            "std::net::Tcp",
            "tokio::",
            "std::env",
            "fastrand",
        ] {
            if source.text.contains(name) {
                bad.push(format!("{}: {name}", source.path.display()));
            }
        }
    }
    none("translate is pure", &bad);
}
