//! The contract of every store, on one server.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use tower_bearer_conformance::{Fixture, check, ring};

use super::*;
use crate::service::served;

struct OnServer {
    store: PostgresStore,
    peer: PostgresStore,
    server: Arc<Postgres>,
    histories: u32,
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

    fn histories(&self) -> u32 {
        self.histories
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn it_keeps_the_contract() {
    let Some(server) = with_a_clock().await else {
        return;
    };
    let url = server.url();
    let stores = Stores::on(server, url, patient(), 100);
    check(async || stores.make().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn it_keeps_the_contract_on_version_18() {
    let server = Postgres::of_version_18().await;
    let Some(server) = server.filter(|server| server.clock().is_some()) else {
        return;
    };
    let url = server.url();
    let stores = Stores::on(server, url, patient(), 20);
    check(async || stores.make().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn it_keeps_the_contract_as_a_service() {
    let Some(server) = with_a_clock().await else {
        return;
    };
    let url = server.url();
    let stores = Stores::on(server, url, patient(), 20);
    check(async || served(stores.make().await)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn it_keeps_the_contract_behind_a_pooler() {
    let Some(server) = with_a_clock().await else {
        return;
    };
    if let Some(pooler) = PgBouncer::start(&server, 4).await {
        let options = patient().prepared_statements(false);
        let stores = Stores::on(server, pooler.url(), options, 20);
        check(async || stores.make().await).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn it_keeps_key_rings() {
    let Some(server) = with_a_clock().await else {
        return;
    };
    if let Some(pooler) = PgBouncer::start(&server, 4).await {
        let url = server.url();
        let stores = Stores::on(server, url, patient(), 0);
        ring::check(async || stores.make().await).await;
        let options = patient().prepared_statements(false);
        let options = options.schema("pooled");
        let pooled = Stores {
            url: pooler.url(),
            options,
            ..stores
        };
        ring::check(async || pooled.make().await).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn it_keeps_key_rings_on_version_18() {
    let server = Postgres::of_version_18().await;
    let Some(server) = server.filter(|server| server.clock().is_some()) else {
        return;
    };
    let url = server.url();
    let stores = Stores::on(server, url, patient(), 0);
    ring::check(async || stores.make().await).await;
}

async fn with_a_clock() -> Option<Postgres> {
    let server = Postgres::start().await?;
    server.clock().is_some().then_some(server)
}

/// Each case has a table of its own, and the server's clock to itself.
struct Stores {
    server: Arc<Postgres>,
    url: String,
    options: PostgresOptions,
    histories: u32,
    cases: AtomicU32,
}

impl Stores {
    fn on(server: Postgres, url: String, options: PostgresOptions, histories: u32) -> Self {
        Self {
            server: Arc::new(server),
            url,
            options,
            histories,
            cases: AtomicU32::new(0),
        }
    }

    async fn make(&self) -> OnServer {
        let case = self.cases.fetch_add(1, Ordering::Relaxed);
        let options = self.options.clone().table(format!("case {case}"));
        OnServer {
            store: open_with(&self.url, options.clone()).await,
            peer: open_with(&self.url, options).await,
            server: Arc::clone(&self.server),
            histories: self.histories,
        }
    }
}
