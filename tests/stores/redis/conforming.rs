//! The contract of every store, on one server and on a cluster, of Redis and of Valkey.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use tests_shared::servers::{redis::Engine, redis_cluster::RedisCluster};
use tower_bearer_conformance::{Fixture, check, ring};

use super::*;
use crate::service::served;

struct OnServer {
    store: RedisStore,
    peer: RedisStore,
    servers: Arc<Vec<Redis>>,
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
        for server in self.servers.iter() {
            server.clock().expect("a clock").advance(by);
        }
        until_valkey_looks().await;
    }

    async fn turn_back(&self, by: Duration) -> bool {
        for server in self.servers.iter() {
            server.clock().expect("a clock").set_back(by);
        }
        until_valkey_looks().await;
        true
    }

    // On a cluster, where each clock has to be moved, they take long.
    fn histories(&self) -> u32 {
        if self.servers.len() > 1 { 20 } else { 100 }
    }

    fn deletes_by_itself(&self) -> bool {
        true
    }
}

/// Valkey 9 looks at the machine's clock once a millisecond, however many commands come meanwhile.
async fn until_valkey_looks() {
    tokio::time::sleep(Duration::from_millis(3)).await;
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

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn it_keeps_the_contract_on_valkey() {
    if let Some(server) = Redis::start_as(Engine::Valkey, &[]).await
        && let Some(stores) = Stores::on(server.url(), vec![server])
    {
        check(async || stores.make().await).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn it_keeps_the_contract_on_a_cluster() {
    on_a_cluster(Engine::Redis).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn it_keeps_the_contract_on_a_cluster_of_valkey() {
    on_a_cluster(Engine::Valkey).await;
}

async fn on_a_cluster(engine: Engine) {
    if let Some(stores) = Stores::on_the_cluster(engine).await {
        check(async || stores.make().await).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn it_keeps_key_rings() {
    if let Some(stores) = Stores::on_a_server().await {
        ring::check(async || stores.make().await).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn it_keeps_key_rings_on_a_cluster() {
    if let Some(stores) = Stores::on_the_cluster(Engine::Redis).await {
        ring::check(async || stores.make().await).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn it_keeps_key_rings_on_a_cluster_of_valkey() {
    if let Some(stores) = Stores::on_the_cluster(Engine::Valkey).await {
        ring::check(async || stores.make().await).await;
    }
}

/// Each case has a prefix of its own, and the servers' clocks to itself.
struct Stores {
    url: String,
    servers: Arc<Vec<Redis>>,
    cases: AtomicU32,
}

impl Stores {
    async fn on_a_server() -> Option<Self> {
        let server = Redis::start().await?;
        Self::on(server.url(), vec![server])
    }

    async fn on_the_cluster(engine: Engine) -> Option<Self> {
        let cluster = RedisCluster::without_replicas(engine).await?;
        Self::on(cluster.url(), cluster.nodes)
    }

    fn on(url: String, servers: Vec<Redis>) -> Option<Self> {
        servers
            .iter()
            .try_for_each(|server| server.clock().map(drop))?;
        Some(Self {
            url,
            servers: Arc::new(servers),
            cases: AtomicU32::new(0),
        })
    }

    async fn make(&self) -> OnServer {
        let case = self.cases.fetch_add(1, Ordering::Relaxed);
        // With patience, as the machine may be busy with other tests.
        let options = RedisOptions::new().timeout(Duration::from_secs(20));
        let options = options.prefix(format!("case {case}:"));
        let open = async || RedisStore::connect_with(&self.url, options.clone()).await;
        OnServer {
            store: open().await.expect("it opens"),
            peer: open().await.expect("it opens"),
            servers: Arc::clone(&self.servers),
        }
    }
}
