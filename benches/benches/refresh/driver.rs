//! What the drivers alone do: one swap in a statement, without a store.

use redis::{Script, aio::ConnectionManager};
use sqlx::{PgPool, SqlitePool};
use tower_bearer::SessionId;
use tower_bearer_benches::crowd::Client;
use tower_bearer_sqlx::{PostgresStore, SqliteStore};
use uuid::Uuid;

use crate::swapping::kept;

pub(crate) struct OnPostgres {
    pool: PgPool,
    id: SessionId,
    version: i64,
}

impl OnPostgres {
    pub(crate) async fn new(pool: &PgPool, store: &PostgresStore) -> Self {
        Self {
            pool: pool.clone(),
            id: kept(store).await.session.id,
            version: 0,
        }
    }
}

impl Client for OnPostgres {
    async fn once(&mut self) {
        const SWAP: &str = "UPDATE tower_bearer_sessions
            SET generation = $3, rotated_at = $4, delivered_at = $4, expires_at = $4,
                last_refreshed_at = $4, version = $3
            WHERE id = $1 AND version = $2 AND ended_at IS NULL";
        let swap = sqlx::query(SWAP)
            .bind(self.id.as_uuid())
            .bind(self.version)
            .bind(self.version + 1)
            .bind(i64::MAX);
        let done = swap.execute(&self.pool).await.expect("it swaps");
        assert_eq!(done.rows_affected(), 1);
        self.version += 1;
    }
}

pub(crate) struct OnSqlite {
    pool: SqlitePool,
    id: Vec<u8>,
    version: i64,
}

impl OnSqlite {
    pub(crate) async fn new(pool: &SqlitePool, store: &SqliteStore) -> Self {
        let id = kept(store).await.session.id;
        Self {
            pool: pool.clone(),
            id: id.as_uuid().as_bytes().to_vec(),
            version: 0,
        }
    }
}

impl Client for OnSqlite {
    async fn once(&mut self) {
        const SWAP: &str = "UPDATE tower_bearer_sessions
            SET generation = ?3, rotated_at = ?4, delivered_at = ?4, expires_at = ?4,
                last_refreshed_at = ?4, version = ?3
            WHERE id = ?1 AND version = ?2 AND ended_at IS NULL";
        let swap = sqlx::query(SWAP)
            .bind(self.id.as_slice())
            .bind(self.version)
            .bind(self.version + 1)
            .bind(i64::MAX);
        let done = swap.execute(&self.pool).await.expect("it swaps");
        assert_eq!(done.rows_affected(), 1);
        self.version += 1;
    }
}

/// The store's own script, called directly, on a value as long as a session's.
pub(crate) struct OnRedis {
    connection: ConnectionManager,
    script: Script,
    key: String,
    version: u64,
}

const HEAD: usize = 103;
const TAIL: usize = 160;

impl OnRedis {
    pub(crate) async fn connect(address: &str) -> ConnectionManager {
        let client = redis::Client::open(address).expect("an address");
        ConnectionManager::new(client).await.expect("it connects")
    }

    pub(crate) async fn new(connection: &ConnectionManager) -> Self {
        let source = include_str!("../../../crates/tower-bearer-redis/src/swap.lua");
        let driver = Self {
            connection: connection.clone(),
            script: Script::new(&format!("#!lua flags=allow-oom\n{source}")),
            key: format!("driver:{{{}}}", Uuid::now_v7()),
            version: 0,
        };
        let mut connection = connection.clone();
        let load = driver.script.prepare_invoke();
        load.load_async(&mut connection).await.expect("it loads");
        let mut value = head(0);
        value.resize(HEAD + TAIL, b'x');
        let mut set = redis::cmd("SET");
        set.arg(&driver.key).arg(value);
        let set = set.query_async::<()>(&mut connection).await;
        set.expect("it is set");
        driver
    }
}

fn head(version: u64) -> Vec<u8> {
    let mut head = vec![1];
    head.extend(version.to_be_bytes());
    head.resize(HEAD, 0);
    head
}

impl Client for OnRedis {
    async fn once(&mut self) {
        let mut call = redis::cmd("EVALSHA");
        call.arg(self.script.get_hash())
            .arg(1)
            .arg(&self.key)
            .arg(&head(self.version)[..10])
            .arg(head(self.version + 1));
        let done = call.query_async::<u64>(&mut self.connection).await;
        assert_eq!(done.expect("it swaps"), 1);
        self.version += 1;
    }
}
