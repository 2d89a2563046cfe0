//! Sessions on a store of any kind.

use tower_bearer::{Algorithm, session::Sessions, store::AnyStore};
use tower_bearer_benches::refreshing;
use tower_bearer_redis::RedisStore;
use tower_bearer_sqlx::{PostgresStore, SqliteStore};

pub(crate) async fn sessions(engine: &str, address: &str) -> Sessions {
    let store = match engine {
        "sqlite" => AnyStore::new(SqliteStore::connect(address).await.expect("it opens")),
        "redis" => AnyStore::new(RedisStore::connect(address).await.expect("it opens")),
        "postgres" => AnyStore::new(PostgresStore::connect(address).await.expect("it opens")),
        other => panic!("there is no engine {other}"),
    };
    refreshing::sessions(store, Algorithm::EdDSA)
}
