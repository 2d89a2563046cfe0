//! Swaps: one in a statement, or any number of them, and so in one commit.

use std::{collections::HashSet, sync::Arc};

use tokio::sync::Semaphore;
use uuid::Uuid;

use super::{
    connections::Connections,
    error::is_of_a_row,
    row::{self, Statement, statement},
    statements::Statements,
};
use tower_bearer::{
    claims::SessionId,
    clock::Timestamp,
    store::{StoreError, StoreErrorKind, Swap},
};

use crate::{
    columns::{self, millis},
    group_commit::{Pending, Writer, Written},
};

/// Writes swaps over the store's connections.
pub(super) struct SwapWriter {
    connections: Arc<Connections>,
    statements: Arc<Statements>,
    /// For swaps that are written alone, each of which may wait for a row's lock.
    alone: Arc<Semaphore>,
}

impl Writer for SwapWriter {
    async fn write(&self, swaps: &[Pending]) -> Result<Vec<Written>, StoreError> {
        if let [swap] = swaps {
            return Ok(vec![self.soon(swap).await?]);
        }
        let swapped: HashSet<SessionId> = match self.connections.write_here(self.many(swaps)).await
        {
            Ok(rows) => rows.iter().map(row::id).collect::<Result<_, _>>()?,
            Err(error) if is_of_a_row(&error) => HashSet::new(),
            Err(error) => return Err(error),
        };
        let written = |swap: &Pending| match swapped.contains(&swap.id) {
            true => Written::Done(Swap::Swapped),
            false => Written::Not,
        };
        Ok(swaps.iter().map(written).collect())
    }

    async fn write_alone(&self, swap: Pending) -> Result<Swap, StoreError> {
        let statement = Self::one(&self.statements.swap, &swap);
        let rows = match swap.revoked {
            Some(_) => self.connections.write(statement).await?,
            None => {
                let turn = Arc::clone(&self.alone).acquire_owned().await.ok();
                self.connections.write_holding(statement, turn).await?
            }
        };
        Ok(outcome(rows.len()))
    }
}

fn outcome(rows: usize) -> Swap {
    match rows {
        0 => Swap::Lost,
        _ => Swap::Swapped,
    }
}

impl SwapWriter {
    pub(super) fn new(connections: &Arc<Connections>, statements: &Arc<Statements>) -> Self {
        Self {
            connections: Arc::clone(connections),
            statements: Arc::clone(statements),
            alone: Arc::new(Semaphore::new(connections.beside_lanes())),
        }
    }

    /// One swap, unless somebody else has locked its session for longer than a moment.
    async fn soon(&self, swap: &Pending) -> Result<Written, StoreError> {
        let statement = Self::one(&self.statements.swap_soon, swap);
        match self.connections.write_here(statement).await {
            Ok(rows) => Ok(Written::Done(outcome(rows.len()))),
            Err(error) if error.kind() == StoreErrorKind::Busy => Ok(Written::Not),
            Err(error) => Err(error),
        }
    }

    fn one(text: &Arc<str>, swap: &Pending) -> Statement {
        statement(text)
            .bind(swap.id.as_uuid())
            .bind(version(swap.expected))
            .bind(i64::from(swap.generation))
            .bind(millis(swap.rotated_at))
            .bind(millis(swap.delivered_at))
            .bind(millis(swap.confirmed_at))
            .bind(i64::from(swap.late))
            .bind(swap.expires_at.as_millis())
            .bind(millis(swap.last_refreshed_at))
            .bind(version(swap.version))
            .bind(columns::revoked_at(swap.revoked))
            .bind(columns::reason(swap.revoked))
    }

    /// A list for each column. None of these swaps revokes.
    fn many(&self, swaps: &[Pending]) -> Statement {
        let rows = || swaps.iter();
        let ids: Vec<Uuid> = rows().map(|swap| swap.id.as_uuid()).collect();
        let numbers = |of: fn(&Pending) -> i64| rows().map(of).collect::<Vec<_>>();
        let times = |of: fn(&Pending) -> Option<Timestamp>| -> Vec<_> {
            rows().map(|swap| millis(of(swap))).collect()
        };
        statement(&self.statements.swap_many)
            .bind(ids)
            .bind(numbers(|swap| version(swap.expected)))
            .bind(numbers(|swap| i64::from(swap.generation)))
            .bind(times(|swap| swap.rotated_at))
            .bind(times(|swap| swap.delivered_at))
            .bind(times(|swap| swap.confirmed_at))
            .bind(numbers(|swap| i64::from(swap.late)))
            .bind(numbers(|swap| swap.expires_at.as_millis()))
            .bind(times(|swap| swap.last_refreshed_at))
            .bind(numbers(|swap| version(swap.version)))
    }
}

fn version(version: u64) -> i64 {
    i64::try_from(version).unwrap_or(i64::MAX)
}
