//! What is PostgreSQL's own, on a server that the test starts.

mod conforming;

use std::time::Duration;

use tower_bearer::store::{PostgresOptions, PostgresStore};

use crate::servers::postgres::Postgres;
