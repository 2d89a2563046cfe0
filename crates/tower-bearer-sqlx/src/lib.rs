//! Session stores for [`tower_bearer`] in SQL databases.
//!
//! | feature | store |
//! | --- | --- |
//! | `sqlite` | [`SqliteStore`], with SQLite itself compiled in |
//! | `postgres` | [`PostgresStore`] |
//! | `mysql` | [`MySqlStore`], for MySQL and MariaDB |
//!
//! Each also keeps key rings ([`RingStore`](tower_bearer::store::RingStore)), in a table of their own.
//!
//! Each keeps one row for each session. In SQLite and PostgreSQL, loads that arrive at the same time are one
//! query, and rotations that arrive at the same time are written in one statement.

#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(any(feature = "mysql", feature = "postgres", feature = "sqlite"))]
mod columns;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
mod grouping;
#[cfg(feature = "mysql")]
mod mysql;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
mod pending_swap;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(any(feature = "mysql", feature = "postgres", feature = "sqlite"))]
mod ring;
#[cfg(feature = "sqlite")]
mod sqlite;
#[cfg(any(feature = "mysql", feature = "postgres", feature = "sqlite"))]
mod tables;
#[cfg(any(feature = "mysql", feature = "postgres", feature = "sqlite"))]
mod values;
#[cfg(any(feature = "mysql", feature = "postgres", feature = "sqlite"))]
mod walk;

#[cfg(feature = "mysql")]
pub use mysql::{MySqlOptions, MySqlStore};
#[cfg(feature = "postgres")]
pub use postgres::{PostgresOptions, PostgresStore};
#[cfg(feature = "sqlite")]
pub use sqlite::{SqliteOptions, SqliteStore};
