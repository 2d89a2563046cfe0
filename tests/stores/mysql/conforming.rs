//! The contract of every store, on one server.

use std::sync::atomic::{AtomicU32, Ordering};

use tests_shared::servers::{ServerClock, galera::Galera};
use tower_bearer_conformance::{Fixture, check, ring};

use super::{settings::odd_pool, *};
use crate::service::served;

struct OnServer {
    store: MySqlStore,
    peer: MySqlStore,
    servers: Arc<Servers>,
    histories: u32,
}

/// One server, or a cluster of which each process asks another node.
enum Servers {
    One(MariaDb),
    Cluster(Galera),
}

impl Servers {
    fn urls(&self) -> [String; 2] {
        match self {
            Self::One(server) => [server.url(), server.url()],
            Self::Cluster(cluster) => [cluster.nodes[0].url(), cluster.nodes[1].url()],
        }
    }

    fn clock(&self) -> &ServerClock {
        let clock = match self {
            Self::One(server) => server.clock(),
            Self::Cluster(cluster) => cluster.clock(),
        };
        clock.expect("a clock")
    }
}

impl Fixture for OnServer {
    type Store = MySqlStore;

    fn store(&self) -> &MySqlStore {
        &self.store
    }

    fn peer(&self) -> &MySqlStore {
        &self.peer
    }

    async fn advance(&self, by: Duration) {
        self.servers.clock().advance(by);
    }

    async fn turn_back(&self, by: Duration) -> bool {
        self.servers.clock().set_back(by);
        true
    }

    fn histories(&self) -> u32 {
        self.histories
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn it_keeps_the_contract() {
    let Some(server) = with_a_clock().await else {
        return;
    };
    let stores = Stores::on(server, 100);
    check(async || stores.make(Kind::Address).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn it_keeps_the_contract_as_a_service() {
    let Some(server) = with_a_clock().await else {
        return;
    };
    let stores = Stores::on(server, 20);
    check(async || served(stores.make(Kind::Address).await)).await;
}

/// The application's connections commit nothing by themselves, lock what they read, cut what is too long, and
/// live in another time zone.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn it_keeps_the_contract_over_odd_connections() {
    let Some(server) = with_a_clock().await else {
        return;
    };
    let stores = Stores::on(server, 20);
    check(async || stores.make(Kind::OddPool).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn it_keeps_the_contract_on_a_cluster() {
    let Some(cluster) = Galera::start().await else {
        return;
    };
    if cluster.clock().is_some() {
        let stores = Stores::on(Servers::Cluster(cluster), 10);
        check(async || stores.make(Kind::Address).await).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn it_keeps_key_rings() {
    let Some(server) = with_a_clock().await else {
        return;
    };
    let stores = Stores::on(server, 0);
    ring::check(async || stores.make(Kind::Address).await).await;
    ring::check(async || stores.make(Kind::OddPool).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn it_keeps_key_rings_on_a_cluster() {
    let Some(cluster) = Galera::start().await else {
        return;
    };
    if cluster.clock().is_some() {
        let stores = Stores::on(Servers::Cluster(cluster), 0);
        ring::check(async || stores.make(Kind::Address).await).await;
    }
}

async fn with_a_clock() -> Option<Servers> {
    let server = MariaDb::start().await?;
    let has_clock = server.clock().is_some();
    has_clock.then_some(Servers::One(server))
}

#[derive(Clone, Copy)]
enum Kind {
    Address,
    OddPool,
}

/// Each case has a table of its own, and the server's clock to itself.
struct Stores {
    servers: Arc<Servers>,
    histories: u32,
    cases: AtomicU32,
}

impl Stores {
    fn on(servers: Servers, histories: u32) -> Self {
        Self {
            servers: Arc::new(servers),
            histories,
            cases: AtomicU32::new(0),
        }
    }

    async fn make(&self, kind: Kind) -> OnServer {
        let case = self.cases.fetch_add(1, Ordering::Relaxed);
        let options = patient().table(format!("case {case}"));
        let [one, other] = self.servers.urls();
        OnServer {
            store: kind.open(&one, &options).await,
            peer: kind.open(&other, &options).await,
            servers: Arc::clone(&self.servers),
            histories: self.histories,
        }
    }
}

impl Kind {
    async fn open(self, url: &str, options: &MySqlOptions) -> MySqlStore {
        if matches!(self, Self::Address) {
            return open_with(url, options.clone()).await;
        }
        let pool = odd_pool(url, 10).await;
        let store = MySqlStore::new_with(pool, options.clone()).await;
        store.expect("the store opens")
    }
}
