//! Writes any number of rotations in one statement, and so in one commit, and swaps that end their
//! session alone.

use std::{collections::HashSet, fmt::Write, slice};

use serde::Serialize;
use sqlx::SqlitePool;

use tower_bearer::{
    claims::SessionId,
    store::{Ended, SessionState, StoreError, StoreErrorKind, Swap},
};

use crate::{
    columns::{self, millis},
    grouping::{Outcome, Worker},
    pending_swap::PendingSwap,
};

use super::{
    error::{failed, is_of_a_row},
    row,
};

/// The swaps are one JSON text, so that one prepared statement serves any number of them. None of
/// them ends its session: SQLite writes to an index whenever a statement names one of its columns.
pub(super) const SWAP: &str = "
UPDATE tower_bearer_sessions AS kept
SET generation = next.value ->> 'generation', rotated_at = next.value ->> 'rotated_at',
    delivered_at = next.value ->> 'delivered_at', confirmed_at = next.value ->> 'confirmed_at',
    late = next.value ->> 'late', expires_at = next.value ->> 'expires_at',
    last_refreshed_at = next.value ->> 'last_refreshed_at', version = next.value ->> 'version',
    bound_to = unhex(next.value ->> 'bound_to')
FROM json_each(?) AS next
WHERE kept.id = unhex(next.value ->> 'id') AND kept.version = next.value ->> 'expected'
    AND kept.ended_at IS NULL
RETURNING id";

/// A swap that ends its session, and drops what `Record::end` drops.
pub(super) const SWAP_ENDING: &str = "
UPDATE tower_bearer_sessions
SET version = ?1, generation = ?2, rotated_at = ?3, delivered_at = ?4, confirmed_at = ?5, late = ?6,
    expires_at = ?7, last_refreshed_at = ?8, bound_to = ?9, ended_at = ?10, end_reason = ?11,
    ends_at = min(ends_at, ?12), claims = '{}', metadata = '{}'
WHERE id = ?13 AND version = ?14 AND ended_at IS NULL";

#[derive(Serialize)]
struct Row {
    id: String,
    expected: i64,
    generation: u32,
    rotated_at: Option<i64>,
    delivered_at: Option<i64>,
    confirmed_at: Option<i64>,
    late: u32,
    expires_at: i64,
    last_refreshed_at: Option<i64>,
    version: i64,
    bound_to: Option<String>,
}

/// Writes swaps over the store's writing connection.
pub(super) struct SwapWriter(pub(super) SqlitePool);

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
        let swap = row::bind_state(sqlx::query(SWAP_ENDING), next)?
            .bind(columns::kept_until(next, ended))
            .bind(row::id_bytes(*id))
            .bind(columns::version(*expected)?);
        let done = swap.execute(&self.0).await.map_err(failed)?;
        Ok(done.rows_affected() > 0)
    }

    /// Writes the swaps, and gives the sessions whose swap was done.
    async fn swapped(&self, swaps: &[PendingSwap]) -> Result<HashSet<SessionId>, StoreError> {
        let rows: Vec<_> = swaps.iter().map(Row::new).collect::<Result<_, _>>()?;
        let rows = serde_json::to_string(&rows)
            .map_err(|error| StoreError::with_source(StoreErrorKind::Corrupt, error))?;
        let swapped = sqlx::query(SWAP).bind(rows).fetch_all(&self.0);
        swapped.await.map_err(failed)?.iter().map(row::id).collect()
    }
}

impl Row {
    fn new(swap: &PendingSwap) -> Result<Self, StoreError> {
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
        } = next;
        Ok(Self {
            id: id.as_uuid().simple().to_string(),
            expected: columns::version(*expected)?,
            version: columns::version(*version)?,
            generation: *generation,
            rotated_at: millis(*rotated_at),
            delivered_at: millis(*delivered_at),
            confirmed_at: millis(*confirmed_at),
            late: *late,
            expires_at: expires_at.as_millis(),
            last_refreshed_at: millis(*last_refreshed_at),
            bound_to: bound_to.as_ref().map(|key| hex(key.as_bytes())),
        })
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut hex, byte| {
        // Writing to a `String` never fails.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}
