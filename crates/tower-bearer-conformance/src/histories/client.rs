//! A client of one session, and checks of what must never happen to it, whatever the oracle says.

use std::{collections::HashMap, time::Duration};

use tower_bearer::{
    clock::Timestamp,
    session::{EndReason, Ended, Record},
};

use crate::tokens::Held;

use super::{
    history::{ACCESS, Step},
    table::Watched,
};
use proptest::prelude::*;
use serde_json::Value;

#[derive(Clone)]
pub(super) struct Client {
    pub(super) subject: String,
    /// The answers that it got, newest last. A lower generation never replaces a higher one.
    held: Vec<Held>,
    pub(super) watched: Watched,
    /// The rows that the session has had, and what was known at each.
    past: Vec<(Record, Watched)>,
    /// The claims of the refresh token of each generation.
    claims: HashMap<u32, Value>,
}

impl Client {
    pub(super) fn new(first: Held, row: Record, longest: Duration) -> Self {
        let watched = Watched::new(
            row.session.created_at,
            longest,
            row.state.bound_to.is_some(),
        );
        Self {
            subject: row.session.subject.clone(),
            claims: [(0, without_key(&first.refresh))].into(),
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

    /// Goes back to the row of some writes ago and returns it.
    pub(super) fn lose_writes(&mut self, back: usize) -> Record {
        let newest = self.past.len() - 1;
        // A later failover does not bring lost writes back.
        self.past.truncate(newest - back.min(newest) + 1);
        let (row, watched) = &self.past[self.past.len() - 1];
        self.watched = watched.clone();
        // Later generations will be made again, at another time.
        self.claims
            .retain(|generation, _| *generation <= row.state.generation);
        row.clone()
    }

    pub(super) fn checks_answer(
        &mut self,
        held: &Held,
        row: &Record,
        now: Timestamp,
    ) -> Result<(), TestCaseError> {
        let (refresh, access) = (&without_key(&held.refresh), held.access.claims());
        let bound_to = row.state.bound_to.clone();
        prop_assert_eq!(&held.key(), &bound_to, "a refresh token of another key");
        let jkt = access.cnf.as_ref().and_then(|cnf| cnf.jkt().cloned());
        prop_assert_eq!(jkt, bound_to, "an access token of another key");
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
            row.state.generation,
            "an answer of a passed generation"
        );
        prop_assert_eq!(held.id, row.session.id);
        prop_assert!(
            held.presented.exp <= row.session.ends_at && held.presented.exp <= row.state.expires_at
        );

        prop_assert_eq!(access.session_id(), Some(row.session.id));
        prop_assert_eq!(access.generation, Some(generation));
        prop_assert_eq!(&access.sub, &row.session.subject);
        prop_assert_eq!(&access.scope, &row.session.scope);
        prop_assert!(
            access.exp <= row.session.ends_at,
            "an access token outlives its session"
        );
        prop_assert!(
            access.exp <= row.state.expires_at,
            "an access token outlives the refresh token"
        );
        prop_assert!(access.exp <= now + ACCESS, "it lives too long");
        let left = row.state.expires_at.saturating_since(now);
        prop_assert!(access.exp <= (now + left / 2).ceil(), "no time to refresh");
        Ok(())
    }

    /// Checks what must hold for any two successive rows of a session.
    pub(super) fn checks_row(
        &mut self,
        row: Option<&Record>,
        now: Timestamp,
        step: &Step,
    ) -> Result<(), TestCaseError> {
        let (before, _) = &self.past[self.past.len() - 1];
        let Some(row) = row else {
            prop_assert!(before.session.ends_at <= now || self.watched.is_over());
            self.watched.delete();
            return Ok(());
        };
        if before.state.ended.is_some() {
            prop_assert_eq!(row, before, "ended is final");
        }
        prop_assert!(row.state.version >= before.state.version);
        prop_assert!(row.state.version > before.state.version || row == before);
        if row.state.ended.is_none() {
            prop_assert_eq!(&row.session, &before.session, "only an end changes it");
        }
        prop_assert!(row.state.expires_at <= row.session.ends_at);
        if !matches!(step, Step::LoseWrites { .. }) && before.state.bound_to.is_some() {
            prop_assert_eq!(
                &row.state.bound_to,
                &before.state.bound_to,
                "bound for ever"
            );
            let is_reuse = |ended: Ended| ended.reason == EndReason::Reuse;
            prop_assert!(!row.state.ended.is_some_and(is_reuse), "a copy is a thief");
        }
        if !matches!(step, Step::LoseWrites { .. }) {
            prop_assert!(
                row.state.generation >= before.state.generation,
                "a generation came back"
            );
            let is_same = row.state.generation == before.state.generation;
            prop_assert!(
                !is_same || row.state.expires_at == before.state.expires_at,
                "a lifetime moved"
            );
        }
        if let Some(ended) = row.state.ended {
            self.watched.end(ended.at);
            prop_assert!(row.session.metadata.is_empty(), "notes of an ended session");
        }
        if matches!(step, Step::Flush { .. }) {
            self.watched.confirmed = self.watched.confirmed.or(row.state.confirmed_at);
        }
        prop_assert_eq!(
            Watched::of(row),
            self.watched.clone(),
            "not as the table says"
        );
        if row.state.version > before.state.version {
            self.past.push((row.clone(), self.watched.clone()));
        }
        Ok(())
    }
}

/// The claims of a refresh token that are the same in all answers of its generation. A session may be
/// bound between two of them.
fn without_key(refresh: &Value) -> Value {
    let mut claims = refresh.clone();
    if let Some(claims) = claims.as_object_mut() {
        claims.remove("cnf");
    }
    claims
}
