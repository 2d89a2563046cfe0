use std::{cmp::Reverse, sync::atomic::Ordering::SeqCst};

use tower_bearer::{
    SessionId,
    clock::{Clock, Timestamp},
    store::{
        Cursor, EndReason, Extra, Listed, ListedAll, Loaded, Record, SessionState, SessionStore,
        StoreError, StoreErrorKind, Swap,
    },
};

use super::{Careless, Fault, HIGHEST, Rows, let_others_run};

impl SessionStore for Careless {
    async fn now(&self) -> Result<Timestamp, StoreError> {
        match self.fault {
            Fault::Down => Err(StoreError::new(StoreErrorKind::Unavailable)),
            _ => Ok(self.clock.now()),
        }
    }

    async fn insert(&self, record: &Record) -> Result<(), StoreError> {
        let is_free = |rows: &mut Rows| self.is_free(rows, record.session.id).then_some(());
        let mut new = record.clone();
        if self.is(Fault::InsertsAtVersion0) {
            new.state.version = 0;
        }
        if self.is(Fault::InsertsWithoutExtra) {
            new.session.extra = Extra::default();
        }
        if self.is(Fault::InsertsWithoutExtraOfTheState) {
            new.state.extra = Extra::default();
        }
        if self.is(Fault::InsertsShortNotes) {
            let notes = new.session.metadata.values_mut();
            notes.for_each(|note| *note = note.chars().take(255).collect());
        }
        let most = 1000;
        if self.is(Fault::RefusesLongNames) && new.session.subject.len() > most {
            return Err(StoreError::new(StoreErrorKind::Unstorable));
        }
        if self.is(Fault::CutsLongNames) {
            let cut = |text: &mut String| text.truncate(text.floor_char_boundary(most));
            cut(&mut new.session.subject);
        }
        let insert = |rows: &mut Rows, ()| drop(rows.kept.insert(new.session.id, new));
        let inserted = self
            .one_step(Fault::InsertsInTwoSteps, is_free, insert)
            .await;
        if inserted.is_some() && self.is(Fault::InsertsInTwoTransactions) {
            self.rows().unlisted.insert(record.session.id);
            let_others_run().await;
            self.rows().unlisted.remove(&record.session.id);
        }
        inserted.ok_or(StoreError::new(StoreErrorKind::Duplicate))
    }

    async fn load(&self, id: SessionId) -> Result<Loaded, StoreError> {
        let rows = self.rows();
        let newest = rows.kept.get(&id);
        let seen = match self.fault {
            Fault::Lags if self.is(Fault::Lags) => rows.before.get(&id).or(newest),
            Fault::HidesRevoked => newest.filter(|record| record.state.ended.is_none()),
            _ => newest,
        };
        let now = self.now_unless(Fault::LoadsByAnotherClock);
        Ok(Loaded::new(seen.cloned(), now))
    }

    async fn swap(
        &self,
        id: SessionId,
        expected: u64,
        next: &SessionState,
    ) -> Result<Swap, StoreError> {
        let fits = |rows: &mut Rows| self.may_swap(rows, id, expected).then_some(());
        if self.is(Fault::SwapsHalf) && fits(&mut self.rows()).is_some() {
            let half = |kept: &mut Record| kept.state.generation = next.generation;
            self.rows().change(id, half);
            // Half a turn, or all writers would keep in step, and each find what it has seen before.
            tokio::task::yield_now().await;
        }
        let write = |rows: &mut Rows, ()| self.write(rows, id, expected, next);
        let swapped = self.one_step(Fault::SwapsInTwoSteps, fits, write).await;
        Ok(swapped.map_or(Swap::Lost, |()| Swap::Swapped))
    }

    async fn confirm(&self, pairs: &[(SessionId, u32)]) -> Result<(), StoreError> {
        if self.is(Fault::FailsWhereOthersConfirm) {
            let others = self.confirming.fetch_add(1, SeqCst);
            let_others_run().await;
            self.confirming.fetch_sub(1, SeqCst);
            if others > 0 {
                return Err(StoreError::new(StoreErrorKind::Busy));
            }
        }
        assert!(
            !self.is(Fault::PanicsAsItConfirms),
            "attempt to add with overflow"
        );
        let most = self.at_most(500, Fault::ConfirmsTheFirst500);
        let (mut rows, now) = (self.rows(), self.now_unless(Fault::ConfirmsByAnotherClock));
        for &(id, generation) in pairs.iter().take(most) {
            if self.may_confirm(&rows, id, generation) {
                rows.change(id, |kept| {
                    kept.state.confirmed_at = Some(now);
                    let wraps = self.is(Fault::ConfirmsBeyondTheHighestVersion);
                    kept.state.version = match kept.state.version {
                        HIGHEST if wraps => 0,
                        version => version.saturating_add(1),
                    };
                    if self.is(Fault::ConfirmsAndForgetsTheKey) {
                        kept.state.bound_to = None;
                    }
                    if self.is(Fault::ConfirmsAndForgetsExtra) {
                        kept.state.extra = Extra::default();
                    }
                });
            }
        }
        Ok(())
    }

