//! Folders in memory: what happens to them, and what becomes live.

use super::super::documents::Format;
use super::super::read::read;
use super::*;

/// A folder in memory: what happens to it, and what becomes live.
#[derive(Default)]
struct Folder(Contents);

impl Folder {
    fn write(&mut self, file: &str, text: &str) -> Vec<String> {
        let name: Arc<str> = file.into();
        self.0.put(&name, read(&name, text, Format::Yaml));
        self.changes()
    }

    fn remove(&mut self, file: &str) -> Vec<String> {
        self.0.remove(&file.into());
        self.changes()
    }

    fn changes(&mut self) -> Vec<String> {
        let shown = self.0.changes().into_iter().map(|change| match change {
            Change::Put(object) => {
                let place =
                    object.origin().map(|origin| format!(" {}:{}", origin.file, origin.line));
                format!("+{} {}{}", object.kind(), object.meta().key(), place.unwrap_or_default())
            }
            Change::Delete(kind, key) => format!("-{kind} {key}"),
        });
        shown.collect()
    }

    fn problems(&self) -> Vec<String> {
        self.0.problems().iter().map(ToString::to_string).collect()
    }
}

fn map(name: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}, namespace: ns}}\n---\n")
}

#[test]
fn namespaces_and_our_class_are_implied_until_they_are_defined() {
    let mut folder = Folder::default();
    assert_eq!(folder.changes(), ["+GatewayClass headgate"]);
    assert_eq!(folder.write("a", &map("xx")), ["+ConfigMap ns/xx a:1", "+Namespace ns"]);
    let namespace = "apiVersion: v1\nkind: Namespace\nmetadata: {name: ns, labels: {a: b}}\n";
    assert_eq!(folder.write("b", namespace), ["+Namespace ns b:1"]);
    let labels = |folder: &Folder| {
        folder.0.live().find(|object| &*object.meta().name == "ns").unwrap().meta().labels.len()
    };
    assert_eq!(labels(&folder), 2);
    assert_eq!(folder.remove("b"), ["+Namespace ns"]);
    assert_eq!(labels(&folder), 1);
    assert_eq!(folder.remove("a"), ["-ConfigMap ns/xx", "-Namespace ns"]);
    folder.write("a", &(map("xx") + namespace));
    assert_eq!(folder.remove("a"), ["-ConfigMap ns/xx", "-Namespace ns"]);
}

#[test]
fn a_file_that_says_the_same_again_changes_nothing() {
    let mut folder = Folder::default();
    folder.write("a", &(map("xx") + &map("yy")));
    assert_eq!(folder.write("a", &(map("xx") + &map("yy"))), [""; 0]);
    assert_eq!(
        folder.write("a", &(map("xx") + &map("zz"))),
        ["-ConfigMap ns/yy", "+ConfigMap ns/zz a:5"]
    );
}

#[test]
fn the_first_by_path_wins_and_the_others_are_told() {
    let mut folder = Folder::default();
    folder.write("b", &map("xx"));
    assert_eq!(folder.write("a", &map("xx")), ["+ConfigMap ns/xx a:1"]);
    folder.write("c", &(map("xx") + &map("xx")));
    let told = |place: &str, first: &str| {
        let object = format!("{place}: ConfigMap ns/xx");
        let message = format!("is defined in {first} already, which is what counts");
        format!("{object}: {message}: remove one of the two, or give it another name")
    };
    let all = [told("b:1", "a:1"), told("c:1", "a:1"), told("c:5", "c:1")];
    assert_eq!(folder.problems(), all);
    assert_eq!(folder.remove("a"), ["+ConfigMap ns/xx b:1"]);
    folder.remove("c");
    assert_eq!(folder.problems(), [""; 0]);
}

#[test]
fn an_object_that_breaks_keeps_its_last_good_version_and_only_that() {
    let mut folder = Folder::default();
    folder.write("a", &(map("xx") + &map("yy") + &map("zz")));
    let bad = map("xx").replace("name: xx", "name: xx, labels: [1]");
    assert_eq!(
        folder.write("a", &(bad.clone() + &map("zz"))),
        ["-ConfigMap ns/yy", "+ConfigMap ns/zz a:5"]
    );
    assert_eq!(folder.problems().len(), 1);
    assert_eq!(folder.write("a", &map("zz")), ["-ConfigMap ns/xx", "+ConfigMap ns/zz a:1"]);
    assert_eq!(folder.write("a", &(map("zz") + &bad)), [""; 0]);
}

#[test]
fn a_document_that_cannot_be_read_keeps_all_that_was_in_the_file() {
    let mut folder = Folder::default();
    folder.write("a", &(map("xx") + &map("yy")));
    let half = &(map("ww") + &map("xx"))[..80];
    assert_eq!(folder.write("a", half), ["+ConfigMap ns/ww a:1"]);
    assert_eq!(folder.problems().len(), 1);
    assert_eq!(
        folder.write("a", &map("yy")),
        ["-ConfigMap ns/ww", "-ConfigMap ns/xx", "+ConfigMap ns/yy a:1"]
    );
    assert_eq!(folder.problems(), [""; 0]);
}

#[test]
fn what_moves_to_another_file_is_never_gone() {
    let mut folder = Folder::default();
    folder.write("a", &map("xx"));
    folder.0.fade(&"a".into());
    assert_eq!(folder.changes(), [""; 0]);
    assert_eq!(folder.write("b", &map("xx")), ["+ConfigMap ns/xx b:1"]);
    assert_eq!(folder.problems(), [""; 0]);
    assert_eq!(folder.remove("a"), [""; 0]);
    // A file that comes back is as good as ever.
    folder.0.fade(&"b".into());
    folder.write("b", &map("xx"));
    folder.write("c", &map("xx"));
    assert_eq!(folder.problems().len(), 1);
}
