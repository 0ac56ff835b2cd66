//! Examples: `NAME.in.yaml` holds objects as users write them, `NAME.out.yaml` what follows. A new
//! case is a new pair of files; `UPDATE_GOLDEN=1` writes the second.
//!
//! `${CERTIFICATE}`, `${KEY}` and `${AUTHORITY}` in the input stand for PEM. A first line
//! `# options: {...}` sets options of the operator.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use config_watcher::manifests;
use config_watcher::objects::{Change, Kind};
use config_watcher::status::{Condition, ListenerStatus, ObjectStatus, StatusAddress};
use config_watcher::translate::{Options, Translator};
use serde::Serialize;
use serde_json::Value;
use snapshot::ObjectKey;

use crate::certificates::PAIR;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/translate")
}

#[test]
fn every_example_translates_to_what_stands_beside_it() {
    let update = std::env::var_os("UPDATE_GOLDEN").is_some();
    let mut wrong = Vec::new();
    let mut count = 0;
    for entry in std::fs::read_dir(folder()).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let Some(name) = name.strip_suffix(".in.yaml") else { continue };
        count += 1;
        let found = translate(&std::fs::read_to_string(&path).unwrap());
        let expected = folder().join(format!("{name}.out.yaml"));
        if update {
            std::fs::write(&expected, &found).unwrap();
        } else if std::fs::read_to_string(&expected).ok().as_deref() != Some(&found) {
            wrong.push(format!("=== {name}\n{found}"));
        }
    }
    assert!(count > 20, "only {count} examples found");
    assert!(wrong.is_empty(), "UPDATE_GOLDEN=1 takes these over:\n{}", wrong.join("\n"));
}

fn translate(text: &str) -> String {
    let options = text.lines().next().and_then(|line| line.strip_prefix("# options: "));
    let mut translator = Translator::new(options.map(read_options).unwrap_or_default());
    let indented = |pem: &str| pem.trim_end().replace('\n', "\n    ");
    let text = text
        .replace("${CERTIFICATE}", &indented(&PAIR.0))
        .replace("${AUTHORITY}", &indented(&PAIR.0))
        .replace("${KEY}", &indented(&PAIR.1));
    let loaded = manifests::read("example.yaml", &text);
    translator.apply(loaded.objects.into_iter().map(Change::Put).collect());
    // An example shows what translation says: what the schemas refuse is none.
    assert!(loaded.problems.is_empty(), "{:#?}", loaded.problems);
    show(&translator)
}

fn read_options(text: &str) -> Options {
    let json: Value = serde_json::from_str(text).unwrap();
    let is = |name: &str| json[name].as_bool().unwrap_or_default();
    Options {
        allow_external_name: is("allowExternalName"),
        allow_loopback: is("allowLoopback"),
        address_pool: json["addressPool"].as_str().map(|pool| pool.parse().unwrap()),
        reached_at: json["reachedAt"].as_str().map(|ip| ip.parse().unwrap()).into_iter().collect(),
        unknown_crds: json["unknownCrds"].as_str().map(Into::into),
    }
}

fn show(translator: &Translator) -> String {
    let snapshot = translator.snapshot();
    let mut out = String::new();
    section(&mut out, "listeners", snapshot.listeners.iter());
    section(&mut out, "routes", snapshot.routes.iter());
    section(&mut out, "backends", snapshot.backends.iter());
    section(&mut out, "endpoints", snapshot.endpoints.iter());
    section(&mut out, "certificates", snapshot.certificates.iter());
    let wanted: Vec<_> =
        translator.wanted().iter().map(|(kind, key)| format!("{kind} {key}")).collect();
    if !wanted.is_empty() {
        writeln!(out, "wanted: [{}]", wanted.join(", ")).unwrap();
    }
    writeln!(out, "statuses:").unwrap();
    let ours =
        |(kind, key): &&(Kind, ObjectKey)| *kind != Kind::GatewayClass || *key.name != *"headgate";
    for key in translator.statuses().keys().filter(ours) {
        writeln!(out, "  {} {}:", key.0, key.1).unwrap();
        status(&mut out, &translator.statuses()[key]);
    }
    out
}

