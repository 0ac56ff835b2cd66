//! What an endpoint has in flight, by kind, and which kinds of it are to be cut.
//!
//! Leaves the exact count of all together to `gauge`: these figures are for people and policies.

use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};

use snapshot::ByKind;

/// A kind of what can be in flight; see [`ByKind`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Everything that is neither of the others.
    Request,
    /// A gRPC call.
    Stream,
    /// An upgraded connection.
    Tunnel,
}

/// Counts and marks of one endpoint.
#[derive(Debug, Default)]
pub(super) struct Kinds {
    streams: AtomicUsize,
    tunnels: AtomicUsize,
    /// One bit for each kind that is to be cut.
    cut: AtomicU8,
}

impl Kinds {
    /// One that was counted as `from` is `to` from now on.
    pub(super) fn turn(&self, from: Kind, to: Kind) {
        if let Some(count) = self.count(to) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        if let Some(count) = self.count(from) {
            count.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// Divides what is in flight. Its sum is zero exactly when `all` is.
    pub(super) fn divide(&self, all: usize) -> ByKind<usize> {
        let streams = self.streams.load(Ordering::Relaxed).min(all);
        let tunnels = self.tunnels.load(Ordering::Relaxed).min(all - streams);
        ByKind { requests: all - streams - tunnels, streams, tunnels }
    }

    /// Says which kinds are to be cut; true when one is that was not before.
    pub(super) fn cut(&self, kinds: ByKind<bool>) -> bool {
        let marks = kinds.values().into_iter().zip(0..).map(|(cut, bit)| u8::from(cut) << bit);
        let marks = marks.sum::<u8>();
        marks & !self.cut.swap(marks, Ordering::Release) != 0
    }

    /// Whether a kind is to be cut.
    pub(super) fn is_cut(&self, kind: Kind) -> bool {
        self.cut.load(Ordering::Acquire) >> (kind as u8) & 1 == 1
    }

    fn count(&self, kind: Kind) -> Option<&AtomicUsize> {
        match kind {
            Kind::Request => None,
            Kind::Stream => Some(&self.streams),
            Kind::Tunnel => Some(&self.tunnels),
        }
    }
}
