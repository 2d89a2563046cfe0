//! A store that breaks one promise of the contract, to see that the tests would notice.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard},
};

use tower_bearer::{
    SessionId,
    clock::{Clock, ManualClock, Timestamp},
    session::{RevokeReason, Revoked, Session},
    store::{Listed, Loaded, SessionStore, StoreError, Swap},
};

/// What goes wrong. [`Fault::None`] keeps all promises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    None,
    SwapsAnyVersion,
    SwapsRevoked,
    ConfirmsRevoked,
    ConfirmsAnyGeneration,
    CreatesBySwap,
    Lags,
    LosesSwaps,
    LosesEnds,
    DeletesEarly,
}

pub(crate) struct Careless {
    clock: ManualClock,
    fault: Fault,
    /// When the fault begins.
    from: Timestamp,
    rows: Mutex<Rows>,
}

#[derive(Default)]
struct Rows {
    kept: BTreeMap<SessionId, Session>,
    /// Each as it was before its last change.
    before: BTreeMap<SessionId, Session>,
}

impl Rows {
    fn change(&mut self, id: SessionId, change: impl FnOnce(&mut Session)) {
        if let Some(kept) = self.kept.get_mut(&id) {
            self.before.insert(id, kept.clone());
            change(kept);
        }
    }
}

impl Careless {
    pub(crate) fn new(clock: ManualClock, fault: Fault, from: Timestamp) -> Self {
        Self {
            clock,
            fault,
            from,
            rows: Mutex::default(),
        }
    }

    fn is(&self, fault: Fault) -> bool {
        self.fault == fault && self.clock.now() >= self.from
    }

    fn rows(&self) -> MutexGuard<'_, Rows> {
        self.rows.lock().unwrap()
    }

    fn revoke(&self, rows: &mut Rows, id: SessionId, reason: RevokeReason) -> bool {
        let live = rows.kept.get(&id).is_some_and(|s| s.revoked.is_none());
        if live && !self.is(Fault::LosesEnds) {
            let at = self.clock.now();
            rows.change(id, |kept| {
                kept.revoked = Some(Revoked::new(at, reason));
                kept.version += 1;
            });
        }
        live
    }
}

impl SessionStore for Careless {
    async fn now(&self) -> Result<Timestamp, StoreError> {
        Ok(self.clock.now())
    }

    async fn insert(&self, session: &Session) -> Result<(), StoreError> {
        self.rows().kept.insert(session.id, session.clone());
        Ok(())
    }

    async fn load(&self, id: SessionId) -> Result<Loaded, StoreError> {
        let rows = self.rows();
        let newest = rows.kept.get(&id);
        let seen = match self.is(Fault::Lags) {
            true => rows.before.get(&id).or(newest),
            false => newest,
        };
        Ok(Loaded::new(seen.cloned(), self.clock.now()))
    }

    async fn swap(&self, expected: u64, next: &Session) -> Result<Swap, StoreError> {
        let mut rows = self.rows();
        let Some(kept) = rows.kept.get(&next.id) else {
            if !self.is(Fault::CreatesBySwap) {
                return Ok(Swap::Lost);
            }
            rows.kept.insert(next.id, next.clone());
            return Ok(Swap::Swapped);
        };
        let fits = match kept.revoked {
            Some(_) => self.is(Fault::SwapsRevoked),
            None => kept.version == expected || self.is(Fault::SwapsAnyVersion),
        };
        if !fits {
            return Ok(Swap::Lost);
        }
        if !self.is(Fault::LosesSwaps) {
            rows.change(next.id, |kept| *kept = next.clone());
        }
        Ok(Swap::Swapped)
    }

    async fn confirm(&self, pairs: &[(SessionId, u32)]) -> Result<(), StoreError> {
        let (mut rows, now) = (self.rows(), self.clock.now());
        for &(id, generation) in pairs {
            let fits = rows.kept.get(&id).is_some_and(|kept| {
                kept.confirmed_at.is_none()
                    && (kept.generation == generation || self.is(Fault::ConfirmsAnyGeneration))
                    && (kept.revoked.is_none() || self.is(Fault::ConfirmsRevoked))
            });
            if fits {
                rows.change(id, |kept| {
                    kept.confirmed_at = Some(now);
                    kept.version += 1;
                });
            }
        }
        Ok(())
    }

    async fn end(&self, id: SessionId, reason: RevokeReason) -> Result<bool, StoreError> {
        Ok(self.revoke(&mut self.rows(), id, reason))
    }

    async fn end_all(
        &self,
        issuer: &str,
        subject: &str,
        reason: RevokeReason,
    ) -> Result<Vec<SessionId>, StoreError> {
        let mut rows = self.rows();
        let owned = rows.kept.values();
        let owned = owned.filter(|s| (&*s.issuer, &*s.subject) == (issuer, subject));
        let mut ids: Vec<_> = owned.map(|session| session.id).collect();
        ids.retain(|&id| self.revoke(&mut rows, id, reason));
        Ok(ids)
    }

    async fn list(
        &self,
        issuer: &str,
        subject: &str,
        after: Option<SessionId>,
        limit: usize,
    ) -> Result<Listed, StoreError> {
        let (rows, now) = (self.rows(), self.clock.now());
        let live = rows.kept.values().filter(|session| {
            (&*session.issuer, &*session.subject) == (issuer, subject)
                && Some(session.id) > after
                && session.is_live(now)
        });
        Ok(Listed::new(live.take(limit).cloned().collect(), now))
    }

    async fn delete_expired(&self, limit: usize) -> Result<usize, StoreError> {
        let mut rows = self.rows();
        let dead = rows.kept.values();
        let dead = dead.filter(|s| s.ends_at <= self.clock.now() || self.is(Fault::DeletesEarly));
        let ids: Vec<_> = dead.map(|session| session.id).take(limit).collect();
        for id in &ids {
            rows.kept.remove(id);
        }
        Ok(ids.len())
    }
}
