//! The suite of those who keep a key ring: it checks the contract of [`RingStore`].
//!
//! It is run as the one of session stores is: [`ring_conformance!`](crate::ring_conformance) makes one test of each
//! case, and [`check`] runs them one after the other. A [`Fixture`](crate::Fixture) whose store keeps rings too is
//! one for this suite as it is.
//!
//! ```
//! use std::time::Duration;
//!
//! use tower_bearer::{
//!     clock::{ManualClock, Timestamp},
//!     store::MemoryStore,
//! };
//! use tower_bearer_conformance::ring::Fixture;
//!
//! struct InMemory {
//!     store: MemoryStore,
//!     clock: ManualClock,
//! }
//!
//! impl Fixture for InMemory {
//!     type Store = MemoryStore;
//!
//!     fn store(&self) -> &MemoryStore {
//!         &self.store
//!     }
//!
//!     async fn advance(&self, by: Duration) {
//!         self.clock.advance(by);
//!     }
//! }
//!
//! async fn in_memory() -> InMemory {
//!     let clock = ManualClock::new(Timestamp::from_secs(1_700_000_000));
//!     InMemory {
//!         store: MemoryStore::with_clock(clock.clone()),
//!         clock,
//!     }
//! }
//!
//! // Among your tests. It makes `memory::of_many_swaps_one_wins` and all the others.
//! tower_bearer_conformance::ring_conformance!(memory, in_memory);
//! # fn main() {}
//! ```
//!
//! # What the suite requires
//!
//! - The store serves some thirty tasks at once without an error.
//! - It has room for some fifty rings, of which two are of the largest size.
//!
//! # What the suite cannot see
//!
//! What outlives a process, and what a failover takes back: kill your process and your database, and load again what
//! was acknowledged.

mod cases;
mod clock;
mod dropping;
mod keeping;
mod naming;
mod racing;
mod swapping;
mod trial;

use std::{future::Future, panic::Location, time::Duration};

use tower_bearer::store::RingStore;

use crate::{
    Failure,
    run::{assert_none, failures_of, test_one},
};

use self::cases::cases;

/// A store of rings to be tested, and the means to move its clock.
///
/// The store must be empty when the fixture is made. Nobody else may use it or move its clock as long as the fixture
/// lives.
pub trait Fixture: Send + Sync + 'static {
    /// The type of the store. Put it into an [`Arc`](std::sync::Arc) if it is not `Clone`.
    type Store: RingStore + Clone;

    /// The store, as one server uses it.
    fn store(&self) -> &Self::Store;

    /// A store of the same rings, as another server uses it: over its own connections. The default is the same store.
    fn peer(&self) -> &Self::Store {
        self.store()
    }

    /// Moves the store's clock forward by at least `by`, and by less than a minute more.
    fn advance(&self, by: Duration) -> impl Future<Output = ()> + Send;

    /// Divides how often a case repeats what it tries, such as a race: with 10, a tenth as often. The default is 1.
    fn repetitions_divided_by(&self) -> u32 {
        1
    }
}

impl<F> Fixture for F
where
    F: crate::Fixture,
    F::Store: RingStore,
{
    type Store = F::Store;

    fn store(&self) -> &F::Store {
        crate::Fixture::store(self)
    }

    fn peer(&self) -> &F::Store {
        crate::Fixture::peer(self)
    }

    async fn advance(&self, by: Duration) {
        crate::Fixture::advance(self, by).await;
    }

    fn repetitions_divided_by(&self) -> u32 {
        crate::Fixture::repetitions_divided_by(self)
    }
}

/// Makes a module `$name` with a test for each case of the [suite of key rings](crate::ring), each on a fixture of its
/// own.
///
/// `$make` is an async function without arguments that returns a [`ring::Fixture`](crate::ring::Fixture).
#[macro_export]
macro_rules! ring_conformance {
    ($name:ident, $make:expr $(,)?) => {
        mod $name {
            #[allow(unused_imports)] // `$make` need not be a path.
            use super::*;

            $crate::__ring_conformance_cases!($crate::__ring_conformance_tests!($make));
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __ring_conformance_tests {
    (($make:expr) $($cost:literal { $($part:ident::$case:ident,)+ })+) => {
        $($(
            #[test]
            fn $case() {
                let name = concat!("ring::", stringify!($part), "::", stringify!($case));
                $crate::ring::test(name, $make);
            }
        )+)+
    };
}

/// Runs one case, in a runtime of its own.
#[doc(hidden)]
#[track_caller]
pub fn test<F: Fixture, Fut: Future<Output = F>>(name: &str, make: impl FnOnce() -> Fut) {
    test_one(cases(), name, make);
}

/// Runs every case in turn, each on a fixture of its own, and prints its name and how long it took.
///
/// Use a runtime with several threads: without them, the cases that test races find little.
///
/// # Panics
///
/// If the store fails a case. The panic comes after the last case, and its message has all failures.
#[track_caller]
pub fn check<F: Fixture, Fut: Future<Output = F>>(
    make: impl Fn() -> Fut,
) -> impl Future<Output = ()> {
    let caller = Location::caller();
    async move { assert_none(caller, &failures(make).await, cases::<F>().count()) }
}

/// Like [`check`], but returns the failures instead of a panic.
pub async fn failures<F: Fixture, Fut: Future<Output = F>>(make: impl Fn() -> Fut) -> Vec<Failure> {
    failures_of(cases(), make).await
}
