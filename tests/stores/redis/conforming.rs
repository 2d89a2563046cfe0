//! The contract of every store, on one server.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use tower_bearer::store::conformance::{Fixture, check};

use super::*;

struct OnServer {
    store: RedisStore,
    peer: RedisStore,
    server: Arc<Redis>,
}

impl Fixture for OnServer {
    type Store = RedisStore;

    fn store(&self) -> &RedisStore {
        &self.store
    }

    fn peer(&self) -> &RedisStore {
        &self.peer
    }

    async fn advance(&self, by: Duration) {
        self.server.clock().expect("a clock").advance(by);
    }

    async fn turn_back(&self, by: Duration) -> bool {
        self.server.clock().expect("a clock").set_back(by);
        true
    }

    fn deletes_by_itself(&self) -> bool {
        true
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn it_keeps_the_contract() {
    let Some(server) = Redis::start().await else {
        return;
    };
    if server.clock().is_none() {
        return;
    }
    let server = Arc::new(server);
    let cases = AtomicU32::new(0);
    check(async || {
        let case = cases.fetch_add(1, Ordering::Relaxed);
        let options = RedisOptions::new().prefix(format!("case {case}:"));
        let open = async || RedisStore::connect_with(&server.url(), options.clone()).await;
        OnServer {
            store: open().await.expect("it opens"),
            peer: open().await.expect("it opens"),
            server: server.clone(),
        }
    })
    .await;
}
