//! What is Redis' own, on servers that the tests start.

mod conforming;

use std::time::Duration;

use tower_bearer::store::{RedisOptions, RedisStore};

use crate::servers::redis::Redis;
