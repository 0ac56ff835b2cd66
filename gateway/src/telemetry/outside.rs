//! Counters that somebody else keeps, read when they are rendered.

use std::collections::BTreeMap;
use std::fmt;
use std::fmt::Write;
use std::sync::{Mutex, PoisonError};

use super::family::Kind;
use super::text::head;

type Read = Box<dyn Fn() -> u64 + Send + Sync>;

/// By name; the last one registered under a name counts.
#[derive(Default)]
pub(super) struct Outside(Mutex<BTreeMap<&'static str, (&'static str, Read)>>);

impl Outside {
    pub(super) fn add(&self, name: &'static str, help: &'static str, read: Read) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert(name, (help, read));
    }

    pub(super) fn render(&self, text: &mut String) {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (name, (help, read)) in all.iter() {
            head(text, name, help, Kind::Counter);
            writeln!(text, "{name} {}", read()).expect("a String takes every write");
        }
    }
}

impl fmt::Debug for Outside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Outside")
    }
}
