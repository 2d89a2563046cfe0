//! What goes wrong as sessions end, and as it is told which did.

use std::time::Duration;

use tower_bearer::{
    SessionId,
    clock::{Clock, Timestamp},
    store::{EndReason, Ended, Record, SessionState},
};

use super::{Careless, Fault, HIGHEST, Rows};

const HOUR: Duration = Duration::from_secs(60 * 60);

impl Careless {
    pub(super) fn may_end(&self, rows: &Rows, id: SessionId) -> bool {
        let is_last = |kept: &Record| {
            kept.state.version >= HIGHEST && self.is(Fault::EndsNoneOfTheHighestVersion)
        };
        let ended = |kept: &Record| {
            is_last(kept) || kept.state.ended.is_some() && !self.is(Fault::EndsAgain)
        };
        rows.kept.get(&id).is_some_and(|kept| !ended(kept))
    }

    pub(super) fn revoke(&self, rows: &mut Rows, id: SessionId, reason: EndReason) {
        if self.is(Fault::LosesEnds) {
            return;
        }
        let at = self.now_unless(Fault::EndsByAnotherClock);
        rows.change(id, |kept| {
            let before = kept.clone();
            kept.end(Ended::new(at, reason));
            if self.is(Fault::EndsAndForgetsTheKey) {
                kept.state.bound_to = None;
            }
            self.keep_too_much(kept, before, at);
        });
    }

    fn keep_too_much(&self, kept: &mut Record, before: Record, at: Timestamp) {
        let Record { session, state } = kept;
        let Record {
            session: before,
            state: state_before,
        } = before;
        let a_day_after = at + Record::KEPT_AFTER_END;
        match self.fault {
            _ if !self.is(self.fault) => {}
            Fault::EndsAndKeepsNotes => session.metadata = before.metadata,
            Fault::EndsAndKeepsClaims => session.claims = before.claims,
            Fault::EndsAndKeepsExtra => state.extra = state_before.extra,
            Fault::EndsAndKeepsTheRow => session.ends_at = before.ends_at,
            Fault::EndsAndForgetsTheTokens => session.ends_at = before.ends_at.min(a_day_after),
            Fault::EndsAndKeepsTheRowForADay => {
                session.ends_at = state.expires_at.max(a_day_after);
            }
            _ => {}
        }
    }

    /// Whose sessions a logout on all devices takes.
    fn owns(&self, issuer: &str, subject: &str, record: &Record) -> bool {
        let is_subject = match self.is(Fault::EndsInAnyCase) {
            true => record.session.subject.eq_ignore_ascii_case(subject),
            false => record.session.subject == subject,
        };
        let is_issuer = record.session.issuer == issuer || self.is(Fault::EndsOfEveryIssuer);
        let is_hidden = self.is(Fault::EndsOnlyWhatIsLive) && !record.is_live(self.clock.now());
        is_subject && is_issuer && !is_hidden
    }

    pub(super) fn running(
        &self,
        rows: &Rows,
        issuer: &str,
        subject: &str,
        keep: Option<SessionId>,
    ) -> Vec<SessionId> {
        let owned = rows.kept.values().filter(|s| self.owns(issuer, subject, s));
        let ids = owned.map(|record| record.session.id);
        let ids = ids.filter(|id| !rows.unlisted.contains(id));
        let mut running: Vec<_> = ids.filter(|id| self.may_end(rows, *id)).collect();
        let is_unknown = keep.is_some_and(|keep| !running.contains(&keep));
        if is_unknown && self.is(Fault::EndsNothingForAnUnknownKeep) {
            running.clear();
        }
        if !self.is(Fault::EndsTheKeptToo) {
            running.retain(|id| Some(*id) != keep);
        }
        running.truncate(self.at_most(1000, Fault::EndsTheFirst1000));
        running
    }

    pub(super) fn put(&self, rows: &mut Rows, id: SessionId, next: SessionState) {
        if next.ended.is_some() && self.is(Fault::TellsNoEndsBySwap) {
            rows.untold.insert(id);
        }
        rows.change(id, |kept| {
            match self.is(Fault::SwapsToTheEndAndKeepsAll) {
                true => kept.state = next,
                false => kept.replace_state(next),
            };
        });
    }

    pub(super) fn told(
        &self,
        rows: &Rows,
        since: Timestamp,
        after: Option<SessionId>,
        limit: usize,
    ) -> Vec<(SessionId, Timestamp)> {
        let told = rows.kept.values().filter_map(|record| {
            let id = record.session.id;
            let at = self.end_of(record).filter(|_| !rows.untold.contains(&id))?;
            Some((id, at))
        });
        let mut told: Vec<_> = told
            .filter(|&(id, at)| self.may_tell(id, at, since, after))
            .collect();
        told.sort_by_key(|&(id, at)| match self.is(Fault::TellsByIdentifier) {
            true => (since, id),
            false => (at, id),
        });
        if !self.is(Fault::TellsBeyondTheLimit) {
            told.truncate(limit);
        }
        told
    }

    fn end_of(&self, record: &Record) -> Option<Timestamp> {
        let now = self.clock.now();
        let state = &record.state;
        let expired =
            Some(state.expires_at).filter(|at| self.is(Fault::TellsWhatHasExpired) && *at <= now);
        let of_late = |at: &Timestamp| !self.is(Fault::TellsEndsOfAnHour) || now - HOUR <= *at;
        let ended = state.ended.map(|ended| ended.at);
        ended.or(expired).filter(of_late)
    }

    fn may_tell(
        &self,
        id: SessionId,
        at: Timestamp,
        since: Timestamp,
        after: Option<SessionId>,
    ) -> bool {
        let is_above = Some(id) > after || (self.is(Fault::TellsTheCursorToo) && Some(id) == after);
        if self.is(Fault::TellsTheCursorAtAnyTime) {
            return since <= at && is_above;
        }
        let is_at_once = since == at && is_above && !self.is(Fault::TellsOnlyLaterEnds);
        since < at || is_at_once
    }
}
