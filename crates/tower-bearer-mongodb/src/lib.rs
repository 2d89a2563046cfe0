//! [`MongoStore`] keeps the sessions of [`tower_bearer`] in MongoDB.
//!
//! A session is one document. Each change of it is one update, whose filter names the version that it
//! changes, so that of several writers one wins. What an update needs to know of the session is read
//! first: no update is a pipeline, and none spans several documents.
//!
//! | field | type | what |
//! | --- | --- | --- |
//! | `_id` | string | the session's identifier, as it is in the `sid` of its tokens |
//! | `format` | int | the format of the document |
//! | `live` | bool | `true`; a session loses the field as it ends |
//! | `issuer`, `subject` | string | whose session it is |
//! | `secret` | binary | what the application's key and a refresh token are checked with |
//! | `created_at`, `auth_time`, `ends_at` | date | |
//! | `scope`, `client_id` | string | |
//! | `claims`, `extra` | string | JSON |
//! | `metadata` | array | `{name, value}`, as names may have dots and dollars |
//! | `idle_lifetime` | long | milliseconds |
//! | `version`, `generation`, `late` | long | |
//! | `expires_at`, `rotated_at`, `delivered_at`, `confirmed_at`, `last_refreshed_at` | date | |
//! | `bound_to` | string | the thumbprint of a key, as in a `jkt` |
//! | `state_extra` | string | JSON |
//! | `ended_at`, `end_reason` | date, string | once the session is ended |
//!
//! What is not there is `null`. One more document, whose `_id` is `format`, has the format of all.
//!
//! A key ring is a document of a collection of its own, whose name has `_rings` at its end: `_id` is the ring's name in
//! hexadecimal digits, so that no case is folded, `format` an int, `version` a long, and `document` the sealed bytes in such digits.
//!
//! The driver's crate `bson` turns on the feature `preserve_order` of serde_json, and Cargo then does so for your
//! whole program: objects in your own JSON keep the order in which they were written.

#![cfg_attr(docsrs, feature(doc_cfg))]

mod calls;
mod document;
mod ending;
mod error;
mod open;
mod options;
mod reading;
mod ring;
mod statements;
mod store;
mod walk;

pub use options::MongoOptions;
pub use store::MongoStore;
