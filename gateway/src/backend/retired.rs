//! Telling pools that endpoints take nothing new, so that they close idle connections at once.
//!
//! Promises: a subscriber hears of every endpoint that was retired after it subscribed, unless it
//! falls behind by more than a bound: then it hears that it must look at all it has.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::Notify;

/// Names that wait for one subscriber. A swap of the largest services retires fewer.
const MOST: usize = 4096;

/// Everyone who wants to hear.
#[derive(Debug, Default)]
pub(super) struct Subscribers(Mutex<Vec<Weak<Mailbox>>>);

/// What one subscriber has not yet read.
#[derive(Debug, Default)]
pub(crate) struct Mailbox {
    waiting: Mutex<Retired>,
    news: Notify,
}

/// Endpoints that were retired.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Retired {
    /// These, by [`crate::endpoint::Endpoint::id`].
    These(Vec<u64>),
    /// More than can be told.
    Many,
}

impl Default for Retired {
    fn default() -> Self {
        Self::These(Vec::new())
    }
}

impl Subscribers {
    /// A new subscriber; it leaves by dropping the mailbox.
    pub(super) fn subscribe(&self) -> Arc<Mailbox> {
        let mailbox = Arc::<Mailbox>::default();
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::downgrade(&mailbox));
        mailbox
    }

    /// Tells everyone.
    pub(super) fn tell(&self, endpoints: &[u64]) {
        if endpoints.is_empty() {
            return;
        }
        let mut subscribers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        subscribers.retain(|subscriber| match subscriber.upgrade() {
            Some(mailbox) => {
                mailbox.put(endpoints);
                true
            }
            None => false,
        });
    }
}

impl Mailbox {
    /// Waits for the next news. Cancel safe: a dropped future has read nothing.
    pub(crate) async fn next(&self) -> Retired {
        loop {
            let news = self.news.notified();
            let retired = self.take();
            if retired != Retired::default() {
                return retired;
            }
            news.await;
        }
    }

    fn take(&self) -> Retired {
        std::mem::take(&mut self.waiting.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn put(&self, endpoints: &[u64]) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut *waiting {
            Retired::These(names) if names.len() + endpoints.len() <= MOST => {
                names.extend_from_slice(endpoints);
            }
            _ => *waiting = Retired::Many,
        }
        self.news.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn news_wait_for_their_reader_in_order() {
        let subscribers = Subscribers::default();
        let mailbox = subscribers.subscribe();
        subscribers.tell(&[1, 2]);
        subscribers.tell(&[]);
        subscribers.tell(&[3]);
        assert_eq!(mailbox.next().await, Retired::These(vec![1, 2, 3]));
        let (next, ()) = tokio::join!(mailbox.next(), async { subscribers.tell(&[4]) });
        assert_eq!(next, Retired::These(vec![4]));
    }

    #[tokio::test]
    async fn a_subscriber_that_fell_behind_hears_so_once() {
        let subscribers = Subscribers::default();
        let mailbox = subscribers.subscribe();
        for _ in 0..3 {
            subscribers.tell(&vec![7; MOST / 2]);
        }
        assert_eq!(mailbox.next().await, Retired::Many);
        subscribers.tell(&[8]);
        assert_eq!(mailbox.next().await, Retired::These(vec![8]));
    }

    #[test]
    fn subscribers_that_left_are_forgotten() {
        let subscribers = Subscribers::default();
        let kept = subscribers.subscribe();
        drop(subscribers.subscribe());
        subscribers.tell(&[1]);
        assert_eq!(subscribers.0.lock().unwrap().len(), 1);
        drop(kept);
        subscribers.tell(&[1]);
        assert!(subscribers.0.lock().unwrap().is_empty());
    }
}
