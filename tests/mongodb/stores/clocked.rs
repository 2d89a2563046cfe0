//! A clock of the test's own.

use std::time::Duration;

use tower_bearer_mongodb::{MongoOptions, MongoStore};

use crate::{server::Nx27017, turned::turned};

/// nx-27017 takes many minutes for the whole contract, as each end is a load and a swap.
#[tokio::test]
async fn sessions_in_mongodb_go_by_the_clock_that_is_turned() {
    let Some(server) = Nx27017::start().await else {
        return;
    };
    let options = MongoOptions::new().timeout(Duration::from_secs(20));
    let store = MongoStore::connect_with(&server.url(), options).await;
    turned(store.unwrap()).await;
}
