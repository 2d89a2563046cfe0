//! What is MongoDB's own, on servers that the tests start.

mod conforming;

use std::time::Duration;

use tests_shared::servers::mongodb::Nx27017;
use tower_bearer_mongodb::{MongoOptions, MongoStore};
