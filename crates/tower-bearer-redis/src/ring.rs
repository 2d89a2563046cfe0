//! A key ring is the value of one key: the format, the version as a big-endian number, and the sealed bytes.

use tower_bearer::store::{LoadedRing, RingStore, SealedRing, StoreError, Swap};

use crate::{RedisStore, answer, error::unexpected, scripts};

const FORMAT: u8 = 1;

/// A ring is one key, `tower_bearer:ring:` and the ring's name, which never expires. The time is that of the server that
/// has it. A write waits for replicas or disks if [calls that end sessions](RedisStore#what-may-be-lost) do, over their
/// connection, and is not refused for want of memory. It takes no right that sessions do not take.
///
/// | what happens | a ring |
/// | --- | --- |
/// | Redis is killed, or power is cut | what was acknowledged is kept with `appendfsync always` or [`wait_for_disks`](crate::RedisOptions::wait_for_disks); else the writes of the last second or two are lost, and without `appendonly yes` those since the last snapshot |
/// | a failover, also of a cluster or by Sentinel | is the one that the new primary had received. With [`wait_for_replicas`](crate::RedisOptions::wait_for_replicas) that is the newest one, unless another replica takes over |
/// | too few replicas or disks have a write in time | the write fails as `Timeout`, although later loads see it. It may be lost in a failover |
/// | the memory is full | is kept, as long as `maxmemory-policy` is `noeviction`. **With `allkeys-…` Redis may evict the ring, and all tokens in use are refused** |
/// | an older snapshot is restored, or `FLUSHALL` | is an older one, or gone |
///
/// Servers that run [write back](https://docs.rs/tower-bearer/latest/tower_bearer/manual/stores/index.html#key-rings) what they know of it.
///
/// Where keys must outlive the loss of a server, keep the ring in another store, or in a
/// [file](tower_bearer::store::FileRingStore), and only the sessions here.
impl RingStore for RedisStore {
    async fn load_ring(&self, name: &str) -> Result<LoadedRing, StoreError> {
        let load = scripts::LOAD.on(&self.keys.ring(name), &[]);
        let (now, row) = answer::loaded(self.main.read_one(load).await?)?;
        let ring = row.map(|row| read(&row)).transpose()?;
        Ok(LoadedRing::new(ring, now))
    }

    async fn swap_ring(
        &self,
        name: &str,
        expected: Option<u64>,
        next: &SealedRing,
    ) -> Result<Swap, StoreError> {
        let expected = expected.map_or_else(Vec::new, |version| head(version).to_vec());
        let row = [&head(next.version()), next.bytes()].concat();
        let swap = scripts::RING.on(&self.keys.ring(name), &[&expected, &row]);
        Ok(
            match answer::is_done(self.revoking.write_one(swap).await?)? {
                true => Swap::Swapped,
                false => Swap::Lost,
            },
        )
    }
}

/// How the value of a ring of this version begins.
fn head(version: u64) -> [u8; 9] {
    let [a, b, c, d, e, f, g, h] = version.to_be_bytes();
    [FORMAT, a, b, c, d, e, f, g, h]
}

fn read(row: &[u8]) -> Result<SealedRing, StoreError> {
    let (format, rest) = row.split_first().ok_or_else(unexpected)?;
    let (version, bytes) = rest.split_first_chunk().ok_or_else(unexpected)?;
    match *format {
        FORMAT => SealedRing::new(u64::from_be_bytes(*version), bytes).map_err(|_| unexpected()),
        _ => Err(unexpected()),
    }
}
