//! Counting connections: against their limits, and over the threads.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use dashmap::DashMap;
use metrics::Counter;

use super::open_files;
use crate::settings::Limits;
use crate::telemetry::Telemetry;

/// The counts of a process.
pub(crate) struct Counts {
    /// Connections of all listeners.
    total: AtomicUsize,
    most: usize,
    most_per_listener: usize,
    imbalance: usize,
    per_client: Option<PerClient>,
    /// Connections of each thread.
    loads: Box<[AtomicUsize]>,
    telemetry: Telemetry,
    over_total: Counter,
    over_listener: Counter,
    over_client: Counter,
}

/// Connections of each client address, where that is limited.
struct PerClient {
    most: usize,
    open: DashMap<IpAddr, usize>,
}

impl PerClient {
    /// Counts one more, if that is allowed.
    fn add(&self, client: IpAddr) -> bool {
        let mut open = self.open.entry(client).or_default();
        let free = *open < self.most;
        *open += usize::from(free);
        free
    }

    fn remove(&self, client: IpAddr) {
        self.open.remove_if_mut(&client, |_, open| {
            *open -= 1;
            *open == 0
        });
    }
}

/// When the kernel doesn't say how many files may be open: what it allows unless told otherwise.
const OPEN_FILES: usize = 1024;

impl Counts {
    pub(crate) fn new(limits: &Limits, threads: usize, telemetry: Telemetry) -> Self {
        let half = || open_files::most().unwrap_or(OPEN_FILES) / 2;
        let refused = |reason| telemetry.connections().refused(reason);
        Self {
            total: AtomicUsize::new(0),
            most: limits.total.unwrap_or_else(half),
            most_per_listener: limits.per_listener,
            imbalance: limits.imbalance,
            per_client: limits.per_client.map(|most| PerClient { most, open: DashMap::new() }),
            loads: (0..threads).map(|_| AtomicUsize::new(0)).collect(),
            over_total: refused("limit"),
            over_listener: refused("listener_limit"),
            over_client: refused("client_limit"),
            telemetry,
        }
    }

    /// Connections of all listeners.
    pub(crate) fn total(&self) -> usize {
        self.total.load(Relaxed)
    }

    /// Who should serve a connection that this thread accepted: the thread itself, unless another
    /// has clearly less to do.
    pub(crate) fn place(&self, own: usize) -> usize {
        let load = |thread: usize| self.loads[thread].load(Relaxed);
        let idlest = (0..self.loads.len()).min_by_key(|&thread| load(thread)).unwrap_or(own);
        if load(idlest) + self.imbalance < load(own) { idlest } else { own }
    }
}

/// One connection, counted until it is dropped.
pub(crate) struct Ticket {
    counts: Arc<Counts>,
    listener: Arc<AtomicUsize>,
    client: IpAddr,
    thread: usize,
}

impl Ticket {
    /// Counts a connection from `client` to `listener` on a thread; `None` when there are too many.
    pub(crate) fn take(
        counts: &Arc<Counts>,
        listener: &Arc<AtomicUsize>,
        client: IpAddr,
        thread: usize,
    ) -> Option<Self> {
        let client = client.to_canonical();
        if counts.per_client.as_ref().is_some_and(|clients| !clients.add(client)) {
            counts.over_client.increment(1);
            return None;
        }
        // Counted first, so that threads that accept at once don't pass the limit together.
        let here = listener.fetch_add(1, Relaxed) < counts.most_per_listener;
        let anywhere = counts.total.fetch_add(1, Relaxed) < counts.most;
        if !here || !anywhere {
            listener.fetch_sub(1, Relaxed);
            counts.total.fetch_sub(1, Relaxed);
            let counter = if here { &counts.over_total } else { &counts.over_listener };
            counter.increment(1);
            if let Some(clients) = &counts.per_client {
                clients.remove(client);
            }
            return None;
        }
        counts.loads[thread].fetch_add(1, Relaxed);
        counts.telemetry.connections().accepted();
        Some(Self { counts: counts.clone(), listener: listener.clone(), client, thread })
    }

    /// Another thread serves it.
    pub(crate) fn move_to(&mut self, thread: usize) {
        self.counts.loads[self.thread].fetch_sub(1, Relaxed);
        self.counts.loads[thread].fetch_add(1, Relaxed);
        self.thread = thread;
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.counts.loads[self.thread].fetch_sub(1, Relaxed);
        self.listener.fetch_sub(1, Relaxed);
        self.counts.total.fetch_sub(1, Relaxed);
        if let Some(clients) = &self.counts.per_client {
            clients.remove(self.client);
        }
        self.counts.telemetry.connections().closed();
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

    use super::{Arc, Counts, Limits, Telemetry, Ticket};

    const CLIENT: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    fn counts(limits: &Limits) -> Arc<Counts> {
        Arc::new(Counts::new(limits, 3, Telemetry::new()))
    }

    #[test]
    fn limits_hold_for_a_listener_and_for_all_and_what_closes_makes_room() {
        let limits = Limits { per_listener: 2, total: Some(3), ..Limits::default() };
        let counts = counts(&limits);
        let (one, other) = (Arc::default(), Arc::default());
        let first = Ticket::take(&counts, &one, CLIENT, 0);
        let _second = Ticket::take(&counts, &one, CLIENT, 0).unwrap();
        assert!(
            Ticket::take(&counts, &one, CLIENT, 0).is_none(),
            "two are the most of one listener"
        );
        let _third = Ticket::take(&counts, &other, CLIENT, 0).unwrap();
        assert!(Ticket::take(&counts, &other, CLIENT, 0).is_none(), "three are the most of all");
        drop(first);
        assert!(Ticket::take(&counts, &one, CLIENT, 0).is_some());
    }

    #[test]
    fn a_thread_gives_away_what_it_accepts_only_when_another_has_clearly_less() {
        let counts = counts(&Limits { imbalance: 2, ..Limits::default() });
        let listener = Arc::default();
        let take = |thread| Ticket::take(&counts, &listener, CLIENT, thread).unwrap();
        let mut held = vec![take(0), take(0), take(1)];
        assert_eq!(counts.place(0), 0, "two more than thread 2 is not clearly more");
        held.push(take(0));
        assert_eq!(counts.place(0), 2);
        held[0].move_to(2);
        assert_eq!(counts.place(0), 0);
    }

    #[test]
    fn a_client_address_has_a_limit_where_one_is_set() {
        let limits = Limits { per_client: Some(2), ..Limits::default() };
        let counts = counts(&limits);
        let listener = Arc::default();
        let mapped = IpAddr::V6(Ipv4Addr::LOCALHOST.to_ipv6_mapped());
        let first = Ticket::take(&counts, &listener, CLIENT, 0);
        let _second = Ticket::take(&counts, &listener, mapped, 0).unwrap();
        assert!(Ticket::take(&counts, &listener, CLIENT, 0).is_none());
        let other = IpAddr::V6(Ipv6Addr::LOCALHOST);
        assert!(Ticket::take(&counts, &listener, other, 0).is_some());
        drop(first);
        assert!(Ticket::take(&counts, &listener, CLIENT, 0).is_some());
    }
}
