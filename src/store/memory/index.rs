use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Bound,
};

use crate::{claims::SessionId, store::Session};

/// Which sessions a subject has: issuer, subject, identifiers. It holds no empty branch.
#[derive(Default)]
pub(super) struct Subjects(BTreeMap<String, BTreeMap<String, BTreeSet<SessionId>>>);

impl Subjects {
    pub(super) fn add(&mut self, session: &Session) {
        let subjects = self.0.entry(session.issuer.clone()).or_default();
        subjects
            .entry(session.subject.clone())
            .or_default()
            .insert(session.id);
    }

    pub(super) fn remove(&mut self, session: &Session) {
        let Some(subjects) = self.0.get_mut(&session.issuer) else {
            return;
        };
        if let Some(ids) = subjects.get_mut(&session.subject) {
            ids.remove(&session.id);
            if ids.is_empty() {
                subjects.remove(&session.subject);
            }
        }
        if subjects.is_empty() {
            self.0.remove(&session.issuer);
        }
    }

    /// The subject's sessions with an identifier above `after`, lowest first.
    pub(super) fn above(
        &self,
        issuer: &str,
        subject: &str,
        after: Option<SessionId>,
    ) -> impl Iterator<Item = SessionId> {
        let ids = self
            .0
            .get(issuer)
            .and_then(|subjects| subjects.get(subject));
        let above = (
            after.map_or(Bound::Unbounded, Bound::Excluded),
            Bound::Unbounded,
        );
        ids.into_iter()
            .flat_map(move |ids| ids.range(above))
            .copied()
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
