//! The contract of every store, on one server.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use tower_bearer_conformance::{Fixture, check};

use super::*;
use crate::service::served;

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
    if let Some(stores) = Stores::on_a_server().await {
        check(async || stores.make().await).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn it_keeps_the_contract_as_a_service() {
    if let Some(stores) = Stores::on_a_server().await {
        check(async || served(stores.make().await)).await;
    }
}

/// Each case has a prefix of its own, and the server's clock to itself.
struct Stores {
    server: Arc<Redis>,
    cases: AtomicU32,
}

impl Stores {
    async fn on_a_server() -> Option<Self> {
        let server = Redis::start().await?;
        server.clock()?;
        Some(Self {
            server: Arc::new(server),
            cases: AtomicU32::new(0),
        })
    }

    async fn make(&self) -> OnServer {
        let case = self.cases.fetch_add(1, Ordering::Relaxed);
        // With patience, as the machine may be busy with other tests.
        let options = RedisOptions::new().timeout(Duration::from_secs(20));
        let options = options.prefix(format!("case {case}:"));
        let url = self.server.url();
        let open = async || RedisStore::connect_with(&url, options.clone()).await;
        OnServer {
            store: open().await.expect("it opens"),
            peer: open().await.expect("it opens"),
            server: Arc::clone(&self.server),
        }
    }
}
