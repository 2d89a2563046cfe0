//! Indexes of the sessions: those that are not ended by subject, those that are by the time of
//! their end, and all by `ends_at`.

use std::{
    borrow::Borrow,
    cmp::Ordering,
    collections::{BTreeMap, BTreeSet},
    ops::Bound,
    sync::Arc,
};

use super::kept::Kept;
use crate::{claims::SessionId, clock::Timestamp, store::Record};

/// The sessions that are not ended by issuer, then by subject and identifier. An issuer is removed
/// with its last session.
#[derive(Default)]
pub(super) struct Subjects(BTreeMap<Arc<str>, BTreeSet<BySubject>>);

impl Subjects {
    /// Adds the session. All sessions of an issuer share one copy of its name.
    #[expect(
        clippy::mutable_key_type,
        reason = "what the order looks at never changes"
    )]
    pub(super) fn add(&mut self, record: &Record) -> Arc<Kept> {
        let issuer = record.session.issuer.as_str();
        let known = self.0.get_key_value(issuer);
        let issuer = known.map_or_else(|| issuer.into(), |(issuer, _)| Arc::clone(issuer));
        let kept = Arc::new(Kept::new(record, Arc::clone(&issuer)));
        let subjects = self.0.entry(issuer).or_default();
        subjects.insert(BySubject(Arc::clone(&kept)));
        kept
    }

    pub(super) fn remove(&mut self, session: &Kept) {
        let Some(subjects) = self.0.get_mut(session.issuer()) else {
            return;
        };
        let place: &dyn Place = &(&*session.subject, session.id);
        subjects.remove(place);
        if subjects.is_empty() {
            self.0.remove(session.issuer());
        }
    }

    /// The subject's sessions with an identifier below `before`, highest first.
    pub(super) fn below(
        &self,
        issuer: &str,
        subject: &str,
        before: Option<SessionId>,
    ) -> impl Iterator<Item = SessionId> {
        let to = (subject, before.unwrap_or(HIGHEST));
        let to: &dyn Place = &to;
        let to = before.map_or(Bound::Included(to), |_| Bound::Excluded(to));
        let from: Bound<&dyn Place> = Bound::Unbounded;
        let subjects = self.0.get(issuer);
        let sessions = subjects.map(|all| all.range::<dyn Place, _>((from, to)).rev());
        let sessions = sessions.into_iter().flatten().map(|entry| &entry.0);
        sessions
            .take_while(move |kept| *kept.subject == *subject)
            .map(|kept| kept.id)
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.0.values().map(BTreeSet::len).sum()
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

const LOWEST: SessionId = SessionId::from_uuid(uuid::Uuid::nil());
const HIGHEST: SessionId = SessionId::from_uuid(uuid::Uuid::max());

struct BySubject(Arc<Kept>);

/// A place in the order by subject: that of a session, or one to search for.
trait Place {
    fn place(&self) -> (&str, SessionId);
}

impl Place for BySubject {
    fn place(&self) -> (&str, SessionId) {
        (&self.0.subject, self.0.id)
    }
}

impl Place for (&str, SessionId) {
    fn place(&self) -> (&str, SessionId) {
        *self
    }
}

impl<'a> Borrow<dyn Place + 'a> for BySubject {
    fn borrow(&self) -> &(dyn Place + 'a) {
        self
    }
}

impl Ord for dyn Place + '_ {
    fn cmp(&self, other: &Self) -> Ordering {
        self.place().cmp(&other.place())
    }
}

impl PartialOrd for dyn Place + '_ {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for dyn Place + '_ {
    fn eq(&self, other: &Self) -> bool {
        self.place() == other.place()
    }
}

impl Eq for dyn Place + '_ {}

impl Ord for BySubject {
    fn cmp(&self, other: &Self) -> Ordering {
        self.place().cmp(&other.place())
    }
}

impl PartialOrd for BySubject {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for BySubject {
    fn eq(&self, other: &Self) -> bool {
        self.place() == other.place()
    }
}

impl Eq for BySubject {}

/// The sessions by `ends_at`. Those to be deleted come first.
#[derive(Default)]
pub(super) struct Ends(BTreeSet<ByEnd>);

impl Ends {
    pub(super) fn add(&mut self, session: Arc<Kept>) {
        self.0.insert(ByEnd(session));
    }

    /// Takes the first session out if its `ends_at` has come.
    pub(super) fn pop(&mut self, now: Timestamp) -> Option<SessionId> {
        let first = self.0.first()?;
        if now < first.0.ends_at {
            return None;
        }
        self.0.pop_first().map(|first| first.0.id)
    }

    pub(super) fn remove(&mut self, session: Arc<Kept>) {
        self.0.remove(&ByEnd(session));
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    #[cfg(test)]
    pub(super) fn has(&self, session: &Arc<Kept>) -> bool {
        let found = self.0.get(&ByEnd(Arc::clone(session)));
        found.is_some_and(|found| Arc::ptr_eq(&found.0, session))
    }
}

/// The ended sessions by the time of their end.
#[derive(Default)]
pub(super) struct Ended(BTreeSet<(Timestamp, SessionId)>);

impl Ended {
    pub(super) fn add(&mut self, at: Timestamp, id: SessionId) {
        self.0.insert((at, id));
    }

    pub(super) fn remove(&mut self, at: Timestamp, id: SessionId) {
        self.0.remove(&(at, id));
    }

    /// Those that were ended at `since` or later, earliest first; of those that were ended at
    /// `since` itself only the ones above `after`.
    pub(super) fn since(
        &self,
        since: Timestamp,
        after: Option<SessionId>,
    ) -> impl Iterator<Item = (SessionId, Timestamp)> {
        let from = after.map_or(Bound::Included((since, LOWEST)), |id| {
            Bound::Excluded((since, id))
        });
        let ended = self.0.range((from, Bound::Unbounded));
        ended.map(|(at, id)| (*id, *at))
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

struct ByEnd(Arc<Kept>);

impl ByEnd {
    fn place(&self) -> (Timestamp, SessionId) {
        (self.0.ends_at, self.0.id)
    }
}

impl Ord for ByEnd {
    fn cmp(&self, other: &Self) -> Ordering {
        self.place().cmp(&other.place())
    }
}

impl PartialOrd for ByEnd {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for ByEnd {
    fn eq(&self, other: &Self) -> bool {
        self.place() == other.place()
    }
}

impl Eq for ByEnd {}
