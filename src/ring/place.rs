//! Where a ring is kept, whatever the type of the store.

use std::{future::Future, pin::Pin};

use crate::store::{LoadedRing, RingStore, SealedRing, StoreError, Swap};

type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

pub(super) type AnyPlace = Box<dyn ErasedPlace>;

/// [`RingStore`], as a trait object can have it.
pub(super) trait ErasedPlace: Send + Sync {
    fn load<'a>(&'a self, name: &'a str) -> Answer<'a, LoadedRing>;

    fn swap<'a>(
        &'a self,
        name: &'a str,
        expected: Option<u64>,
        next: &'a SealedRing,
    ) -> Answer<'a, Swap>;
}

pub(super) struct Place<S>(pub(super) S);

impl<S: RingStore> ErasedPlace for Place<S> {
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
