//! A model check of tower-bearer's session protocol.
//!
//! [`World`] is a model for [stateright]: one session with its clients, a network, servers, a
//! store, resource servers and thieves. Each decision in it is made by the crate's own
//! [`decide`](tower_bearer::session::decide) and written by its own
//! [`RefreshVerdict::apply`](tower_bearer::session::RefreshVerdict::apply); the store follows the
//! contract of [`SessionStore`](tower_bearer::store::SessionStore). The checker visits every
//! history within [`Bounds`]. [`mutants`] are protocols with one fault each, to show that the properties have
//! teeth. The manual's page `proof` tells the assumptions and the results.

mod bounds;
mod ghost;
pub mod mutants;
mod network;
mod row;
mod rules;
mod state;
mod step;
mod store;
mod world;

pub use bounds::{Bounds, Confirms, deep, quick};
pub use ghost::{Crossing, Ghost};
pub use row::{Row, TableRow};
pub use rules::{Apply, Decide, Effect, Rules};
pub use state::{Call, Loaded, State, Who};
pub use store::Replica;
pub use world::{Action, World};

/// How many ticks the reuse window is long. A tick is 5 s, the window 10 s.
pub const WINDOW: i8 = 2;
/// A lifetime that never ends: these do not count down.
pub const FAR: u8 = u8::MAX;
