//! The lines that a process writes, as events.

use std::io::{BufRead, BufReader, Read};
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::Value;
use tokio::sync::watch;

use super::within;

/// Every line so far; clones see the same.
#[derive(Clone)]
pub(crate) struct Lines {
    all: Arc<Mutex<Vec<String>>>,
    count: watch::Receiver<usize>,
}

impl Lines {
    /// Reads `from` to its end, on a thread that ends with it.
    pub(crate) fn of(from: impl Read + Send + 'static) -> Self {
        let all = Arc::new(Mutex::new(Vec::new()));
        let (counted, count) = watch::channel(0);
        let lines = all.clone();
        thread::spawn(move || {
            for line in BufReader::new(from).lines().map_while(Result::ok) {
                let mut lines: std::sync::MutexGuard<'_, Vec<String>> = lines.lock().unwrap();
                lines.push(line);
                counted.send_replace(lines.len());
            }
        });
        Self { all, count }
    }

    pub(crate) fn all(&self) -> Vec<String> {
        self.all.lock().unwrap().clone()
    }

    pub(crate) fn len(&self) -> usize {
        self.all.lock().unwrap().len()
    }

    /// The first line from number `from` on that `wanted` takes, whether it is there or comes.
    pub(crate) async fn wait<T>(
        &self,
        what: &str,
        from: usize,
        wanted: impl Fn(&str) -> Option<T>,
    ) -> T {
        let search = async {
            let mut count = self.count.clone();
            let mut next = from;
            loop {
                let seen = *count.borrow_and_update();
                let found = self.all()[..seen].iter().skip(next).find_map(|line| wanted(line));
                if let Some(found) = found {
                    return found;
                }
                next = next.max(seen);
                let alive = count.changed().await;
                assert!(alive.is_ok(), "{what}: the process ended; it said:\n{}", self.text());
            }
        };
        let missing = format!("{what} (lines so far: {})", self.text());
        within(&missing, search).await
    }

    /// The same for lines of JSON.
    pub(crate) async fn wait_json<T>(
        &self,
        what: &str,
        from: usize,
        wanted: impl Fn(&Value) -> Option<T>,
    ) -> T {
        self.wait(what, from, |line| wanted(&serde_json::from_str(line).ok()?)).await
    }

    /// Returns when there will be no more.
    pub(crate) async fn ended(&self) {
        let mut count = self.count.clone();
        while count.changed().await.is_ok() {}
    }

    pub(crate) fn text(&self) -> String {
        self.all().join("\n")
    }
}
