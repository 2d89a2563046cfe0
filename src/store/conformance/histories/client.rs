//! A client of one session, and what may never happen to it, whatever the decision says.

use std::collections::HashMap;

use super::{
    history::{ACCESS, LONGEST, Step},
    table::Watched,
};
use crate::{clock::Timestamp, session::Session, store::conformance::tokens::Held};
use proptest::prelude::*;
use serde_json::Value;

#[derive(Clone)]
pub(super) struct Client {
    pub(super) subject: String,
    /// What it got, newest last; never replaced by a lower generation.
    held: Vec<Held>,
    pub(super) watched: Watched,
    /// The rows that the session has had, with what was known of them.
    past: Vec<(Session, Watched)>,
    /// The claims of the refresh token of each generation.
    claims: HashMap<u32, Value>,
}

impl Client {
    pub(super) fn new(first: Held, row: Session) -> Self {
        let watched = Watched::new(row.created_at, LONGEST);
        Self {
            subject: row.subject.clone(),
            claims: [(0, first.refresh.clone())].into(),
            held: vec![first],
            past: vec![(row, watched.clone())],
            watched,
        }
    }

    pub(super) fn held(&self, back: usize) -> &Held {
        let newest = self.held.len() - 1;
        &self.held[newest - back.min(newest)]
    }

    pub(super) fn keep(&mut self, held: Held) {
        if held.presented.generation > self.held(0).presented.generation {
            self.held.push(held);
        }
    }

    /// The row some writes ago; the client's store is there again.
    pub(super) fn lose_writes(&mut self, back: usize) -> Session {
        let newest = self.past.len() - 1;
        // What is lost is lost: a later failover does not bring it back.
        self.past.truncate(newest - back.min(newest) + 1);
        let (row, watched) = &self.past[self.past.len() - 1];
        self.watched = watched.clone();
        // What was made after that will be made again, at another time.
        self.claims
            .retain(|generation, _| *generation <= row.generation);
        row.clone()
    }

    pub(super) fn checks_answer(
        &mut self,
        held: &Held,
        row: &Session,
        now: Timestamp,
    ) -> Result<(), TestCaseError> {
        let (refresh, access) = (&held.refresh, held.access.claims());
        let generation = held.presented.generation;
        let jti = |claims: &Value| claims["jti"] == refresh["jti"];
        let mut others = self.claims.iter().filter(|(of, _)| **of != generation);
        prop_assert!(
            !others.any(|(_, claims)| jti(claims)),
            "one jti for two generations"
        );
        let one = self.claims.entry(generation).or_insert(refresh.clone());
        prop_assert_eq!(&*one, refresh, "two answers for one generation differ");
        prop_assert_eq!(
            generation,
            row.generation,
            "an answer of a passed generation"
        );
        prop_assert_eq!(held.id, row.id);
        prop_assert!(held.presented.exp <= row.ends_at && held.presented.exp <= row.expires_at);

        prop_assert_eq!(access.session_id(), Some(row.id));
        prop_assert_eq!(access.generation, Some(generation));
        prop_assert_eq!(&access.sub, &row.subject);
        prop_assert_eq!(&access.scope, &row.scope);
        prop_assert!(
            access.exp <= row.ends_at,
            "an access token outlives its session"
        );
        prop_assert!(
            access.exp <= row.expires_at,
            "an access token outlives the refresh token"
        );
        prop_assert!(access.exp <= (now + ACCESS).ceil());
        let left = row.expires_at.saturating_since(now);
        prop_assert!(access.exp <= (now + left / 2).ceil(), "no time to refresh");
        Ok(())
    }

    /// What holds of any two rows of a session, one after the other.
    pub(super) fn checks_row(
        &mut self,
        row: Option<&Session>,
        now: Timestamp,
        step: &Step,
    ) -> Result<(), TestCaseError> {
        let (before, _) = &self.past[self.past.len() - 1];
        let Some(row) = row else {
            prop_assert!(before.ends_at <= now || self.watched.is_over());
            self.watched.revoke();
            return Ok(());
        };
        if before.revoked.is_some() {
            prop_assert_eq!(row, before, "revoked is final");
        }
        prop_assert!(row.version >= before.version);
        prop_assert!(row.version > before.version || row == before);
        prop_assert_eq!(row.ends_at, before.ends_at);
        prop_assert!(row.expires_at <= row.ends_at);
        if !matches!(step, Step::LoseWrites { .. }) {
            prop_assert!(
                row.generation >= before.generation,
                "a generation came back"
            );
            let is_same = row.generation == before.generation;
            prop_assert!(
                !is_same || row.expires_at == before.expires_at,
                "a lifetime moved"
            );
        }
        if row.revoked.is_some() {
            self.watched.revoke();
        }
        if matches!(step, Step::Flush { .. }) {
            self.watched.confirmed = self.watched.confirmed.or(row.confirmed_at);
        }
        prop_assert_eq!(
            Watched::of(row),
            self.watched.clone(),
            "not as the table says"
        );
        if row.version > before.version {
            self.past.push((row.clone(), self.watched.clone()));
        }
        Ok(())
    }
}
