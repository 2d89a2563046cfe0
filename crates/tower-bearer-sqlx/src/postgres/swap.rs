//! Writes swaps: a single one, or several in one statement and so in one commit.

use std::{collections::HashSet, sync::Arc};

use tokio::sync::Semaphore;
use uuid::Uuid;

use tower_bearer::{
    claims::SessionId,
    store::{SessionState, StoreError, StoreErrorKind, Swap},
};

use crate::{
    columns::{self, millis},
    grouping::{Outcome, Worker},
    pending_swap::PendingSwap,
    values,
};

use super::{
    connections::Connections,
    error::is_of_a_row,
    row::{self, Statement, statement},
    statements::Statements,
};

/// Writes swaps over the store's connections.
pub(super) struct SwapWriter {
    connections: Arc<Connections>,
    statements: Arc<Statements>,
    /// Limits the swaps that are written alone, each of which may wait for a row's lock.
    alone: Arc<Semaphore>,
}

impl Worker for SwapWriter {
    type Call = PendingSwap;
    type Answer = Swap;

    fn apart(swap: &PendingSwap) -> Option<SessionId> {
        Some(swap.id)
    }

    /// The end of a session need not wait for rotations.
    fn is_urgent(swap: &PendingSwap) -> bool {
        swap.next.ended.is_some()
    }

    async fn together(&self, swaps: &[PendingSwap]) -> Result<Vec<Outcome<Swap>>, StoreError> {
        if let [swap] = swaps {
            return Ok(vec![self.soon(swap).await?]);
        }
        let many = Columns::of(swaps)?.bind(&self.statements.swap_many);
        let swapped: HashSet<SessionId> = match self.connections.write_here(many).await {
            Ok(rows) => rows.iter().map(row::id).collect::<Result<_, _>>()?,
            Err(error) if is_of_a_row(&error) => HashSet::new(),
            Err(error) => return Err(error),
        };
        let written = |swap: &PendingSwap| match swapped.contains(&swap.id) {
            true => Outcome::Done(Ok(Swap::Swapped)),
            false => Outcome::Alone,
        };
        Ok(swaps.iter().map(written).collect())
    }

    async fn alone(&self, swap: &PendingSwap) -> Result<Swap, StoreError> {
        let rows = match swap.next.ended {
            Some(ended) => {
                let kept_until = columns::kept_until(&swap.next, ended);
                let statement = one(&self.statements.swap_ending, swap)?.bind(kept_until);
                self.connections.write(statement).await?
            }
            None => {
                let statement = one(&self.statements.swap, swap)?;
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

    /// Writes one swap, unless another transaction keeps its session locked for too long.
    async fn soon(&self, swap: &PendingSwap) -> Result<Outcome<Swap>, StoreError> {
        let statement = one(&self.statements.swap_soon, swap)?;
        match self.connections.write_here(statement).await {
            Ok(rows) => Ok(Outcome::Done(Ok(outcome(rows.len())))),
            Err(error) if error.kind() == StoreErrorKind::Busy => Ok(Outcome::Alone),
            Err(error) => Err(error),
        }
    }
}

fn one(text: &Arc<str>, swap: &PendingSwap) -> Result<Statement, StoreError> {
    let PendingSwap { id, expected, next } = swap;
    let statement = statement(text)
        .bind(id.as_uuid())
        .bind(columns::version(*expected)?);
    values::swap(statement, next)
}

/// Swaps of different sessions, with a list of values for each column. None of them ends its
/// session.
#[derive(Default)]
struct Columns {
    id: Vec<Uuid>,
    expected: Vec<i64>,
    version: Vec<i64>,
    generation: Vec<i64>,
    rotated_at: Vec<Option<i64>>,
    delivered_at: Vec<Option<i64>>,
    confirmed_at: Vec<Option<i64>>,
    late: Vec<i64>,
    expires_at: Vec<i64>,
    last_refreshed_at: Vec<Option<i64>>,
    bound_to: Vec<Option<Vec<u8>>>,
    state_extra: Vec<Vec<u8>>,
}

impl Columns {
    fn of(swaps: &[PendingSwap]) -> Result<Self, StoreError> {
        let mut columns = Self::default();
        for swap in swaps {
            columns.push(swap)?;
        }
        Ok(columns)
    }

    fn push(&mut self, swap: &PendingSwap) -> Result<(), StoreError> {
        let PendingSwap { id, expected, next } = swap;
        let SessionState {
            version,
            generation,
            rotated_at,
            delivered_at,
            confirmed_at,
            late,
            expires_at,
            last_refreshed_at,
            ended: _,
            bound_to,
            extra,
        } = next;
        self.id.push(id.as_uuid());
        self.expected.push(columns::version(*expected)?);
        self.version.push(columns::version(*version)?);
        self.generation.push(i64::from(*generation));
        self.rotated_at.push(millis(*rotated_at));
        self.delivered_at.push(millis(*delivered_at));
        self.confirmed_at.push(millis(*confirmed_at));
        self.late.push(i64::from(*late));
        self.expires_at.push(expires_at.as_millis());
        self.last_refreshed_at.push(millis(*last_refreshed_at));
        let key = bound_to.as_ref().map(|key| key.as_bytes().to_vec());
        self.bound_to.push(key);
        self.state_extra.push(extra.to_json().into_bytes());
        Ok(())
    }

    fn bind(self, text: &Arc<str>) -> Statement {
        statement(text)
            .bind(self.id)
            .bind(self.expected)
            .bind(self.version)
            .bind(self.generation)
            .bind(self.rotated_at)
            .bind(self.delivered_at)
            .bind(self.confirmed_at)
            .bind(self.late)
            .bind(self.expires_at)
            .bind(self.last_refreshed_at)
            .bind(self.bound_to)
            .bind(self.state_extra)
    }
}