/// A map of resources: one line each, as JSON (which is YAML) without what is absent or empty.
fn section<K: ToString, V: Serialize>(
    out: &mut String,
    name: &str,
    entries: impl ExactSizeIterator<Item = (K, V)>,
) {
    if entries.len() == 0 {
        return;
    }
    writeln!(out, "{name}:").unwrap();
    for (key, value) in entries {
        let value = lean(serde_json::to_value(value).unwrap());
        writeln!(out, "  {}: {value}", key.to_string()).unwrap();
    }
}

fn lean(value: Value) -> Value {
    let keep = |value: &Value| match value {
        Value::Null => false,
        Value::Array(list) => !list.is_empty(),
        Value::Object(fields) => !fields.is_empty(),
        _ => true,
    };
    match value {
        Value::Object(fields) => Value::Object(
            fields
                .into_iter()
                .map(|(name, value)| (name, lean(value)))
                .filter(|(_, value)| keep(value))
                .collect(),
        ),
        Value::Array(list) => Value::Array(list.into_iter().map(lean).collect()),
        other => other,
    }
}

fn status(out: &mut String, status: &ObjectStatus) {
    match status {
        ObjectStatus::GatewayClass(class) => {
            conditions(out, "    ", &class.conditions);
            writeln!(out, "    supportedFeatures: {}", class.supported_features.len()).unwrap();
        }
        ObjectStatus::Gateway(gateway) => {
            conditions(out, "    ", &gateway.conditions);
            let addresses: Vec<_> = gateway.addresses.iter().map(address).collect();
            writeln!(out, "    addresses: [{}]", addresses.join(", ")).unwrap();
            let sets = gateway.attached_listener_sets.unwrap_or_default();
            writeln!(out, "    attachedListenerSets: {sets}").unwrap();
            listeners(out, &gateway.listeners);
        }
        ObjectStatus::ListenerSet(set) => {
            conditions(out, "    ", &set.conditions);
            listeners(out, &set.listeners);
        }
        ObjectStatus::Route(route) => {
            for parent in &*route.parents {
                entry(out, &parent.parent_ref, &parent.conditions);
            }
        }
        ObjectStatus::Policy(policy) => {
            for ancestor in &policy.ancestors {
                entry(out, &ancestor.ancestor_ref, &ancestor.conditions);
            }
        }
    }
}

fn address(address: &StatusAddress) -> String {
    format!("{} {}", address.kind, address.value)
}

fn listeners(out: &mut String, listeners: &[ListenerStatus]) {
    for listener in listeners {
        writeln!(out, "    listener {}:", listener.name).unwrap();
        let kinds: Vec<_> = listener.supported_kinds.iter().map(|kind| kind.kind).collect();
        writeln!(out, "      supportedKinds: [{}]", kinds.join(", ")).unwrap();
        writeln!(out, "      attachedRoutes: {}", listener.attached_routes).unwrap();
        conditions(out, "      ", &listener.conditions);
    }
}

fn entry(out: &mut String, parent: &impl Serialize, list: &[Condition]) {
    let Value::Object(mut fields) = serde_json::to_value(parent).unwrap() else { unreachable!() };
    fields.shift_remove("group");
    let fields: BTreeMap<_, _> = fields.into_iter().collect();
    writeln!(out, "    - of: {}", serde_json::to_string(&fields).unwrap()).unwrap();
    conditions(out, "      ", list);
}

/// `Type: Status Reason`, the generation where it is not the one that files have, and the message.
fn conditions(out: &mut String, indent: &str, list: &[Condition]) {
    for condition in list {
        let Condition { kind, status, reason, message, observed_generation } = condition;
        let mut text = format!("{status:?} {reason}");
        if *observed_generation != 1 {
            write!(text, " of {observed_generation}").unwrap();
        }
        if !message.is_empty() {
            text = serde_json::to_string(&format!("{text}: {message}")).unwrap();
        }
        writeln!(out, "{indent}{kind}: {text}").unwrap();
    }
}
