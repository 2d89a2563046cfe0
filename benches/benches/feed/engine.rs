//! A store of any kind at an address.

use tower_bearer::store::AnyStore;
use tower_bearer_redis::RedisStore;
use tower_bearer_sqlx::{PostgresStore, SqliteStore};

pub(crate) async fn open(engine: &str, address: &str) -> AnyStore {
    match engine {
        "sqlite" => AnyStore::new(SqliteStore::connect(address).await.expect("it opens")),
        "redis" => AnyStore::new(RedisStore::connect(address).await.expect("it opens")),
        "postgres" => AnyStore::new(PostgresStore::connect(address).await.expect("it opens")),
        other => panic!("there is no engine {other}"),
    }
}
