//! Those who wait for the end of a session.

use std::{
    collections::HashMap,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use tokio::sync::watch::{Receiver, Sender};

use crate::claims::SessionId;

const FIRST_PRUNE: usize = 64;

/// The sessions whose end is waited for. One that nobody waits for any more is removed when others are
/// added.
#[derive(Default)]
pub(super) struct Watched {
    waiting: Mutex<Waiting>,
    /// Spares each end the lock while nobody waits.
    len: AtomicUsize,
}

#[derive(Default)]
struct Waiting {
    senders: HashMap<SessionId, Sender<bool>>,
    prune_at: usize,
}

impl Watched {
    pub(super) fn watch(&self, id: SessionId) -> Receiver<bool> {
        let mut waiting = self.lock();
        let Waiting { senders, prune_at } = &mut *waiting;
        if senders.len() >= (*prune_at).max(FIRST_PRUNE) {
            senders.retain(|_, sender| !sender.is_closed());
            *prune_at = senders.len() * 2;
        }
        let receiver = senders
            .entry(id)
            .or_insert_with(|| Sender::new(false))
            .subscribe();
        self.len.store(senders.len(), Ordering::SeqCst);
        receiver
    }

    /// Tells those who wait for the end of this session.
    pub(super) fn ended(&self, id: SessionId) {
        if self.len.load(Ordering::SeqCst) == 0 {
            return;
        }
        let mut waiting = self.lock();
        if let Some(sender) = waiting.senders.remove(&id) {
            // Without the lock, since it wakes tasks.
            self.len.store(waiting.senders.len(), Ordering::SeqCst);
            drop(waiting);
            sender.send_replace(true);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn id(number: usize) -> SessionId {
        SessionId::from_uuid(Uuid::from_u128(number as u128))
    }

    #[test]
    fn all_who_wait_for_a_session_are_told_of_its_end_and_no_others() {
        let watched = Watched::default();
        let (one, two, other) = (
            watched.watch(id(1)),
            watched.watch(id(1)),
            watched.watch(id(2)),
        );
        watched.ended(id(3));
        watched.ended(id(1));
        watched.ended(id(1));
        assert!(*one.borrow() && *two.borrow());
        assert!(!*other.borrow());
    }

    #[test]
    fn those_who_have_gone_leave_nothing() {
        let watched = Watched::default();
        let stays = watched.watch(id(0));
        for number in 1..10_000 {
            drop(watched.watch(id(number)));
        }
        assert!(watched.lock().senders.len() <= FIRST_PRUNE);
        watched.ended(id(0));
        assert!(*stays.borrow());
    }
}
