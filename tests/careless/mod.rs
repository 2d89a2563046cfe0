//! A store that breaks one promise of the contract, to see that the tests would notice.

#![allow(dead_code, reason = "each test binary uses its part")]

mod store;

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, atomic::AtomicUsize},
};

use tower_bearer::{
    SessionId,
    clock::{Clock, ManualClock, Timestamp},
    store::{RevokeReason, Revoked, Session},
};

/// What goes wrong. [`Fault::None`] keeps all promises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    None,
    /// Does not even tell the time.
    Down,

    InsertsOverOthers,
    InsertsTheGivenVersion,
    InsertsShortNotes,
    InsertsInTwoSteps,

    Lags,
    HidesRevoked,
    LoadsByAnotherClock,

    SwapsAnyVersion,
    SwapsRevoked,
    SwapsAllButTheEnd,
    SwapsInTwoSteps,
    SwapsHalf,
    CountsVersionsItself,
    CreatesBySwap,
    RevivesBySwap,
    LosesSwaps,

    ConfirmsRevoked,
    ConfirmsAnyGeneration,
    ConfirmsAgain,
    ConfirmsByAnotherClock,
    ConfirmsTheFirst500,
    FailsWhereOthersConfirm,

    LosesEnds,
    EndsAgain,
    EndsByAnotherClock,
    EndsInTwoSteps,
    EndsOfEveryIssuer,
    EndsInAnyCase,
    EndsOnlyWhatIsLive,
    EndsTheFirst1000,

    ListsByAnotherClock,
    ListsWhatIsDead,
    ListsTheEndToo,
    ListsNewestFirst,
    ListsAtMost500,

    DeletesEarly,
    DeletesWhatIsIdle,
    DeletesWhatIsRevoked,
    DeletesNewestEndFirst,
    DeletesBeyondTheLimit,
    DeletesInTwoSteps,
    DeletesNothing,
    NeverFreesAnIdentifier,
}

pub(crate) struct Careless {
    clock: ManualClock,
    fault: Fault,
    /// When the fault begins.
    from: Timestamp,
    /// What another clock shows.
    stopped: Timestamp,
    rows: Mutex<Rows>,
    confirming: AtomicUsize,
}

#[derive(Default)]
struct Rows {
    kept: BTreeMap<SessionId, Session>,
    /// Each as it was before its last change.
    before: BTreeMap<SessionId, Session>,
    deleted: BTreeMap<SessionId, Session>,
}

impl Rows {
    fn change(&mut self, id: SessionId, change: impl FnOnce(&mut Session)) {
        if let Some(kept) = self.kept.get_mut(&id) {
            self.before.insert(id, kept.clone());
            change(kept);
        }
    }

    fn delete(&mut self, id: SessionId) {
        if let Some(deleted) = self.kept.remove(&id) {
            self.deleted.insert(id, deleted);
        }
    }
}

impl Careless {
    pub(crate) fn new(clock: ManualClock, fault: Fault, from: Timestamp) -> Self {
        Self {
            stopped: clock.now(),
            clock,
            fault,
            from,
            rows: Mutex::default(),
            confirming: AtomicUsize::default(),
        }
    }

    fn is(&self, fault: Fault) -> bool {
        self.fault == fault && self.clock.now() >= self.from
    }

    fn at_most(&self, most: usize, fault: Fault) -> usize {
        match self.is(fault) {
            true => most,
            false => usize::MAX,
        }
    }

    /// The time, by another clock where that is the fault.
    fn now_unless(&self, fault: Fault) -> Timestamp {
        match self.is(fault) {
            true => self.stopped,
            false => self.clock.now(),
        }
    }

