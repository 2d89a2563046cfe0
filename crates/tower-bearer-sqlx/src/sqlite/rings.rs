use sqlx::Row as _;

use tower_bearer::store::{LoadedRing, RingStore, SealedRing, StoreError, Swap};

use super::{SqliteStore, error::failed};
use crate::ring;

const LOAD: &str = "SELECT version, document FROM tower_bearer_rings WHERE name = ?";
const INSERT: &str = "
INSERT INTO tower_bearer_rings (name, version, document) VALUES (?1, ?2, ?3)
ON CONFLICT DO NOTHING";
const SWAP: &str = "
UPDATE tower_bearer_rings SET version = ?2, document = ?3 WHERE name = ?1 AND version = ?4";

/// A ring is one row of the table `tower_bearer_rings`, which a file of an earlier version gets when it is opened. Its
/// time is the machine's. A write is a commit of its own, as durable as a logout.
///
/// **If an older copy of the file is restored, the ring in it is older too**, and keys that were made since are gone
/// from it. Processes that run [write back](https://docs.rs/tower-bearer/latest/tower_bearer/manual/stores/index.html#key-rings) what
/// they know of it.
impl RingStore for SqliteStore {
    async fn load_ring(&self, name: &str) -> Result<LoadedRing, StoreError> {
        let load = sqlx::query(LOAD).bind(name.as_bytes());
        let row = load.fetch_optional(&self.readers).await.map_err(failed)?;
        let now = self.clock.now();
        let ring = row.map(|row| {
            let version = row.try_get("version").map_err(failed)?;
            ring::read(version, row.try_get("document").map_err(failed)?)
        });
        Ok(LoadedRing::new(ring.transpose()?, now))
    }

    async fn swap_ring(
        &self,
        name: &str,
        expected: Option<u64>,
        next: &SealedRing,
    ) -> Result<Swap, StoreError> {
        let written = |sql| {
            let query = sqlx::query(sql).bind(name.as_bytes().to_vec());
            query.bind(ring::version(next)).bind(next.bytes().to_vec())
        };
        let found = match expected.map(i64::try_from) {
            None => self.writer.execute(|| Ok(written(INSERT))).await?,
            Some(Ok(expected)) => {
                let swap = || Ok(written(SWAP).bind(expected));
                self.writer.execute(swap).await?
            }
            Some(Err(_)) => 0,
        };
        Ok(match found {
            0 => Swap::Lost,
            _ => Swap::Swapped,
        })
    }
}
