//! Writes any number of rotations in one statement, and so in one commit, and swaps that end their
//! session alone.

use std::{
    collections::HashSet,
    slice,
    sync::{Arc, LazyLock},
};

use sqlx::AssertSqlSafe;

use tower_bearer::{
    claims::SessionId,
    store::{Ended, StoreError, StoreErrorKind, Swap},
};

use crate::{
    columns,
    grouping::{LARGEST, Outcome, Worker},
    pending_swap::PendingSwap,
    values,
};

use super::{
    error::is_of_a_row,
    row::{self, Statement},
    writer::Writer,
};

/// None of the swaps ends its session: SQLite writes to an index whenever a statement names one of
/// its columns.
const SWAP: &str = "
UPDATE tower_bearer_sessions
SET version = ?3, generation = ?4, rotated_at = ?5, delivered_at = ?6, confirmed_at = ?7, late = ?8,
    expires_at = ?9, last_refreshed_at = ?10, bound_to = ?11, state_extra = ?12
WHERE id = ?1 AND version = ?2 AND ended_at IS NULL
RETURNING id";

/// Statements, each with the number of swaps that it has room for. What is left of it is filled with
/// rows that are `NULL`, so that few statements have to be prepared. One swap needs no table of values,
/// and so no statistics make SQLite walk the table of sessions for it.
pub(super) static SWAPS: LazyLock<[(usize, Arc<str>); 4]> = LazyLock::new(|| {
    [1, 8, 24, LARGEST].map(|size| match size {
        1 => (size, SWAP.into()),
        _ => (size, swap_many(size)),
    })
});

/// The identifier, the expected version and the columns of a rotation.
const PARAMETERS: usize = 12;

fn swap_many(size: usize) -> Arc<str> {
    let row = format!("({})", ["?"; PARAMETERS].join(", "));
    let rows = vec![row; size].join(", ");
    format!(
        "WITH next (id, expected, version, generation, rotated_at, delivered_at, confirmed_at, late,
            expires_at, last_refreshed_at, bound_to, state_extra) AS (VALUES {rows})
        UPDATE tower_bearer_sessions AS kept
        SET version = next.version, generation = next.generation, rotated_at = next.rotated_at,
            delivered_at = next.delivered_at, confirmed_at = next.confirmed_at, late = next.late,
            expires_at = next.expires_at, last_refreshed_at = next.last_refreshed_at,
            bound_to = next.bound_to, state_extra = next.state_extra
        FROM next
        WHERE kept.id = next.id AND kept.version = next.expected AND kept.ended_at IS NULL
        RETURNING id"
    )
    .into()
}

/// A swap that ends its session, and drops what `Record::end` drops.
pub(super) const SWAP_ENDING: &str = "
UPDATE tower_bearer_sessions
SET version = ?1, generation = ?2, rotated_at = ?3, delivered_at = ?4, confirmed_at = ?5, late = ?6,
    expires_at = ?7, last_refreshed_at = ?8, bound_to = ?9, state_extra = ?10, ended_at = ?11,
    end_reason = ?12, ends_at = min(ends_at, ?13), claims = '{}', metadata = '{}'
WHERE id = ?14 AND version = ?15 AND ended_at IS NULL";

/// Writes swaps over the store's writing connection.
pub(super) struct SwapWriter(pub(super) Writer);

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
        match self.swapped(swaps).await {
            Ok(swapped) => {
                let outcome = |swap: &PendingSwap| match swapped.contains(&swap.id) {
                    true => Outcome::Done(Ok(Swap::Swapped)),
                    false => Outcome::Done(Ok(Swap::Lost)),
                };
                Ok(swaps.iter().map(outcome).collect())
            }
            Err(error) if swaps.len() > 1 && is_of_a_row(&error) => {
                Ok(swaps.iter().map(|_| Outcome::Alone).collect())
            }
            Err(error) => Err(error),
        }
    }

    async fn alone(&self, swap: &PendingSwap) -> Result<Swap, StoreError> {
        let written = match swap.next.ended {
            Some(ended) => self.ended(swap, ended).await?,
            None => !self.swapped(slice::from_ref(swap)).await?.is_empty(),
        };
        match written {
            true => Ok(Swap::Swapped),
            false => Ok(Swap::Lost),
        }
    }
}

impl SwapWriter {
    /// Writes the swap, which ends its session, and tells whether it was done.
    async fn ended(&self, swap: &PendingSwap, ended: Ended) -> Result<bool, StoreError> {
        let PendingSwap { id, expected, next } = swap;
        let swap = || {
            Ok(values::swap(sqlx::query(SWAP_ENDING), next)?
                .bind(columns::kept_until(next, ended))
                .bind(row::id_bytes(*id))
                .bind(columns::version(*expected)?))
        };
        Ok(self.0.execute(swap).await? > 0)
    }

    /// Writes the swaps, and gives the sessions whose swap was done.
    async fn swapped(&self, swaps: &[PendingSwap]) -> Result<HashSet<SessionId>, StoreError> {
        let swapped = self.0.fetch(|| statement(swaps)).await?;
        swapped.iter().map(row::id).collect()
    }
}

/// The statement for these swaps.
fn statement(swaps: &[PendingSwap]) -> Result<Statement, StoreError> {
    let fitting = SWAPS.iter().find(|(size, _)| *size >= swaps.len());
    let (size, text) = fitting.ok_or(StoreErrorKind::Unavailable)?;
    let mut statement = sqlx::query(AssertSqlSafe(Arc::clone(text)));
    for PendingSwap { id, expected, next } in swaps {
        let parameters = statement.bind(row::id_bytes(*id));
        let parameters = parameters.bind(columns::version(*expected)?);
        statement = values::rotation(parameters, next)?;
    }
    let nulls = PARAMETERS * (size - swaps.len());
    Ok((0..nulls).fold(statement, |statement, _| statement.bind(None::<i64>)))
}
