//! Lists all sessions.

use tower_bearer::store::{Cursor, ListedAll, StoreError};

use crate::{
    columns,
    walk::{self, WALKED},
};

use super::{ABOVE_ALL, SqliteStore, error::failed, row};

/// The last row that a page of the list of all looks at, if there are as many.
pub(super) const EDGE: &str =
    "SELECT id FROM tower_bearer_sessions WHERE id < ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2";
/// Without an edge, `?2` is the empty blob, which is below every identifier. The `+` keeps SQLite from
/// the index by issuer.
pub(super) const LIST_ALL: &str = concat!(
    "SELECT ",
    columns::names!(),
    " FROM tower_bearer_sessions
    WHERE id < ?1 AND id >= ?2 AND +issuer = ?3
        AND ended_at IS NULL AND expires_at > ?4 AND ends_at > ?4
    ORDER BY id DESC LIMIT ?5"
);

impl SqliteStore {
    pub(super) async fn walk(
        &self,
        issuer: &str,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<ListedAll, StoreError> {
        let below = walk::before(after)?.map_or(ABOVE_ALL.to_vec(), row::id_bytes);
        let mut reader = self.readers.acquire().await.map_err(failed)?;
        let now = self.clock.now();
        let edge = sqlx::query(EDGE).bind(below.clone()).bind(WALKED - 1);
        let edge = edge.fetch_optional(&mut *reader).await.map_err(failed)?;
        let edge = edge.as_ref().map(row::id).transpose()?;
        let list = sqlx::query(LIST_ALL)
            .bind(below)
            .bind(edge.map(row::id_bytes).unwrap_or_default())
            .bind(issuer)
            .bind(now.as_millis())
            .bind(i64::try_from(limit).unwrap_or(i64::MAX));
        let rows = list.fetch_all(&mut *reader).await.map_err(failed)?;
        let records = rows.iter().map(row::read).collect::<Result<_, _>>()?;
        Ok(walk::page(records, limit, edge, now))
    }
}
