//! [`RedisStore`] keeps the sessions of [`tower_bearer`] in Redis.
//!
//! A session is one key, which goes with its end, and each subject has an index of its
//! sessions. The two lie in different slots of a cluster, so that no script writes both; what
//! keeps them right is an order: a session is listed before it is kept, and its entry goes some
//! time after its end, whatever else happens. An entry without a session is harmless, a session
//! without an entry could not be ended with the others of its subject.

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
