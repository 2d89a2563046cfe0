//! The contract of a session store as a test suite, for those who write one.
//!
//! A store that a third party wrote is held to the same as those of this crate: they all run
//! these cases. A [`Fixture`] tells how to reach the store and its clock; a function that makes
//! one is all that the suite needs. There are two ways to run it:
//!
//! - [`store_conformance!`](crate::store_conformance) makes a test of each case, for a store
//!   that is cheap to make and can be made many times at once;
//! - [`check`] runs one case after the other, prints the name and the time of each, and panics
//!   at the end with all that failed: for a store on a server.
//!
//! Each failure tells what was broken, and what that costs those who log in.
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
//! use tower_bearer_conformance::{Fixture,
//! };
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
//! // Where tests live: `memory::of_many_swaps_one_wins` and all the others.
//! tower_bearer_conformance::store_conformance!(memory, in_memory);
//!
//! // Or, in a test of your own: tower_bearer_conformance::check(in_memory).await;
//! # fn main() {}
//! ```
//!
//! A version may add cases for promises that it always made: a store may fail the suite of a newer
//! version, and then has a fault.
//!
//! # What it takes for granted
//!
//! - Nothing of the clock but that it goes forward: it may stand still or run, and start at any
//!   time. All that the suite compares with it was read from [`SessionStore::now`].
//! - A hundred tasks at once are served without an error.
//! - No case takes longer than ten minutes.
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
mod listing;
mod racing;
mod run;
mod serving;
mod swapping;
mod tokens;
mod trial;

use std::{future::Future, time::Duration};

#[doc(hidden)]
pub use run::test;
pub use run::{Failure, check, failures};

use tower_bearer::store::SessionStore;

/// A store to be tested, and how to move its clock.
///
/// It has to be empty when it is made, and nobody else may use it or move its clock as long as
/// the fixture lives: for a store on a server, a table or a prefix of its own, or one that is
/// emptied first.
pub trait Fixture: Send + Sync + 'static {
    /// The store. What is not `Clone` does in an [`Arc`](std::sync::Arc).
    type Store: SessionStore + Clone;

    /// The store, as one server has it.
    fn store(&self) -> &Self::Store;

    /// The same sessions as another server has them: over connections of its own.
    fn peer(&self) -> &Self::Store {
        self.store()
    }

    /// Moves the store's clock forward, by no less and by less than a minute more.
    ///
    /// Where the clock is the database's, run that under libfaketime; where it is the store's
    /// own, add an offset to it that only tests set.
    fn advance(&self, by: Duration) -> impl Future<Output = ()> + Send;

    /// Moves the store's clock back and tells that it did. One that cannot be moved back, which
    /// is the default, is spared what happens then.
    fn turn_back(&self, by: Duration) -> impl Future<Output = bool> + Send {
        let _ = by;
        async { false }
    }

    /// How many random histories are walked. The environment variable `PROPTEST_CASES` wants
    /// another number, and other histories each time.
    fn histories(&self) -> u32 {
        100
    }

    /// Whether the store deletes a session without being asked to, once its `ends_at` has come:
    /// by the next call of `delete_expired` it is gone, or `load` and `list` hide it.
    ///
    /// What [`delete_expired`](SessionStore::delete_expired) counts may then be less than what
    /// has ended.
    fn deletes_by_itself(&self) -> bool {
        false
    }
}
