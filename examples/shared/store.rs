//! From the setting `STORE` to a store.

use tower_bearer::store::{
    AnyRingStore, AnyStore, MemoryStore, OpenError, RingStore, SessionStore, ShardedStore,
};
use tower_bearer_sqlx::SqliteStore;

use super::config::{Config, StartError, Store};

/// The store that is configured, which has the sessions and the key ring.
pub(crate) struct OpenStore {
    sessions: AnyStore,
    ring: AnyRingStore,
    /// Only SQLite is better off when it is closed: the last to leave the file empties its write-ahead log.
    to_close: Option<SqliteStore>,
}

impl OpenStore {
    pub(crate) async fn open(config: &Config) -> Result<Self, StartError> {
        Self::open_at(config.store()?).await
    }

    async fn open_at(store: Store<'_>) -> Result<Self, StartError> {
        let opened = match store {
            Store::Memory => Ok(Self::of(MemoryStore::new())),
            Store::Sqlite { address, .. } => {
                let opened = SqliteStore::connect(address).await;
                opened.map(|store| Self {
                    to_close: Some(store.clone()),
                    ..Self::of(store)
                })
            }
            #[cfg(feature = "mysql")]
            Store::MySql { address } => tower_bearer_sqlx::MySqlStore::connect(address)
                .await
                .map(Self::of),
            #[cfg(feature = "postgres")]
            Store::Postgres { address } => tower_bearer_sqlx::PostgresStore::connect(address)
                .await
                .map(Self::of),
            #[cfg(feature = "redis")]
            Store::Redis { address } => tower_bearer_redis::RedisStore::connect(address)
                .await
                .map(Self::of),
            #[cfg(feature = "mongodb")]
            Store::Mongodb { address } => tower_bearer_mongodb::MongoStore::connect(address)
                .await
                .map(Self::of),
            Store::Shards(addresses) => return Self::open_shards(addresses).await,
        };
        opened.map_err(|error: OpenError| StartError::new("STORE", &error))
    }

    fn of(store: impl SessionStore + RingStore + Clone) -> Self {
        Self {
            sessions: AnyStore::new(store.clone()),
            ring: AnyRingStore::new(store),
            to_close: None,
        }
    }

    /// Shards are named by their place, for brevity. An application gives them names that stay, and says in its
    /// configuration how far a change of the shards has come. The first of them has the ring.
    async fn open_shards(addresses: &str) -> Result<Self, StartError> {
        let (mut builder, mut ring) = (ShardedStore::builder(), None);
        for (place, address) in (1..).zip(addresses.split_whitespace()) {
            let shard = Box::pin(Self::open_at(Store::at(address)?)).await?;
            builder = builder.shard(format!("shard {place}"), shard.any());
            ring.get_or_insert(shard.ring);
        }
        let opened = builder.open().await;
        let opened = opened.map_err(|error| StartError::new("STORE", &error))?;
        Ok(Self {
            sessions: AnyStore::new(opened),
            ring: ring.ok_or_else(|| StartError::from("STORE: no shards".to_owned()))?,
            to_close: None,
        })
    }

    pub(crate) fn any(&self) -> AnyStore {
        self.sessions.clone()
    }

    pub(crate) fn ring(&self) -> AnyRingStore {
        self.ring.clone()
    }

    pub(crate) async fn close(self) {
        if let Some(store) = self.to_close {
            store.close().await;
        }
    }
}
