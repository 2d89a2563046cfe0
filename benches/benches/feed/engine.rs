//! Sessions on a store of any kind.

use tower_bearer::{
    Algorithm,
    session::Sessions,
    store::{AnyStore, ShardedStore},
};
use tower_bearer_benches::refreshing;
use tower_bearer_mongodb::MongoStore;
use tower_bearer_redis::RedisStore;
use tower_bearer_sqlx::{MySqlStore, PostgresStore, SqliteStore};

/// What the addresses of several servers are joined by.
pub(crate) const BETWEEN: &str = " ";

pub(crate) async fn sessions(engine: &str, address: &str) -> Sessions {
    refreshing::sessions(store(engine, address).await, Algorithm::EdDSA)
}

async fn store(engine: &str, address: &str) -> AnyStore {
    match engine {
        "sqlite" => AnyStore::new(SqliteStore::connect(address).await.expect("it opens")),
        "redis" | "valkey" | "redis_cluster" => {
            AnyStore::new(RedisStore::connect(address).await.expect("it opens"))
        }
        "postgres" => AnyStore::new(PostgresStore::connect(address).await.expect("it opens")),
        "postgres_shards" => AnyStore::new(shards(address).await),
        "mariadb" => AnyStore::new(MySqlStore::connect(address).await.expect("it opens")),
        "mongodb" => AnyStore::new(MongoStore::connect(address).await.expect("it opens")),
        other => panic!("there is no engine {other}"),
    }
}

async fn shards(addresses: &str) -> ShardedStore {
    let mut builder = ShardedStore::builder();
    for (number, address) in addresses.split(BETWEEN).enumerate() {
        let shard = PostgresStore::connect(address).await.expect("it opens");
        builder = builder.shard(format!("shard-{number}"), shard);
    }
    builder.open().await.expect("the shards are right")
}
