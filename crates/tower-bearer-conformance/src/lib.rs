//! A test suite for session stores of [`tower_bearer`], which checks the contract of
//! [`SessionStore`].
//!
//! The stores of tower-bearer pass the same cases. To test your own, implement [`Fixture`], which
//! gives the suite access to the store and its clock, and write a function that makes a fixture.
//! There are two ways to run the suite:
//!
//! - [`store_conformance!`](crate::store_conformance) makes one test of each case. Use it for a
//!   store that is cheap to create and can be created many times at once.
//! - [`check`] runs one case after the other, prints the name and the duration of each, and panics
//!   at the end with all failures. Use it for a store on a server.
//!
//! Each failure says which promise was broken, and what that costs the users of the application. A panic of the
//! store is told as one, with the call and its message.
//!
//! # Example
//!
//! ```
//! use std::time::Duration;
//!
//! use tower_bearer::{
//!     clock::{ManualClock, Timestamp},
//!     store::MemoryStore,
//! };
//! use tower_bearer_conformance::Fixture;
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
//! tower_bearer_conformance::store_conformance!(memory, in_memory);
//!
//! // Or, in a test of your own with `#[tokio::test(flavor = "multi_thread")]`:
//! // tower_bearer_conformance::check(in_memory).await;
//! # fn main() {}
//! ```
//!
//! A new version may add cases for promises that the contract already makes. A store that then
//! fails has always had the fault.
//!
//! A store that keeps the key ring of an issuer has a suite of its own: [`ring`].
//!
//! # What the suite requires
//!
//! - The store's clock goes forward. It may stand still or run, and start at any time: the suite
//!   compares only with times that it has read from [`SessionStore::now`].
//! - The store serves a hundred tasks at once without an error.
//! - No case takes longer than ten minutes.
//! - The fixtures share no connections: `store_conformance!` calls your function in a new tokio runtime for each test.
//!   So make the connections there, and keep no pool in a `static`.
//!
//! # What the suite cannot see
//!
//! - What outlives a process: a store that never writes to its disk passes. Kill your process and your database, and
//!   read again what was acknowledged.
//! - How much a store reads ([promise 7](SessionStore#promises)).
//! - Whether a list of all sessions still comes to its end where more than some two thousand dead sessions lie between
//!   two live ones: the suite makes no more.
#![cfg_attr(docsrs, feature(doc_cfg))]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "it is a test suite, which tells of a broken promise by a panic"
)]

mod acknowledged;
mod cases;
mod cleaning;
mod clock;
mod confirming;
mod dropping;
mod ending;
mod histories;
mod keeping;
mod limits;
mod listing;
mod racing;
pub mod ring;
mod run;
mod serving;
mod since;
mod swapping;
mod tokens;
mod trial;
mod walking;
mod watching;

use std::{future::Future, time::Duration};

#[doc(hidden)]
pub use run::test;
pub use run::{Failure, check, failures};

use tower_bearer::store::SessionStore;

/// A store to be tested, and the means to move its clock.
///
/// The store must be empty when the fixture is made. Nobody else may use it or move its clock as
/// long as the fixture lives. For a store on a server, use a table or a prefix of its own, or empty
/// it first.
pub trait Fixture: Send + Sync + 'static {
    /// The type of the store. Put it into an [`Arc`](std::sync::Arc) if it is not `Clone`.
    type Store: SessionStore + Clone;

    /// The store, as one server uses it.
    fn store(&self) -> &Self::Store;

    /// A store of the same sessions, as another server uses it: over its own connections. The
    /// default is the same store.
    fn peer(&self) -> &Self::Store {
        self.store()
    }

    /// Moves the store's clock forward by at least `by`, and by less than a minute more.
    ///
    /// If the clock is that of a database, run the database under libfaketime. If it is the store's
    /// own, add an offset to it that only tests set.
    fn advance(&self, by: Duration) -> impl Future<Output = ()> + Send;

    /// Moves the store's clock back and returns `true`. The default returns `false`: the clock
    /// cannot be moved back, and the suite does not test what happens then.
    fn turn_back(&self, by: Duration) -> impl Future<Output = bool> + Send {
        let _ = by;
        async { false }
    }

    /// How many random histories are tried. The default is 100, and each run tries the same ones.
    /// If the environment variable `PROPTEST_CASES` is set, it is the number instead, and each run
    /// tries other histories.
    fn histories(&self) -> u32 {
        100
    }

    /// Whether the store deletes a session by itself once its `ends_at` has passed. It may do so
    /// late, if the session is gone by the next call of `delete_expired` or hidden from `load` and
    /// `list`.
    ///
    /// [`delete_expired`](SessionStore::delete_expired) may then count fewer sessions than have
    /// ended.
    fn deletes_by_itself(&self) -> bool {
        false
    }

    /// Divides how often a case repeats what it tries, such as a race: with 10, a tenth as often. The
    /// default is 1. It is for servers that are too slow for all of it, and finds less.
    fn repetitions_divided_by(&self) -> u32 {
        1
    }

    /// Whether the store deletes the sessions with the earliest end first. A store over several databases
    /// does so in each of them, and returns `false`.
    fn deletes_in_order(&self) -> bool {
        true
    }
}
