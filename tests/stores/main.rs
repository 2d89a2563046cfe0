//! The contract of `SessionStore`, once for every store, and what is each store's own.

mod ageing;
#[cfg(test)]
mod ring_teeth;
#[cfg(test)]
mod rings;
mod service;
mod support;
#[cfg(test)]
mod teeth;

// `cfg(test)` tells clippy that a helper that unwraps is a test's.
#[cfg(test)]
#[cfg(unix)]
mod mysql;
#[cfg(test)]
#[cfg(unix)]
mod postgres;
#[cfg(test)]
#[cfg(unix)]
mod redis;
#[cfg(test)]
mod sharded;
#[cfg(test)]
mod sqlite;

use support::Setup;
use tower_bearer::store::MemoryStore;
use tower_bearer_conformance::store_conformance;

store_conformance!(memory, async || {
    Setup::new(MemoryStore::with_clock).histories(1500)
});
store_conformance!(memory_as_a_service, async || {
    service::served(Setup::new(MemoryStore::with_clock))
});
store_conformance!(memory_behind_layers, async || {
    service::layered(Setup::new(MemoryStore::with_clock))
});
store_conformance!(memory_with_a_running_clock, ageing::with_a_running_clock);
store_conformance!(memory_with_a_time_to_live, ageing::with_a_time_to_live);
store_conformance!(three_shards, sharded::of_three);
store_conformance!(changing_shards, sharded::changing);
store_conformance!(sqlite_file, sqlite::in_a_file);
store_conformance!(sqlite_as_a_service, async || {
    service::served(sqlite::in_a_file().await)
});
store_conformance!(sqlite_behind_layers, async || {
    service::layered(sqlite::in_a_file().await)
});
store_conformance!(sqlite_memory, sqlite::in_memory);
