use std::{fmt, future::Future, pin::Pin, sync::Arc};

use super::{LoadedRing, RingStore, SealedRing, StoreError, Swap};

type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// Any [`RingStore`], so that a program can choose where its key ring is kept when it starts. Clones share it.
///
/// ```
/// use tower_bearer::store::{AnyRingStore, MemoryStore};
///
/// let store = AnyRingStore::new(MemoryStore::new());
/// # let _ = store;
/// ```
#[derive(Clone)]
pub struct AnyRingStore(Arc<dyn ErasedRingStore>);

impl AnyRingStore {
    /// Hides the type of this store.
    pub fn new(store: impl RingStore) -> Self {
        Self(Arc::new(Erased(store)))
    }
}

impl RingStore for AnyRingStore {
    async fn load_ring(&self, name: &str) -> Result<LoadedRing, StoreError> {
        self.0.load(name).await
    }

    async fn swap_ring(
        &self,
        name: &str,
        expected: Option<u64>,
        next: &SealedRing,
    ) -> Result<Swap, StoreError> {
        self.0.swap(name, expected, next).await
    }
}

impl fmt::Debug for AnyRingStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AnyRingStore").finish_non_exhaustive()
    }
}

/// [`RingStore`], as a trait object can have it.
trait ErasedRingStore: Send + Sync {
    fn load<'a>(&'a self, name: &'a str) -> Answer<'a, LoadedRing>;

    fn swap<'a>(
        &'a self,
        name: &'a str,
        expected: Option<u64>,
        next: &'a SealedRing,
    ) -> Answer<'a, Swap>;
}

struct Erased<S>(S);

impl<S: RingStore> ErasedRingStore for Erased<S> {
    fn load<'a>(&'a self, name: &'a str) -> Answer<'a, LoadedRing> {
        Box::pin(self.0.load_ring(name))
    }

    fn swap<'a>(
        &'a self,
        name: &'a str,
        expected: Option<u64>,
        next: &'a SealedRing,
    ) -> Answer<'a, Swap> {
        Box::pin(self.0.swap_ring(name, expected, next))
    }
}