    async fn end(&self, id: SessionId, reason: EndReason) -> Result<bool, StoreError> {
        let runs = |rows: &mut Rows| self.may_end(rows, id).then_some(());
        let end = |rows: &mut Rows, ()| self.revoke(rows, id, reason);
        let ended = self.one_step(Fault::EndsInTwoSteps, runs, end).await;
        Ok(ended.is_some())
    }

    async fn end_all(
        &self,
        issuer: &str,
        subject: &str,
        keep: Option<SessionId>,
        reason: EndReason,
    ) -> Result<Vec<SessionId>, StoreError> {
        let running = |rows: &mut Rows| Some(self.running(rows, issuer, subject, keep));
        let end = |rows: &mut Rows, ids: Vec<SessionId>| {
            ids.iter().for_each(|id| self.revoke(rows, *id, reason));
            if self.is(Fault::TellsNoEndsByEndAll) {
                rows.untold.extend(&ids);
            }
            ids
        };
        let ended = self.one_step(Fault::EndsInTwoSteps, running, end).await;
        Ok(ended.unwrap_or_default())
    }

    async fn list(
        &self,
        issuer: &str,
        subject: &str,
        before: Option<SessionId>,
        limit: usize,
    ) -> Result<Listed, StoreError> {
        let limit = limit.min(self.at_most(500, Fault::ListsAtMost500));
        let (rows, now) = (self.rows(), self.clock.now());
        let live = rows.kept.values().filter(|record| {
            (&*record.session.issuer, &*record.session.subject) == (issuer, subject)
                && before.is_none_or(|before| self.is_below(record.session.id, before))
                && !rows.unlisted.contains(&record.session.id)
                && self.may_list(record, now)
        });
        let mut live: Vec<_> = live.cloned().collect();
        if !self.is(Fault::ListsOldestFirst) {
            live.reverse();
        }
        live.truncate(limit);
        Ok(Listed::new(
            live,
            self.now_unless(Fault::ListsByAnotherClock),
        ))
    }

    async fn list_all(
        &self,
        issuer: &str,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<ListedAll, StoreError> {
        let before = match after.map(Cursor::session_id) {
            Some(Err(_)) if self.is(Fault::ListsAllFromAnyCursor) => None,
            Some(before) => Some(before?),
            None => None,
        };
        let (rows, now) = (self.rows(), self.clock.now());
        let below = rows.kept.iter().rev();
        let below = below.filter(|(id, _)| before.is_none_or(|before| **id < before));
        let looked_at = self.at_most(2_000, Fault::ListsAllUntilAShortPage);
        let live = below.take(looked_at).filter(|(_, record)| {
            (record.session.issuer == issuer || self.is(Fault::ListsAllOfEveryIssuer))
                && (record.is_live(now) || self.is(Fault::ListsAllThatIsDead))
        });
        let limit = match self.is(Fault::ListsAllOnOnePage) {
            true => usize::MAX,
            false => limit.max(1),
        };
        let mut page: Vec<_> = live
            .map(|(_, record)| record)
            .take(limit)
            .cloned()
            .collect();
        let last = page.last().map(|record| record.session.id);
        let next = match self.is(Fault::ListsAllForEver) {
            true => last.or(before),
            false => last.filter(|_| page.len() == limit),
        };
        if after.is_some() && !page.is_empty() && self.is(Fault::ListsAllButTheFirstOfAPage) {
            page.remove(0);
        }
        let now = self.now_unless(Fault::ListsAllByAnotherClock);
        Ok(ListedAll::new(page, next.map(Cursor::from), now))
    }

    async fn ended_since(
        &self,
        since: Timestamp,
        after: Option<SessionId>,
        limit: usize,
    ) -> Result<Vec<(SessionId, Timestamp)>, StoreError> {
        Ok(self.told(&self.rows(), since, after, limit))
    }

    async fn delete_expired(&self, limit: usize) -> Result<usize, StoreError> {
        let limit = match self.is(Fault::DeletesBeyondTheLimit) {
            true => usize::MAX,
            false => limit,
        };
        let dead = |rows: &mut Rows| {
            let dead = rows.kept.values().filter(|s| self.may_delete(s));
            let mut dead: Vec<_> = dead.map(|s| (s.session.ends_at, s.session.id)).collect();
            match self.fault {
                Fault::DeletesNewestEndFirst => dead.sort_by_key(|dead| Reverse(*dead)),
                Fault::DeletesLowestIdentifierFirst => dead.sort_by_key(|(_, id)| *id),
                Fault::DeletesHighestIdentifierFirst => dead.sort_by_key(|(_, id)| Reverse(*id)),
                _ => dead.sort(),
            }
            dead.truncate(limit);
            Some(dead)
        };
        let delete = |rows: &mut Rows, dead: Vec<(Timestamp, SessionId)>| {
            dead.iter().for_each(|(_, id)| rows.delete(*id));
            dead.len()
        };
        let deleted = self.one_step(Fault::DeletesInTwoSteps, dead, delete).await;
        Ok(deleted.unwrap_or_default())
    }
}
