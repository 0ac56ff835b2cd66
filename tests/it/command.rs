//! The command line: help, exit codes, what `check` and `explain` print.

use crate::harness::folder::Folder;
use crate::harness::process::{headgate, output, said};
use crate::harness::{manifest, port};

/// A folder that is good, with one backend at a port where nobody listens.
fn good() -> Folder {
    let folder = Folder::new();
    let listener = manifest::http_listener("http", 8080);
    folder.write("gateway.yaml", &manifest::gateway(&[listener]));
    folder.write("v1.yaml", &manifest::service("v1", &["127.0.0.1:9".parse().unwrap()]));
    let rules = "  - name: beta
    matches: [{headers: [{name: x-version, value: beta}]}]
    backendRefs: [{name: v1, port: 80}]
  - name: all
    backendRefs: [{name: v1, port: 80}]";
    folder.write("route.yaml", &manifest::route("shop", "shop.example.com", rules));
    folder
}

fn path(folder: &Folder) -> &str {
    folder.path().to_str().unwrap()
}

#[test]
fn every_command_has_help_with_examples() {
    for command in ["run", "check", "explain", "status", "routes", "endpoints", "echo"] {
        let (text, code) = said(&[command, "--help"]);
        assert_eq!(code, 0, "{command}");
        assert!(text.contains("Examples:\n  headgate"), "{command}:\n{text}");
        assert!(text.contains("[env: HEADGATE_") || command == "check", "{command}:\n{text}");
    }
}

#[test]
fn a_wrong_command_line_is_exit_code_2() {
    for args in [
        &["fly"][..],
        &["run", "--manifests"],
        &["run", "--admin", "x"],
        &["check"],
        &["status", "-o", "x"],
    ] {
        assert_eq!(output(args).status.code(), Some(2), "{args:?}");
    }
}

#[test]
fn completions_know_the_commands() {
    for shell in ["bash", "zsh", "fish"] {
        let (script, code) = said(&["completions", shell]);
        assert_eq!(code, 0);
        assert!(script.contains("explain") && script.contains("manifests"), "{shell}");
    }
}

#[test]
fn commands_say_where_they_looked_for_a_gateway() {
    let address = format!("127.0.0.1:{}", port::free());
    for command in ["status", "routes", "endpoints"] {
        let mut asked = headgate();
        let output = asked.arg(command).env("HEADGATE_ADMIN", &address).output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        let text = String::from_utf8(output.stderr).unwrap();
        assert!(text.contains(&address) && text.contains("headgate run"), "{text}");
    }
}

#[test]
fn check_shows_every_condition_and_is_content() {
    let folder = good();
    let (text, code) = said(&["check", path(&folder)]);
    assert_eq!(code, 0, "{text}");
    for part in ["Gateway default/web (listener http)", "Programmed", "route.yaml:1", "all is well"]
    {
        assert!(text.contains(part), "{part} in\n{text}");
    }
}

#[test]
fn check_names_file_line_field_and_remedy() {
    let folder = good();
    let rules = "  - backendRefs: [{name: gone, port: 80}]";
    folder.write("second.yaml", &manifest::route("dangling", "b.example.com", rules));
    folder.write("broken.yaml", "apiVersion: v1\nkind: Service\nmetadata: {name: a\n");
    let (text, code) = said(&["check", path(&folder), "-o", "json"]);
    assert_eq!(code, 1, "{text}");
    let report: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(report["good"], false);
    assert_eq!(report["problems"][0]["origin"]["file"], "broken.yaml");
    let conditions = report["conditions"].as_array().unwrap();
    let bad: Vec<_> = conditions.iter().filter(|row| row["verdict"] == "error").collect();
    assert_eq!(bad.len(), 1, "{bad:?}");
    assert_eq!(bad[0]["reason"], "BackendNotFound");
    assert_eq!(bad[0]["origin"], "second.yaml:1");
    assert!(bad[0]["message"].as_str().unwrap().contains("gone"), "{}", bad[0]);
}

#[test]
fn check_knows_a_route_that_nobody_takes() {
    let folder = good();
    let text = manifest::route("lost", "c.example.com", &manifest::everything_to("v1"));
    folder.write("lost.yaml", &text.replace("name: web", "name: nowhere"));
    let (text, code) = said(&["check", path(&folder)]);
    assert_eq!(code, 1);
    assert!(text.contains("NoParent") && text.contains("lost.yaml:1"), "{text}");
}

#[test]
fn explain_tells_the_winner_and_why_others_lost() {
    let folder = good();
    let url = "http://shop.example.com:8080/cart";
    let (text, code) = said(&["explain", "--manifests", path(&folder), "GET", url]);
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("rule      HTTPRoute/default/shop/1"), "{text}");
    assert!(text.contains("header x-version"), "{text}");
    let beta = ["-H", "x-version: beta", "-o", "json"];
    let args = [&["explain", "--manifests", path(&folder), "GET", url][..], &beta].concat();
    let (text, _) = said(&args);
    let explained: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(explained[0]["explanation"]["route"], "HTTPRoute/default/shop/0");
}

#[test]
fn explain_fails_where_no_rule_takes_the_request() {
    let folder = good();
    let args = ["explain", "--manifests", path(&folder), "GET", "http://other.example.com:8080/"];
    let (text, code) = said(&args);
    assert_eq!(code, 1);
    assert!(text.contains("404"), "{text}");
}

#[test]
fn explain_says_what_is_wrong_with_the_url() {
    let folder = good();
    for url in ["/cart", "http://shop.example.com:81/", "http://shop.example.com:8080/%00"] {
        let output = output(&["explain", "--manifests", path(&folder), "GET", url]);
        assert_eq!(output.status.code(), Some(1), "{url}");
        assert!(!output.stderr.is_empty(), "{url}");
    }
}
