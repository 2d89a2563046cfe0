//! What the tests of an application need: tokens without a login, a clock to turn, a store that fails on
//! command, an authorization server, and assertions. It is not for production.
//!
//! Turn on the feature for tests only. With Cargo's resolver 2 or later, a build of the application without its
//! tests then does not have it, unless another package of the same build turns it on:
//!
//! ```toml
//! [dev-dependencies]
//! tower-bearer = { version = "0.1", features = ["testing"] }
//! ```
//!
//! The feature adds this module and changes nothing else: a build that has it by mistake accepts no token
//! that another would refuse.
//!
//! | a test needs … | it takes |
//! | --- | --- |
//! | a token for a user, with a scope, claims, or a fault | [`TestIssuer`], [`TestToken`] |
//! | to turn the clock | [`ManualClock`](crate::clock::ManualClock), of which each part is given a clone |
//! | to turn it although the sessions are in a database | [`ClockedStore`] around the store |
//! | a store that is down, slow, or writes without an answer | [`FailingStore`], [`Fault`] |
//! | an issuer whose keys are fetched | [`FakeIssuer`] |
//! | to know why a request was refused | [`assert_refused`], [`Challenge`] |
//! | a session store of its own to be tested | the crate [tower-bearer-conformance](https://docs.rs/tower-bearer-conformance) |
//!
//! The [manual](crate::manual::testing) has an example for each kind of application.
//!
//! # One clock for all
//!
//! | part | how it gets the clock | what depends on it |
//! | --- | --- | --- |
//! | `Verifier` | [`Verifier::clock`](crate::Verifier::clock) | `exp`, `nbf`, `iat` |
//! | tokens of a test | [`TestIssuer::clock`], [`FakeIssuer::clock`] | the same claims |
//! | `MemoryStore`, `SqliteStore` | `with_clock` | all that a session does, and so what `Sessions` signs |
//! | any other store | [`ClockedStore::new`] | the same |
//! | `DpopVerifier`, `DeviceBinding`, and the client | `clock` | proofs, nonces, and when to refresh |
//! | `RemoteKeys` | `clock` | whether a token is newer than the last fetch, but not when keys are fetched |
//!
//! `Sessions` and `Issuer` have no clock: they go by that of the store. [`Sessions::over`] goes by the
//! system's. Deadlines, such as the one of a call of the store, go by tokio's time, which
//! `tokio::time::pause` stops. Do not pause it while a real database, a Redis or a [`FakeIssuer`] is to answer:
//! paused time leaps to the next deadline as soon as all tasks wait, and so each call times out at once.
//!
//! Tokio's time also decides when `RemoteKeys` fetches. A test that needs a second fetch for an unknown key sets
//! `cooldown` to a second, the least that is allowed, and asks again until that second is over.
//!
//! [`Sessions::over`]: crate::session::Sessions::over
//!
//! # Panics
//!
//! As in a test, what goes wrong here is a panic, whose place is the line of the test where that can be
//! told.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "it is for tests, which tell by a panic what went wrong"
)]

mod challenge;
mod clocked;
mod failing;
mod fake_issuer;
mod test_issuer;
mod test_token;

pub use challenge::{Challenge, assert_admitted, assert_refused};
pub use clocked::ClockedStore;
pub use failing::{FailingStore, Fault, StoreCall};
pub use fake_issuer::{Answer, FakeIssuer};
pub use test_issuer::TestIssuer;
pub use test_token::TestToken;
