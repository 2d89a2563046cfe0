use sqlx::{Row as _, mysql::MySqlRow};

use tower_bearer::store::{
    LoadedRing, RingStore, SealedRing, StoreError, StoreErrorKind::Duplicate, Swap,
};

use super::{
    MySqlStore,
    error::failed,
    row::{self, Statement},
};
use crate::ring;

/// A ring is one row of the table with `_rings` after the name of the table of sessions. A load reads it at the primary,
/// with the time of the database server. While another transaction has locked its row, a write waits as one of a session
/// does, and then fails as `Busy`.
///
/// A ring is kept or lost when sessions are, by the [same settings](MySqlStore#what-is-kept-after-a-failure): with
/// `innodb_flush_log_at_trx_commit` and `sync_binlog` at 1, only a failover to a replica that lags or a restored backup
/// brings back an older one, without the keys that were made since. A Galera cluster loses none. Servers that run
/// [write back](https://docs.rs/tower-bearer/latest/tower_bearer/manual/stores/index.html#key-rings) what they know of it.
impl RingStore for MySqlStore {
    async fn load_ring(&self, name: &str) -> Result<LoadedRing, StoreError> {
        let load = Statement::new(&self.statements.load_ring).bytes(name);
        let rows = self.connections.read(load).await?;
        let ring = rows.first().map(read).transpose()?.flatten();
        Ok(LoadedRing::new(ring, row::now(&rows)?))
    }

    async fn swap_ring(
        &self,
        name: &str,
        expected: Option<u64>,
        next: &SealedRing,
    ) -> Result<Swap, StoreError> {
        let written = |sql| {
            let written = Statement::new(sql).number(ring::version(next));
            written.bytes(next.bytes()).bytes(name)
        };
        let found = match expected.map(i64::try_from) {
            None => {
                let insert = written(&self.statements.insert_ring);
                match self.connections.write(insert).await {
                    Err(error) if error.kind() == Duplicate => 0,
                    inserted => inserted?,
                }
            }
            Some(Ok(expected)) => {
                let swap = written(&self.statements.swap_ring).number(expected);
                self.connections.write(swap).await?
            }
            Some(Err(_)) => 0,
        };
        Ok(match found {
            0 => Swap::Lost,
            _ => Swap::Swapped,
        })
    }
}

/// Reads the ring of a row, which has none if its `version` is null.
fn read(row: &MySqlRow) -> Result<Option<SealedRing>, StoreError> {
    match row.try_get("version").map_err(failed)? {
        Some(version) => ring::read(version, row.try_get("document").map_err(failed)?).map(Some),
        None => Ok(None),
    }
}
