//! Those who wait to be told of something.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use tokio::sync::watch::{Receiver, Sender};

const FIRST_PRUNE: usize = 64;

/// What is waited for, and what was told of it last. What nobody waits for any more is removed when others are
/// added.
pub(super) struct Watched<K, V> {
    waiting: Mutex<Waiting<K, V>>,
    /// Spares those who tell the lock while nobody waits.
    len: AtomicUsize,
}

struct Waiting<K, V> {
    senders: HashMap<K, Sender<V>>,
    prune_at: usize,
}

impl<K: Copy + Eq + Hash, V> Watched<K, V> {
    /// Waits for news of `key`. Until there are any, they are `none`.
    pub(super) fn watch(&self, key: K, none: V) -> Receiver<V> {
        let mut waiting = self.lock();
        let Waiting { senders, prune_at } = &mut *waiting;
        if senders.len() >= (*prune_at).max(FIRST_PRUNE) {
            senders.retain(|_, sender| !sender.is_closed());
            *prune_at = senders.len() * 2;
        }
        let receiver = senders
            .entry(key)
            .or_insert_with(|| Sender::new(none))
            .subscribe();
        self.len.store(senders.len(), Ordering::SeqCst);
        receiver
    }

    /// Tells those who wait for `key`.
    pub(super) fn tell(&self, key: K, news: V) {
        if self.len.load(Ordering::SeqCst) == 0 {
            return;
        }
        let sender = self.lock().senders.get(&key).cloned();
        // Without the lock, since it wakes tasks.
        if let Some(sender) = sender {
            sender.send_replace(news);
        }
    }

    /// Tells those who wait for `key`, of which there will be no more news.
    pub(super) fn tell_last(&self, key: K, news: V) {
        if self.len.load(Ordering::SeqCst) == 0 {
            return;
        }
        let mut waiting = self.lock();
        if let Some(sender) = waiting.senders.remove(&key) {
            // Without the lock, since it wakes tasks.
            self.len.store(waiting.senders.len(), Ordering::SeqCst);
            drop(waiting);
            sender.send_replace(news);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting<K, V>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K, V> Default for Watched<K, V> {
    fn default() -> Self {
        let waiting = Waiting {
            senders: HashMap::new(),
            prune_at: 0,
        };
        Self {
            waiting: Mutex::new(waiting),
            len: AtomicUsize::new(0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_who_wait_for_something_are_told_and_no_others() {
        let watched = Watched::default();
        let (one, two, other) = (
            watched.watch(1, false),
            watched.watch(1, false),
            watched.watch(2, false),
        );
        watched.tell_last(3, true);
        watched.tell_last(1, true);
        watched.tell_last(1, true);
        assert!(*one.borrow() && *two.borrow());
        assert!(!*other.borrow());
    }

    #[test]
    fn there_may_be_more_news() {
        let watched = Watched::default();
        let waits = watched.watch("a", 0);
        for news in 1..4 {
            watched.tell("a", news);
            watched.tell("b", 7);
            assert_eq!(*waits.borrow(), news);
        }
        assert_eq!(*watched.watch("a", 0).borrow(), 3);
    }

    #[test]
    fn those_who_have_gone_leave_nothing() {
        let watched = Watched::default();
        let stays = watched.watch(0, false);
        for number in 1..10_000 {
            drop(watched.watch(number, false));
        }
        assert!(watched.lock().senders.len() <= FIRST_PRUNE);
        watched.tell_last(0, true);
        assert!(*stays.borrow());
    }
}
