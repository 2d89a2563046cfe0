//! The checks after each step.

use std::{fmt::Debug, mem};

use proptest::prelude::*;

use tower_bearer::{
    bearer::SessionGuard,
    session::{Record, SessionEvent},
    store::SessionStore,
};

use crate::{Fixture, trial::difference};

use super::{
    history::{IDLE, Step},
    reference::Told,
    walked::Walked,
    world::{Checked, World},
};

impl<F: Fixture> World<'_, F> {
    /// Checks that the rows of the store and the events of the servers are those of the oracle, and
    /// what must hold whatever the oracle says.
    pub(super) fn check(&mut self, step: &Step, walked: &mut Walked) -> Checked {
        self.let_go();
        let told = |event: SessionEvent| (event.kind, event.session, event.distance);
        let events = self.events();
        let expected: Vec<Told> = mem::take(&mut self.reference.told);
        walked.count(&events);
        let overtaken = mem::take(&mut self.reference.overtaken);
        walked.add("late_after_confirmation", overtaken);
        prop_assert_eq!(sorted(events.into_iter().map(told)), sorted(expected));
        for client in 0..self.clients.len() {
            self.check_session(client, step)?;
        }
        for subject in self.subjects.clone() {
            self.check_list(&subject)?;
        }
        self.check_ends()
    }

    fn check_session(&mut self, client: usize, step: &Step) -> Checked {
        let id = self.clients[client].held(0).id;
        let row = self.row(id);
        let expected = self.reference.rows.get(&id);
        if let (Some(row), Some(expected)) = (&row, expected) {
            let difference = difference(row, expected);
            prop_assert!(
                difference.is_none(),
                "{id} has {}",
                difference.unwrap_or_default()
            );
        }
        prop_assert!(row.as_ref() == expected, "{row:?} is not {expected:?}");
        let now = self.now();
        self.clients[client].checks_row(row.as_ref(), now, step)?;
        let is_live = self.wait_for(self.servers[0].is_live(id)).unwrap();
        let now = self.told(0);
        let runs = |row: Record| row.state.ended.is_none() && now < row.session.ends_at;
        prop_assert_eq!(is_live, row.is_some_and(runs));
        Ok(())
    }

    /// Other histories have left sessions in the store too.
    fn check_ends(&mut self) -> Checked {
        let since = self.now() - IDLE;
        let store = self.servers[0].store();
        let told = self
            .wait_for(store.ended_since(since, None, usize::MAX))
            .unwrap();
        // What may be deleted may be gone or not.
        let now = self.now();
        let rows = &self.reference.rows;
        let is_kept = |row: &Record| now < row.session.ends_at;
        let told = told
            .into_iter()
            .filter(|(id, _)| rows.get(id).is_some_and(is_kept));
        let told: Vec<_> = told.collect();
        prop_assert_eq!(told, self.reference.ended_since(since, now));
        Ok(())
    }

    /// A session that ends while the list is made may be in it or not.
    fn check_list(&mut self, subject: &str) -> Checked {
        let before = self.now();
        let listed = self.wait_for(self.servers[1].list(subject)).unwrap();
        let mut ids: Vec<_> = listed.sessions.iter().map(|session| session.sid).collect();
        let mut expected = self.reference.live(subject, before);
        let still = self.reference.live(subject, self.now());
        let ending: Vec<_> = expected.iter().filter(|id| !still.contains(id)).collect();
        let ending: Vec<_> = ending.into_iter().copied().collect();
        ids.retain(|id| !ending.contains(id));
        expected.retain(|id| !ending.contains(id));
        prop_assert_eq!(ids, expected);
        Ok(())
    }
}

/// Sorts events, since two servers may emit them in any order.
pub(super) fn sorted<T: Debug>(all: impl IntoIterator<Item = T>) -> Vec<T> {
    let mut all: Vec<T> = all.into_iter().collect();
    all.sort_by_cached_key(|one| format!("{one:?}"));
    all
}
