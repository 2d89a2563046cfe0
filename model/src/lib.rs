//! A model check of tower-bearer's session protocol.
//!
//! [`World`] is a model for [stateright]: one session with its clients, a network, servers, a
//! store, resource servers and thieves. Each decision in it is made by the crate's own
//! [`decide`](tower_bearer::session::decide) and written by its own
//! [`RefreshVerdict::apply`](tower_bearer::session::RefreshVerdict::apply); the store follows the contract of
//! [`SessionStore`](tower_bearer::store::SessionStore). The checker visits every history within
//! [`Bounds`]. [`mutants`] are protocols with one fault each, to show that the properties have
//! teeth. The manual's page `proof` tells the assumptions and the results.
//!
//! Each file uses only files that stand above it in this list:
//!
//! 1. `time`, `table_row`, `rules`: ticks, the rows of the decision table, and the protocol under
//!    check;
//! 2. `bounds`, `row`, `witness`: what is explored, what the store holds, and what only the
//!    claims know;
//! 3. `translator`, `state`: the model's numbers as the crate's types, and one moment of all;
//! 4. `world`: what stays the same in all states;
//! 5. `store`, `network`, `action`, `judge`: who acts, what can happen next, and what the
//!    witness makes of it;
//! 6. `server`, `claims`: load, decide, swap and answer, and what must always hold;
//! 7. `model`, `mutants`: all of it for the checker, and the protocols with a fault.

mod action;
mod bounds;
mod claims;
mod judge;
mod model;
pub mod mutants;
mod network;
mod row;
mod rules;
mod server;
mod state;
mod store;
mod table_row;
mod time;
mod translator;
mod witness;
mod world;

pub use action::Action;
pub use bounds::{Binds, Bounds, Confirms, deep, quick};
pub use row::{Key, Row};
pub use rules::{Apply, Decide, Fault, Question, Rules};
pub use state::{Call, Given, Loaded, Loot, Replica, State, Who};
pub use table_row::TableRow;
pub use time::{FAR, WINDOW};
pub use witness::{Evidence, Witness};
pub use world::World;
