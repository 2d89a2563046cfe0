//! Lists the sessions of a subject, and all of an issuer.

use std::cmp::Reverse;

use sqlx::mysql::MySqlRow;
use uuid::Uuid;

use tower_bearer::{
    claims::SessionId,
    store::{Cursor, Listed, ListedAll, Record, StoreError},
};

use crate::walk;

use super::{
    MySqlStore, error,
    lists::up_to,
    row::{self, Statement},
};

const LOWEST: SessionId = SessionId::from_uuid(Uuid::nil());

impl MySqlStore {
    pub(super) async fn list_live(
        &self,
        issuer: &str,
        subject: &str,
        before: Option<SessionId>,
        limit: usize,
    ) -> Result<Listed, StoreError> {
        let (highest, limit) = up_to(before, limit);
        let list = Statement::new(&self.statements.list)
            .bytes(issuer)
            .bytes(subject)
            .id(highest)
            .limit(limit);
        let rows = self.connections.read(list).await?;
        Ok(Listed::new(newest_first(&rows)?, row::now(&rows)?))
    }

    pub(super) async fn walk(
        &self,
        issuer: &str,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<ListedAll, StoreError> {
        let (highest, limit) = up_to(walk::before(after)?, limit);
        let edge = Statement::new(&self.statements.edge).id(highest);
        let edge = self.connections.read(edge).await?;
        let edge = edge.first().map(row::id).transpose();
        let edge = edge.map_err(error::failed)?.flatten();
        let list = Statement::new(&self.statements.list_all)
            .id(highest)
            .id(edge.unwrap_or(LOWEST))
            .bytes(issuer)
            .limit(limit);
        let rows = self.connections.read(list).await?;
        let records = newest_first(&rows)?;
        Ok(walk::page(records, limit, edge, row::now(&rows)?))
    }
}

/// The sessions of the rows, of which there may be none.
fn newest_first(rows: &[MySqlRow]) -> Result<Vec<Record>, StoreError> {
    let records = rows.iter().map(row::read).filter_map(Result::transpose);
    let mut records: Vec<Record> = records.collect::<Result<_, _>>()?;
    records.sort_by_key(|record| Reverse(record.session.id.as_uuid()));
    Ok(records)
}
