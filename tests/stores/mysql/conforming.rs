//! The contract of every store, on one server.

use std::sync::atomic::{AtomicU32, Ordering};

use tower_bearer_conformance::{Fixture, check};

use super::{settings::odd_pool, *};
use crate::service::served;

struct OnServer {
    store: MySqlStore,
    peer: MySqlStore,
    server: Arc<MariaDb>,
    histories: u32,
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
        self.server.clock().expect("a clock").advance(by);
    }

    async fn turn_back(&self, by: Duration) -> bool {
        self.server.clock().expect("a clock").set_back(by);
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

async fn with_a_clock() -> Option<MariaDb> {
    let server = MariaDb::start().await?;
    server.clock().is_some().then_some(server)
}

#[derive(Clone, Copy)]
enum Kind {
    Address,
    OddPool,
}

/// Each case has a table of its own, and the server's clock to itself.
struct Stores {
    server: Arc<MariaDb>,
    histories: u32,
    cases: AtomicU32,
}

impl Stores {
    fn on(server: MariaDb, histories: u32) -> Self {
        Self {
            server: Arc::new(server),
            histories,
            cases: AtomicU32::new(0),
        }
    }

    async fn make(&self, kind: Kind) -> OnServer {
        let case = self.cases.fetch_add(1, Ordering::Relaxed);
        let options = MySqlOptions::new().table(format!("case {case}"));
        let url = self.server.url();
        OnServer {
            store: kind.open(&url, &options).await,
            peer: kind.open(&url, &options).await,
            server: Arc::clone(&self.server),
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
