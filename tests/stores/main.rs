//! The contract of `SessionStore`, once for every store, and what is SQLite's own.
#![cfg(feature = "session")]

// `cfg(test)` tells clippy that a helper that unwraps is a test's.
#[cfg(test)]
mod contract;
#[cfg(test)]
#[cfg(feature = "sqlite")]
mod sqlite;

use contract::Setup;
use tower_bearer::store::MemoryStore;

contract::instantiate!(memory, async { Setup::new(MemoryStore::with_clock) });
#[cfg(feature = "sqlite")]
contract::instantiate!(sqlite_file, sqlite::in_a_file());
#[cfg(feature = "sqlite")]
contract::instantiate!(sqlite_memory, sqlite::in_memory());
