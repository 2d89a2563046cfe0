//! Session stores for [`tower_bearer`] in SQL databases.
//!
//! | feature | store |
//! | --- | --- |
//! | `sqlite` | [`SqliteStore`], with SQLite itself compiled in |
//! | `postgres` | [`PostgresStore`] |
//!
//! Both keep one row for each session. Loads that arrive at the same time are one query, and rotations
//! that arrive at the same time are written in one statement.

#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(any(feature = "postgres", feature = "sqlite"))]
mod columns;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
mod grouping;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
mod pending_swap;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(feature = "sqlite")]
mod sqlite;

#[cfg(feature = "postgres")]
pub use postgres::{PostgresOptions, PostgresStore};
#[cfg(feature = "sqlite")]
pub use sqlite::{SqliteOptions, SqliteStore};
