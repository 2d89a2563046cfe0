//! A fixture under trial, with a short method for each call of its store.

use std::{sync::Arc, time::Duration};

use tower_bearer::{
    clock::Timestamp,
    store::{LoadedRing, RingStore, SealedRing, StoreError, Swap},
};

use super::Fixture;
use crate::{trial::done, watching::Panics};

/// The name where a case needs only one.
pub(super) const NAME: &str = "https://id.example";

pub(super) struct Trial<F> {
    fixture: Arc<F>,
    /// Whether it uses the peer of the store.
    is_peer: bool,
    /// Notes where the store panics.
    panics: Panics,
}

impl<F> Clone for Trial<F> {
    fn clone(&self) -> Self {
        Self {
            fixture: self.fixture.clone(),
            is_peer: self.is_peer,
            panics: self.panics.clone(),
        }
    }
}

impl<F: Fixture> Trial<F> {
    pub(super) fn new(fixture: F, panics: Panics) -> Self {
        Self {
            fixture: Arc::new(fixture),
            is_peer: false,
            panics,
        }
    }

    /// The same trial, on the peer of the store if `turn` is odd.
    pub(super) fn by_turns(&self, turn: u32) -> Self {
        Self {
            is_peer: turn % 2 == 1,
            ..self.clone()
        }
    }

    fn store(&self) -> &F::Store {
        match self.is_peer {
            true => self.fixture.peer(),
            false => self.fixture.store(),
        }
    }

    /// A number of repetitions, or as many of them as the fixture is worth.
    pub(super) fn times(&self, all: u32) -> u32 {
        (all / self.fixture.repetitions_divided_by().max(1)).max(1)
    }

    pub(super) async fn advance(&self, by: Duration) {
        self.fixture.advance(by).await;
    }

    async fn loaded(&self, name: &str) -> LoadedRing {
        let load = || self.store().load_ring(name);
        done("load_ring", self.panics.watched("load_ring", load).await)
    }

    pub(super) async fn load(&self, name: &str) -> Option<SealedRing> {
        self.loaded(name).await.ring
    }

    /// The time that a load tells.
    pub(super) async fn now(&self, name: &str) -> Timestamp {
        self.loaded(name).await.now
    }

    pub(super) async fn try_swap(
        &self,
        name: &str,
        expected: Option<u64>,
        next: &SealedRing,
    ) -> Result<Swap, StoreError> {
        let swap = || self.store().swap_ring(name, expected, next);
        self.panics.watched("swap_ring", swap).await
    }

    pub(super) async fn swap(&self, name: &str, expected: Option<u64>, next: &SealedRing) -> Swap {
        done("swap_ring", self.try_swap(name, expected, next).await)
    }

    /// Keeps the first ring of a name.
    pub(super) async fn begin(&self, name: &str, first: &SealedRing) {
        let swap = self.swap(name, None, first).await;
        assert_eq!(swap, Swap::Swapped, "the first ring of {name:?}");
    }

    /// The store and its peer both give this ring.
    #[track_caller]
    pub(super) fn assert_kept(
        &self,
        name: &str,
        expected: Option<&SealedRing>,
    ) -> impl Future<Output = ()> {
        let caller = std::panic::Location::caller();
        async move {
            for turn in [0, 1] {
                let kept = self.by_turns(turn).load(name).await;
                if kept.as_ref() != expected {
                    let difference = difference(kept.as_ref(), expected);
                    panic!("{caller}: the ring {name:?} {difference}");
                }
            }
        }
    }
}

fn difference(kept: Option<&SealedRing>, expected: Option<&SealedRing>) -> String {
    match (kept, expected) {
        (Some(kept), Some(expected)) => {
            let pairs = kept.bytes().iter().zip(expected.bytes());
            let same = pairs
                .take_while(|(kept, expected)| kept == expected)
                .count();
            format!(
                "has version {} and {} bytes, of which the first {same} are right; expected were version {} and {}",
                kept.version(),
                kept.bytes().len(),
                expected.version(),
                expected.bytes().len(),
            )
        }
        (None, _) => "is not there".to_owned(),
        (Some(kept), None) => format!("is there, at version {}", kept.version()),
    }
}

/// A ring of these bytes.
pub(super) fn ring(version: u64, bytes: impl AsRef<[u8]>) -> SealedRing {
    SealedRing::new(version, bytes.as_ref()).expect("it is short enough")
}

/// A ring whose length and bytes follow from its version.
pub(super) fn ring_of(version: u64) -> SealedRing {
    let length = 1 + version.wrapping_mul(7_919) % 20_000;
    ring(version, noise(version, length as usize))
}

/// Bytes that look like chance, as sealed ones do.
pub(super) fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let bytes = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_be_bytes()[0]
    });
    bytes.take(length).collect()
}
