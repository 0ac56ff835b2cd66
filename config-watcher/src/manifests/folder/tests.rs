//! Real folders, watched as they are in production: each test changes one and awaits what comes.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::os::unix::fs::symlink;
use std::time::Duration;

use tempfile::TempDir;
use tokio::sync::mpsc::Receiver;

use super::super::{Batch, Settings, Source, load, watch};
use super::*;
use crate::objects::{Change, Kind};

/// A folder, its source, and what is live of its ConfigMaps.
struct Watched {
    dir: TempDir,
    batches: Receiver<Batch>,
    source: Source,
    live: BTreeSet<String>,
    /// Every ConfigMap that was ever taken away.
    deleted: BTreeSet<String>,
    problems: Vec<String>,
}

impl Watched {
    fn new(prepare: impl FnOnce(&Path)) -> Self {
        Self::with(Settings::default(), prepare)
    }

    /// The watched folder is `manifests` in a folder of its own.
    fn with(settings: Settings, prepare: impl FnOnce(&Path)) -> Self {
        let dir = TempDir::new().unwrap();
        let root = dir.path().join("manifests");
        fs::create_dir(&root).unwrap();
        prepare(&root);
        let (source, batches) = watch(&root, settings);
        let (live, deleted) = (BTreeSet::new(), BTreeSet::new());
        Self { dir, batches, source, live, deleted, problems: Vec::new() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join("manifests").join(name)
    }

    /// Puts a complete file in place.
    fn place(&self, name: &str, text: &str) {
        let new = self.dir.path().join("new");
        fs::write(&new, text).unwrap();
        fs::rename(new, self.path(name)).unwrap();
    }

    /// Takes in what comes until it is right.
    async fn until(&mut self, right: impl Fn(&Self) -> bool) {
        while !right(self) {
            let next = tokio::time::timeout(Duration::from_secs(20), self.batches.recv()).await;
            let batch = next.unwrap_or_else(|_| panic!("{:?} {:?}", self.live, self.problems));
            self.take(batch.unwrap());
        }
    }

    fn take(&mut self, batch: Batch) {
        for change in batch.changes {
            match change {
                Change::Put(object) if object.kind() == Kind::ConfigMap => {
                    self.live.insert(object.meta().name.to_string());
                }
                Change::Delete(Kind::ConfigMap, key) => {
                    self.live.remove(&*key.name);
                    self.deleted.insert(key.name.to_string());
                }
                _ => {}
            }
        }
        self.problems = batch.problems.iter().map(ToString::to_string).collect();
    }

    async fn live(&mut self, names: &[&str]) {
        let names: BTreeSet<String> = names.iter().map(ToString::to_string).collect();
        self.until(|watched| watched.live == names).await;
    }

    async fn end(self) {
        drop(self.batches);
        self.source.stop().await;
    }
}

fn map(name: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\n---\n")
}

#[test]
fn only_manifests_are_read() {
    let dir = TempDir::new().unwrap();
    fs::create_dir_all(dir.path().join("sub/sub")).unwrap();
    fs::create_dir_all(dir.path().join(".git")).unwrap();
    for name in ["a.yaml", "sub/b.yml", "sub/sub/c.json", "d.txt", ".e.yaml", "#f.yaml#", "g.yaml~"]
    {
        let json = r#"{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "NAME"}}"#;
        let object = name.trim_start_matches(['.', '#']).rsplit('/').next().unwrap();
        fs::write(dir.path().join(name), json.replace("NAME", &object[..1])).unwrap();
    }
    fs::write(dir.path().join(".git/x.yaml"), map("x1")).unwrap();
    symlink(dir.path(), dir.path().join("sub/loop")).unwrap();
    symlink("nowhere", dir.path().join("dangling.yaml")).unwrap();
    let loaded = load(dir.path());
    let origins =
        loaded.objects.iter().filter_map(|object| Some(object.origin()?.file.to_string()));
    assert_eq!(origins.collect::<Vec<_>>(), ["a.yaml", "sub/b.yml", "sub/sub/c.json"]);
    let problems: Vec<String> = loaded.problems.iter().map(ToString::to_string).collect();
    assert_eq!(problems, ["dangling.yaml: can't be read: No such file or directory (os error 2)"]);
}

#[test]
fn a_folder_that_is_not_there_is_a_problem() {
    let dir = TempDir::new().unwrap();
    let loaded = load(&dir.path().join("none"));
    assert_eq!(loaded.problems.len(), 1);
    assert!(loaded.problems[0].message.contains("none"));
}

#[tokio::test]
async fn files_come_change_and_go() {
    let mut watched = Watched::new(|root| fs::write(root.join("a.yaml"), map("a1")).unwrap());
    watched.live(&["a1"]).await;
    watched.place("b.yaml", &map("b1"));
    watched.live(&["a1", "b1"]).await;
    fs::write(watched.path("b.yaml"), map("b2")).unwrap();
    watched.live(&["a1", "b2"]).await;
    fs::create_dir(watched.path("sub")).unwrap();
    fs::write(watched.path("sub/c.yaml"), map("c1")).unwrap();
    watched.live(&["a1", "b2", "c1"]).await;
    fs::remove_file(watched.path("a.yaml")).unwrap();
    watched.live(&["b2", "c1"]).await;
    fs::remove_dir_all(watched.path("sub")).unwrap();
    watched.live(&["b2"]).await;
    watched.end().await;
}

#[tokio::test]
async fn a_file_may_become_a_folder_and_a_folder_a_file() {
    let mut watched = Watched::new(|root| fs::write(root.join("a.yaml"), map("a1")).unwrap());
    watched.live(&["a1"]).await;
    fs::remove_file(watched.path("a.yaml")).unwrap();
    fs::create_dir(watched.path("a.yaml")).unwrap();
    watched.live(&[]).await;
    watched.place("a.yaml/b.yaml", &map("b1"));
    watched.live(&["b1"]).await;
    fs::remove_dir_all(watched.path("a.yaml")).unwrap();
    watched.place("a.yaml", &map("a2"));
    watched.live(&["a2"]).await;
    assert_eq!(watched.problems, [""; 0]);
    watched.end().await;
}

#[tokio::test]
async fn a_file_is_read_when_its_writer_has_closed_it() {
    let both = map("a1") + &map("a2");
    let mut watched = Watched::new(|root| fs::write(root.join("a.yaml"), &both).unwrap());
    watched.live(&["a1", "a2"]).await;
    let mut writer = fs::File::create(watched.path("a.yaml")).unwrap();
    writer.write_all(map("a1").as_bytes()).unwrap();
    // That which is placed later is live earlier: the open file has not been read meanwhile.
    watched.place("b.yaml", &map("b1"));
    watched.live(&["a1", "a2", "b1"]).await;
    writer.write_all((map("a2") + &map("a3")).as_bytes()).unwrap();
    drop(writer);
    watched.live(&["a1", "a2", "a3", "b1"]).await;
    assert_eq!(watched.deleted, BTreeSet::new());
    watched.end().await;
}

#[tokio::test]
async fn a_file_that_is_unlinked_and_written_again_was_never_gone() {
    let mut watched = Watched::new(|root| fs::write(root.join("a.yaml"), map("a1")).unwrap());
    watched.live(&["a1"]).await;
    for round in 2..12 {
        fs::remove_file(watched.path("a.yaml")).unwrap();
        fs::write(watched.path("a.yaml"), map("a1") + &map(&format!("r{round}"))).unwrap();
        watched.live(&["a1", &format!("r{round}")]).await;
    }
    assert!(!watched.deleted.contains("a1"));
    watched.end().await;
}

#[tokio::test]
async fn a_renamed_folder_takes_its_objects_along() {
    let mut watched = Watched::new(|root| {
        fs::create_dir(root.join("old")).unwrap();
        fs::write(root.join("old/a.yaml"), map("a1")).unwrap();
    });
    watched.live(&["a1"]).await;
    fs::rename(watched.path("old"), watched.path("new")).unwrap();
    fs::write(watched.path("new/b.yaml"), map("b1")).unwrap();
    watched.live(&["a1", "b1"]).await;
    fs::write(watched.path("new/a.yaml"), map("a1") + &map("a2")).unwrap();
    watched.live(&["a1", "a2", "b1"]).await;
    assert_eq!(watched.deleted, BTreeSet::new());
    assert_eq!(watched.problems, [""; 0]);
    watched.end().await;
}

#[tokio::test]
async fn a_mounted_config_map_changes_as_a_whole() {
    let version = |root: &Path, name: &str, objects: &str| {
        fs::create_dir(root.join(name)).unwrap();
        fs::write(root.join(name).join("x.yaml"), map(objects)).unwrap();
        symlink(name, root.join("..data_tmp")).unwrap();
        fs::rename(root.join("..data_tmp"), root.join("..data")).unwrap();
    };
    let mut watched = Watched::new(|root| {
        version(root, "..2026_1", "x1");
        symlink("..data/x.yaml", root.join("x.yaml")).unwrap();
    });
    watched.live(&["x1"]).await;
    for round in 2..6 {
        version(&watched.path(""), &format!("..2026_{round}"), &format!("x{round}"));
        watched.live(&[&format!("x{round}")]).await;
        fs::remove_dir_all(watched.path(&format!("..2026_{}", round - 1))).unwrap();
    }
    watched.end().await;
}

#[tokio::test]
async fn the_target_of_a_link_is_watched_wherever_it_is() {
    let mut watched = Watched::new(|root| {
        fs::create_dir(root.join("../elsewhere")).unwrap();
        fs::write(root.join("../elsewhere/x"), map("x1")).unwrap();
        symlink("../elsewhere/x", root.join("x.yaml")).unwrap();
    });
    watched.live(&["x1"]).await;
    fs::write(watched.path("../elsewhere/x"), map("x2")).unwrap();
    watched.live(&["x2"]).await;
    fs::write(watched.path("../elsewhere/y"), map("y1")).unwrap();
    symlink("../elsewhere/y", watched.path("y.yaml")).unwrap();
    watched.live(&["x2", "y1"]).await;
    fs::write(watched.path("../elsewhere/y"), map("y2")).unwrap();
    watched.live(&["x2", "y2"]).await;
    watched.end().await;
}

#[tokio::test]
async fn while_the_folder_is_gone_everything_stays() {
    let mut watched = Watched::new(|root| fs::write(root.join("a.yaml"), map("a1")).unwrap());
    watched.live(&["a1"]).await;
    let (root, away) = (watched.path(""), watched.dir.path().join("away"));
    fs::rename(&root, &away).unwrap();
    watched.until(|watched| watched.problems.len() == 1).await;
    fs::rename(&away, &root).unwrap();
    watched.until(|watched| watched.problems.is_empty()).await;
    watched.place("b.yaml", &map("b1"));
    watched.live(&["a1", "b1"]).await;
    fs::remove_dir_all(&root).unwrap();
    watched.until(|watched| watched.problems.len() == 1).await;
    fs::create_dir(&root).unwrap();
    fs::write(watched.path("a.yaml"), map("a2")).unwrap();
    watched.live(&["a2"]).await;
    assert_eq!(watched.problems, [""; 0]);
    watched.end().await;
}

#[tokio::test]
async fn a_folder_behind_a_link_may_be_swapped() {
    let dir = TempDir::new().unwrap();
    for version in ["1", "2"] {
        fs::create_dir_all(dir.path().join(version).join("manifests")).unwrap();
        let text = map(&format!("v{version}")) + &map("both");
        fs::write(dir.path().join(version).join("manifests/a.yaml"), text).unwrap();
    }
    symlink("1", dir.path().join("current")).unwrap();
    let (source, batches) = watch(&dir.path().join("current/manifests"), Settings::default());
    let (live, deleted) = (BTreeSet::new(), BTreeSet::new());
    let mut watched = Watched { dir, batches, source, live, deleted, problems: Vec::new() };
    watched.live(&["both", "v1"]).await;
    symlink("2", watched.dir.path().join("next")).unwrap();
    fs::rename(watched.dir.path().join("next"), watched.dir.path().join("current")).unwrap();
    watched.live(&["both", "v2"]).await;
    fs::write(watched.dir.path().join("2/manifests/a.yaml"), map("both") + &map("v3")).unwrap();
    watched.live(&["both", "v3"]).await;
    assert!(!watched.deleted.contains("both"));
    watched.end().await;
}

#[tokio::test]
async fn what_breaks_stays_live_and_is_healed() {
    let mut watched = Watched::new(|root| fs::write(root.join("a.yaml"), map("a1")).unwrap());
    watched.live(&["a1"]).await;
    for broken in ["a: [", "\u{fffd}\u{0}", "- 1\n", "kind: ConfigMap\n"] {
        fs::write(watched.path("a.yaml"), broken).unwrap();
        watched.until(|watched| watched.problems.len() == 1).await;
        fs::write(watched.path("a.yaml"), map("a1")).unwrap();
        watched.until(|watched| watched.problems.is_empty()).await;
    }
    fs::write(watched.path("a.yaml"), b"\xff\xfe").unwrap();
    watched
        .until(|watched| watched.problems == ["a.yaml: is not UTF-8 in line 1: save it as UTF-8"])
        .await;
    fs::File::create(watched.path("a.yaml")).unwrap().set_len(17 << 20).unwrap();
    watched.until(|watched| watched.problems == ["a.yaml: is larger than 16 MiB: split it"]).await;
    assert_eq!(watched.deleted, BTreeSet::new());
    fs::write(watched.path("a.yaml"), "# nothing\n").unwrap();
    watched.live(&[]).await;
    assert_eq!(watched.problems, [""; 0]);
    watched.end().await;
}

#[tokio::test]
async fn without_notifications_the_folder_is_looked_at() {
    let settings =
        Settings { poll: Some(Duration::from_millis(5)), settle: Duration::from_millis(10) };
    let mut watched = Watched::with(settings, |root| {
        fs::write(root.join("a.yaml"), map("a1")).unwrap();
    });
    watched.live(&["a1"]).await;
    watched.place("b.yaml", &map("b1"));
    watched.live(&["a1", "b1"]).await;
    fs::write(watched.path("b.yaml"), map("b2")).unwrap();
    watched.live(&["a1", "b2"]).await;
    fs::remove_file(watched.path("a.yaml")).unwrap();
    watched.live(&["b2"]).await;
    watched.end().await;
}