    fn rows(&self) -> MutexGuard<'_, Rows> {
        self.rows.lock().unwrap()
    }

    /// Looks and writes as one step or, where that is the fault, as two.
    async fn one_step<T, R>(
        &self,
        unless: Fault,
        look: impl FnOnce(&mut Rows) -> Option<T>,
        write: impl FnOnce(&mut Rows, T) -> R,
    ) -> Option<R> {
        if !self.is(unless) {
            let mut rows = self.rows();
            let seen = look(&mut rows)?;
            return Some(write(&mut rows, seen));
        }
        let seen = look(&mut self.rows())?;
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
        Some(write(&mut self.rows(), seen))
    }

    fn is_free(&self, rows: &Rows, id: SessionId) -> bool {
        let was_taken = rows.deleted.contains_key(&id) && self.is(Fault::NeverFreesAnIdentifier);
        let is_taken = rows.kept.contains_key(&id) && !self.is(Fault::InsertsOverOthers);
        !is_taken && !was_taken
    }

    fn may_swap(&self, rows: &mut Rows, expected: u64, next: &Session) -> bool {
        if self.is(Fault::RevivesBySwap)
            && let Some(deleted) = rows.deleted.remove(&next.id)
        {
            rows.kept.insert(next.id, deleted);
        }
        match rows.kept.get(&next.id) {
            None => self.is(Fault::CreatesBySwap),
            Some(kept) if kept.revoked.is_some() => self.is(Fault::SwapsRevoked),
            Some(kept) => kept.version == expected || self.is(Fault::SwapsAnyVersion),
        }
    }

    fn write(&self, rows: &mut Rows, expected: u64, next: &Session) {
        if self.is(Fault::LosesSwaps) {
            return;
        }
        if self.is(Fault::CreatesBySwap) {
            rows.kept.entry(next.id).or_insert_with(|| next.clone());
        }
        rows.change(next.id, |kept| {
            let revoked = kept.revoked;
            *kept = next.clone();
            if self.is(Fault::SwapsAllButTheEnd) {
                kept.revoked = revoked;
            }
            if self.is(Fault::CountsVersionsItself) {
                kept.version = expected + 1;
            }
        });
    }

    fn may_confirm(&self, rows: &Rows, id: SessionId, generation: u32) -> bool {
        rows.kept.get(&id).is_some_and(|kept| {
            (kept.generation == generation || self.is(Fault::ConfirmsAnyGeneration))
                && (kept.confirmed_at.is_none() || self.is(Fault::ConfirmsAgain))
                && (kept.revoked.is_none() || self.is(Fault::ConfirmsRevoked))
        })
    }

    fn may_end(&self, rows: &Rows, id: SessionId) -> bool {
        let ended = |kept: &Session| kept.revoked.is_some() && !self.is(Fault::EndsAgain);
        rows.kept.get(&id).is_some_and(|kept| !ended(kept))
    }

    fn revoke(&self, rows: &mut Rows, id: SessionId, reason: RevokeReason) {
        if self.is(Fault::LosesEnds) {
            return;
        }
        let at = self.now_unless(Fault::EndsByAnotherClock);
        rows.change(id, |kept| {
            kept.revoked = Some(Revoked::new(at, reason));
            kept.version += 1;
        });
    }

    /// Whose sessions a logout on all devices takes.
    fn owns(&self, issuer: &str, subject: &str, session: &Session) -> bool {
        let is_subject = match self.is(Fault::EndsInAnyCase) {
            true => session.subject.eq_ignore_ascii_case(subject),
            false => session.subject == subject,
        };
        let is_issuer = session.issuer == issuer || self.is(Fault::EndsOfEveryIssuer);
        let is_hidden = self.is(Fault::EndsOnlyWhatIsLive) && !session.is_live(self.clock.now());
        is_subject && is_issuer && !is_hidden
    }

    fn may_list(&self, session: &Session, now: Timestamp) -> bool {
        let instant = std::time::Duration::from_millis(1);
        match self.fault {
            Fault::ListsWhatIsDead => true,
            Fault::ListsTheEndToo => session.is_live(now - instant),
            _ => session.is_live(now),
        }
    }

    fn may_delete(&self, session: &Session) -> bool {
        let now = self.clock.now();
        (session.ends_at <= now && !self.is(Fault::DeletesNothing))
            || self.is(Fault::DeletesEarly)
            || (self.is(Fault::DeletesWhatIsIdle) && session.expires_at <= now)
            || (self.is(Fault::DeletesWhatIsRevoked) && session.revoked.is_some())
    }
}
