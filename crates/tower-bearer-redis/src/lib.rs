//! [`RedisStore`] keeps the sessions of [`tower_bearer`] in Redis.
//!
//! A session is one key, which Redis deletes when the session expires. Each subject has one more
//! key: an index of its sessions.
//!
//! In a cluster the two keys may be in different slots, so no script can write both. They are kept
//! consistent by the order of the writes: a session is added to the index before it is written,
//! and its entry is removed some time after the session has expired. An entry without a session
//! does no harm. A session without an entry could not be ended with the others of its subject.

#![cfg_attr(docsrs, feature(doc_cfg))]

mod answer;
mod bytes;
mod connection;
mod error;
mod keys;
mod open;
mod options;
mod row;
mod scripts;
mod store;
#[cfg(test)]
mod tests;
mod trace;

pub use options::RedisOptions;
pub use store::RedisStore;
