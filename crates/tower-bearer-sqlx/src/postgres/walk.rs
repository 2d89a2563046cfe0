//! Lists all sessions.

use uuid::Uuid;

use tower_bearer::store::{Cursor, ListedAll, StoreError};

use crate::walk;

use super::{
    PostgresStore,
    row::{self, statement},
};

impl PostgresStore {
    pub(super) async fn walk(
        &self,
        issuer: &str,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<ListedAll, StoreError> {
        let before = walk::before(after)?.map(|id| id.as_uuid());
        let edge = statement(&self.statements.edge)
            .bind(before.unwrap_or(Uuid::max()))
            .bind(before);
        let edge = self.connections.read(edge).await?;
        let edge = edge.first().map(row::optional_id).transpose()?.flatten();
        let list = statement(&self.statements.list_all)
            .bind(before.unwrap_or(Uuid::max()))
            .bind(before)
            .bind(edge.map_or(Uuid::nil(), |id| id.as_uuid()))
            .bind(issuer.as_bytes())
            .bind(i64::try_from(limit).unwrap_or(i64::MAX));
        let rows = self.connections.read(list).await?;
        let records = rows.iter().map(row::read).filter_map(Result::transpose);
        let records = records.collect::<Result<_, _>>()?;
        Ok(walk::page(records, limit, edge, row::now(&rows)?))
    }
}
