//! Swaps: any number of them in one statement, and so in one commit.

use std::collections::HashSet;

use serde::Serialize;
use sqlx::SqlitePool;

use super::{error::failed, row};
use crate::{
    claims::SessionId,
    store::{
        StoreError, StoreErrorKind,
        columns::{self, millis},
        group_commit::Pending,
    },
};

/// The swaps come as one JSON text, so that one prepared statement serves any number of them.
pub(super) const SWAP: &str = "
UPDATE tower_bearer_sessions AS kept
SET generation = next.value ->> 'generation', rotated_at = next.value ->> 'rotated_at',
    delivered_at = next.value ->> 'delivered_at', confirmed_at = next.value ->> 'confirmed_at',
    late = next.value ->> 'late', expires_at = next.value ->> 'expires_at',
    revoked_at = next.value ->> 'revoked_at', revoked_reason = next.value ->> 'revoked_reason',
    last_refreshed_at = next.value ->> 'last_refreshed_at', version = next.value ->> 'version'
FROM json_each(?) AS next
WHERE kept.id = unhex(next.value ->> 'id') AND kept.version = next.value ->> 'expected'
    AND kept.revoked_at IS NULL
RETURNING id";

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
    revoked_at: Option<i64>,
    revoked_reason: Option<&'static str>,
    last_refreshed_at: Option<i64>,
    version: i64,
}

/// Writes the swaps and tells which sessions it has swapped.
pub(super) async fn write(
    writer: SqlitePool,
    swaps: Vec<Pending>,
) -> Result<HashSet<SessionId>, StoreError> {
    let rows: Vec<_> = swaps.iter().filter_map(Row::new).collect();
    let rows = serde_json::to_string(&rows)
        .map_err(|error| StoreError::with_source(StoreErrorKind::Corrupt, error))?;
    let swapped = sqlx::query(SWAP).bind(rows).fetch_all(&writer);
    swapped.await.map_err(failed)?.iter().map(row::id).collect()
}

impl Row {
    /// Nothing where a version is beyond what a column holds: no row has it.
    fn new(Pending { expected, next }: &Pending) -> Option<Self> {
        Some(Self {
            id: next.id.as_uuid().simple().to_string(),
            expected: i64::try_from(*expected).ok()?,
            generation: next.generation,
            rotated_at: millis(next.rotated_at),
            delivered_at: millis(next.delivered_at),
            confirmed_at: millis(next.confirmed_at),
            late: next.late,
            expires_at: next.expires_at.as_millis(),
            revoked_at: columns::revoked_at(next.revoked),
            revoked_reason: columns::reason(next.revoked),
            last_refreshed_at: millis(next.last_refreshed_at),
            version: i64::try_from(next.version).ok()?,
        })
    }
}
