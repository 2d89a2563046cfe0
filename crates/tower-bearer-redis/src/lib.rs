//! [`RedisStore`] keeps the sessions of [`tower_bearer`] in Redis.
//!
//! A session is one key, which Redis deletes when the session expires. Each subject has one more
//! key: an index of its sessions that are not ended. One key for all, or 16 keys in a cluster, list the
//! sessions that were ended of late. A key ring is one key too.
//!
//! In a cluster the keys may be in different slots, so no script can write two of them. They are
//! kept consistent by the order of the writes:
//! - A session is added to the index before it is written. Its entry is removed once the session is
//!   known to be ended, or some time after the session has expired. An entry that is left does no
//!   harm: whoever meets it at an ended session removes it. A session without an entry could not be
//!   ended with the others of its subject.
//! - A session is noted as ended before it is ended. A note of a session that was not ended then
//!   does no harm: whoever reads a note looks at the session. An end without a note would be unknown
//!   to a server that starts, which would then let the session's access tokens in.

#![cfg_attr(docsrs, feature(doc_cfg))]

mod address;
mod answer;
mod bytes;
mod connection;
mod ended;
mod ending;
mod error;
mod fleet;
mod keys;
mod link;
mod open;
mod options;
mod ring;
mod row;
mod scripts;
mod server;
mod store;
mod subject;
#[cfg(test)]
mod tests;
mod trace;
mod walk;

pub use options::RedisOptions;
pub use store::RedisStore;
