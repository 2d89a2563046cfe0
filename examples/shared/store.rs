//! From the setting `STORE` to a store.

use tower_bearer::store::{AnyStore, MemoryStore, OpenError};
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
        let opened = match config.store()? {
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
        };
        opened.map_err(|error: OpenError| StartError::new("STORE", &error))
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
