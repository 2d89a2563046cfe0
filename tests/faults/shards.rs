//! Several PostgreSQL servers as one store: one of them is killed, and one is added.

use std::sync::{Arc, Mutex};

use sqlx::Row;
use tests_shared::{picking::Picking, servers::postgres::Postgres};
use tower_bearer::store::{SessionStore, ShardedStore, ShardedStoreBuilder};
use tower_bearer_sqlx::PostgresStore;

use super::clients::Load;

const NAMES: [&str; 4] = ["one", "two", "three", "four"];

/// What a server keeps sessions in until it is restarted with something else.
#[derive(Clone)]
struct Given(Arc<Mutex<ShardedStore>>);

impl Given {
    fn store(&self) -> impl SessionStore + Clone + use<> {
        let Self(given) = self.clone();
        Picking(move || given.lock().expect("unpoisoned").clone())
    }

    async fn restart_with(&self, shards: ShardedStoreBuilder) {
        let store = shards.open().await.expect("the shards are right");
        *self.0.lock().expect("unpoisoned") = store;
    }
}

/// The database servers, and a connection of each application server to each of them.
struct Shards {
    servers: Vec<Postgres>,
    stores: [Vec<PostgresStore>; 2],
}

impl Shards {
    async fn start() -> Option<Self> {
        let (mut servers, mut stores) = (Vec::new(), [Vec::new(), Vec::new()]);
        for _ in NAMES {
            let server = Postgres::durable().await?;
            for stores in &mut stores {
                let store = PostgresStore::connect(&server.url()).await;
                stores.push(store.expect("it connects"));
            }
            servers.push(server);
        }
        Some(Self { servers, stores })
    }

    /// The first shards, for this application server.
    fn first(&self, count: usize, application: usize) -> ShardedStoreBuilder {
        let shards = NAMES.iter().zip(&self.stores[application]).take(count);
        shards.fold(ShardedStore::builder(), |builder, (name, store)| {
            builder.shard(*name, store.clone())
        })
    }

    fn with_the_fourth(&self, application: usize) -> ShardedStoreBuilder {
        let fourth = self.stores[application][3].clone();
        self.first(3, application).joining(NAMES[3], fourth)
    }

    /// How many sessions are live at a shard, beside its mark.
    async fn live(&self, shard: usize) -> i64 {
        let mut connection = self.servers[shard].connection().await;
        let live = "SELECT count(*) FROM tower_bearer_sessions WHERE ended_at IS NULL AND version < 1::bigint << 62";
        let row = sqlx::query(live).fetch_one(&mut connection).await;
        row.expect("an answer").get::<i64, _>(0) - 1
    }
}

async fn load_on(shards: &Shards) -> (Load<impl SessionStore + Clone + use<>>, [Given; 2]) {
    let mut given = Vec::new();
    for application in 0..2 {
        let store = shards.first(3, application).open().await;
        let store = store.expect("the shards are right");
        given.push(Given(Arc::new(Mutex::new(store))));
    }
    let given: [Given; 2] = given.try_into().ok().expect("two servers");
    let load = Load::on(given.each_ref().map(Given::store)).await;
    (load, given)
}

/// Sessions of the others go on as if nothing had happened.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_killed() {
    let Some(mut shards) = Shards::start().await else {
        return;
    };
    let (mut load, _given) = load_on(&shards).await;
    for shard in 0..3 {
        shards.servers[shard].kill9();
        load.enough_of_some().await;
        shards.servers[shard].restart().await;
        load.enough().await;
    }
    load.settle("Three shards, each killed and restarted").await;
}

/// From three to four shards in three rounds of restarts, with both servers killed on the way that a session
/// moves between.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_added() {
    let Some(mut shards) = Shards::start().await else {
        return;
    };
    let (mut load, given) = load_on(&shards).await;
    for (application, given) in given.iter().enumerate() {
        given
            .restart_with(shards.with_the_fourth(application))
            .await;
        load.enough().await;
    }
    assert_eq!(shards.live(3).await, 0, "no session moves before it may");
    for (application, given) in given.iter().enumerate() {
        let moving = shards.with_the_fourth(application).move_sessions(true);
        given.restart_with(moving).await;
        for shard in [0, 3] {
            shards.servers[shard].kill9();
            shards.servers[shard].restart().await;
        }
        load.enough().await;
    }
    let moved = shards.live(3).await;
    assert!(moved > 0, "no session has moved");
    for (application, given) in given.iter().enumerate() {
        given.restart_with(shards.first(4, application)).await;
        load.enough().await;
    }
    let what = format!("A fourth shard added to three, {moved} live sessions at the new one");
    load.settle(&what).await;
}
