use std::collections::{BTreeMap, btree_map::Entry};

use super::{MemoryStore, lock};
use crate::store::{LoadedRing, RingStore, SealedRing, StoreError, Swap};

/// The key rings, by their names.
pub(super) type Rings = BTreeMap<String, SealedRing>;

/// The ring is lost with the last clone of the store, as the sessions are.
impl RingStore for MemoryStore {
    async fn load_ring(&self, name: &str) -> Result<LoadedRing, StoreError> {
        let ring = lock(&self.0.rings).get(name).cloned();
        Ok(LoadedRing::new(ring, self.0.clock.now()))
    }

    async fn swap_ring(
        &self,
        name: &str,
        expected: Option<u64>,
        next: &SealedRing,
    ) -> Result<Swap, StoreError> {
        let mut rings = lock(&self.0.rings);
        Ok(match (rings.entry(name.to_owned()), expected) {
            (Entry::Vacant(entry), None) => {
                entry.insert(next.clone());
                Swap::Swapped
            }
            (Entry::Occupied(mut entry), Some(version)) if entry.get().version() == version => {
                entry.insert(next.clone());
                Swap::Swapped
            }
            _ => Swap::Lost,
        })
    }
}
