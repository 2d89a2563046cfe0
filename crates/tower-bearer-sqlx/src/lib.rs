//! Session stores for [`tower_bearer`] in SQL databases.
//!
//! | feature | store |
//! | --- | --- |
//! | `sqlite` | [`SqliteStore`], with SQLite itself compiled in |
//! | `postgres` | [`PostgresStore`] |
//!
//! Both keep one row for each session, and both write rotations that arrive at the same time in one
//! statement.

#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(any(feature = "postgres", feature = "sqlite"))]
mod columns;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
mod group_commit;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(feature = "sqlite")]
mod sqlite;

#[cfg(feature = "postgres")]
pub use postgres::{PostgresOptions, PostgresStore};
#[cfg(feature = "sqlite")]
pub use sqlite::{SqliteOptions, SqliteStore};
