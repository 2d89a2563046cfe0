//! From the setting `STORE` to a store.

use tower_bearer::store::{AnyStore, MemoryStore, OpenError, ShardedStore};
use tower_bearer_sqlx::SqliteStore;

use super::config::{Config, StartError, Store};

/// The store that is configured. Only SQLite is better off when it is closed: the last to leave
/// the file empties its write-ahead log.
pub(crate) enum OpenStore {
    Sqlite(SqliteStore),
    Other(AnyStore),
}

impl OpenStore {
    pub(crate) async fn open(config: &Config) -> Result<Self, StartError> {
        Self::open_at(config.store()?).await
    }

    async fn open_at(store: Store<'_>) -> Result<Self, StartError> {
        let opened = match store {
            Store::Memory => Ok(Self::Other(AnyStore::new(MemoryStore::new()))),
            Store::Sqlite { address, .. } => SqliteStore::connect(address).await.map(Self::Sqlite),
            #[cfg(feature = "mysql")]
            Store::MySql { address } => tower_bearer_sqlx::MySqlStore::connect(address)
                .await
                .map(|store| Self::Other(AnyStore::new(store))),
            #[cfg(feature = "postgres")]
            Store::Postgres { address } => tower_bearer_sqlx::PostgresStore::connect(address)
                .await
                .map(|store| Self::Other(AnyStore::new(store))),
            #[cfg(feature = "redis")]
            Store::Redis { address } => tower_bearer_redis::RedisStore::connect(address)
                .await
                .map(|store| Self::Other(AnyStore::new(store))),
            #[cfg(feature = "mongodb")]
            Store::Mongodb { address } => tower_bearer_mongodb::MongoStore::connect(address)
                .await
                .map(|store| Self::Other(AnyStore::new(store))),
            Store::Shards(addresses) => return Self::open_shards(addresses).await,
        };
        opened.map_err(|error: OpenError| StartError::new("STORE", &error))
    }

    /// Shards are named by their place, for brevity. An application gives them names that stay, and says in its
    /// configuration how far a change of the shards has come.
    async fn open_shards(addresses: &str) -> Result<Self, StartError> {
        let mut builder = ShardedStore::builder();
        for (place, address) in (1..).zip(addresses.split_whitespace()) {
            let shard = Box::pin(Self::open_at(Store::at(address)?)).await?;
            builder = builder.shard(format!("shard {place}"), shard.any());
        }
        let opened = builder.open().await;
        let opened = opened.map_err(|error| StartError::new("STORE", &error))?;
        Ok(Self::Other(AnyStore::new(opened)))
    }

    pub(crate) fn any(&self) -> AnyStore {
        match self {
            Self::Sqlite(store) => AnyStore::new(store.clone()),
            Self::Other(store) => store.clone(),
        }
    }

    pub(crate) async fn close(self) {
        if let Self::Sqlite(store) = self {
            store.close().await;
        }
    }
}
