use sqlx::{Row as _, postgres::PgRow};

use tower_bearer::store::{LoadedRing, RingStore, SealedRing, StoreError, Swap};

use super::{
    PostgresStore,
    error::failed,
    row::{self, statement},
};
use crate::ring;

/// A ring is one row of the table with `_rings` after the name of the table of sessions. A load reads it at the primary,
/// with the time of the database server, and a write waits for what the end of a session waits for:
///
/// | what happens | a ring |
/// | --- | --- |
/// | a server is killed, or power is cut | what was acknowledged is kept |
/// | a failover to a synchronous standby | what was acknowledged is kept |
/// | a failover to an asynchronous standby, or a restored backup | is the one that the standby or the backup had: keys that were made since are gone from it |
/// | another transaction has locked its row | a write waits for a quarter of the [timeout](crate::PostgresOptions::timeout), and then fails as `Busy` |
///
/// Servers that run [write back](https://docs.rs/tower-bearer/latest/tower_bearer/manual/stores/index.html#key-rings) what they
/// know of a ring that has fallen back.
impl RingStore for PostgresStore {
    async fn load_ring(&self, name: &str) -> Result<LoadedRing, StoreError> {
        let load = statement(&self.statements.load_ring).bind(name.as_bytes().to_vec());
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
            let written = statement(sql).bind(name.as_bytes().to_vec());
            written
                .bind(ring::version(next))
                .bind(next.bytes().to_vec())
        };
        let swap = match expected.map(i64::try_from) {
            None => written(&self.statements.insert_ring),
            Some(Ok(expected)) => written(&self.statements.swap_ring).bind(expected),
            Some(Err(_)) => return Ok(Swap::Lost),
        };
        Ok(match self.connections.write(swap).await?.is_empty() {
            true => Swap::Lost,
            false => Swap::Swapped,
        })
    }
}

/// Reads the ring of a row, which has none if its `version` is null.
fn read(row: &PgRow) -> Result<Option<SealedRing>, StoreError> {
    match row.try_get("version").map_err(failed)? {
        Some(version) => ring::read(version, row.try_get("document").map_err(failed)?).map(Some),
        None => Ok(None),
    }
}
