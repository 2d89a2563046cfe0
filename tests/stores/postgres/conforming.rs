//! The contract of every store, on one server.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use tower_bearer::store::conformance::{Fixture, check};

use super::*;

struct OnServer {
    store: PostgresStore,
    peer: PostgresStore,
    server: Arc<Postgres>,
}

impl Fixture for OnServer {
    type Store = PostgresStore;

    fn store(&self) -> &PostgresStore {
        &self.store
    }

    fn peer(&self) -> &PostgresStore {
        &self.peer
    }

    async fn advance(&self, by: Duration) {
        self.server.clock().expect("a clock").advance(by);
    }

    async fn turn_back(&self, by: Duration) -> bool {
        self.server.clock().expect("a clock").set_back(by);
        true
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn it_keeps_the_contract() {
    if let Some(server) = with_a_clock().await {
        let url = server.url();
        keeps_the_contract(server, &url, PostgresOptions::new()).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn it_keeps_the_contract_behind_a_pooler() {
    let Some(server) = with_a_clock().await else {
        return;
    };
    if let Some(pooler) = PgBouncer::start(&server, 4).await {
        let options = PostgresOptions::new().prepared_statements(false);
        keeps_the_contract(server, &pooler.url(), options).await;
    }
}

async fn with_a_clock() -> Option<Postgres> {
    let server = Postgres::start().await?;
    server.clock().is_some().then_some(server)
}

/// Each case has a table of its own, and the server's clock to itself.
async fn keeps_the_contract(server: Postgres, url: &str, options: PostgresOptions) {
    let server = Arc::new(server);
    let cases = AtomicU32::new(0);
    check(async || {
        let case = cases.fetch_add(1, Ordering::Relaxed);
        let options = options.clone().table(format!("case {case}"));
        OnServer {
            store: open_with(url, options.clone()).await,
            peer: open_with(url, options).await,
            server: server.clone(),
        }
    })
    .await;
}
