//! Redis without any sync, on this machine.

use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

use aws_lc_rs::rand;
use redis::{AsyncConnectionConfig, Script, aio::MultiplexedConnection};
use tests_shared::{servers::redis::Redis, skipped};
use tower_bearer::{clock::Timestamp, store::Record};
use tower_bearer_benches::{effort::Effort, origin, report::Report, tokens::ISSUER};
use tower_bearer_redis::RedisStore;
use uuid::{Builder, Uuid, Variant, Version};

use crate::{
    measure::growth,
    size::Sizes,
    table::{Table, keep},
    wear,
};

const CLIENTS: usize = 64;
/// How many copies one script makes.
const BATCH: usize = 500;
/// What the names of the store's keys begin with.
const PREFIX: &str = "tower_bearer:";

struct OnRedis {
    store: RedisStore,
    connection: MultiplexedConnection,
    copy: Script,
}

pub(crate) async fn measure(sizes: &Sizes, effort: Effort, report: &mut Report) {
    let Some(server) = Redis::start_to_measure().await else {
        return skipped("redis-server is not installed");
    };
    report.origin(origin::program("Redis", "redis-server"));
    // The filling of a table leaves no rewrite of the log for the turns that follow.
    let () = server.run("CONFIG SET auto-aof-rewrite-percentage 0").await;
    let databases = AtomicU64::new(0);
    let open = async |_| {
        let database = databases.fetch_add(1, Relaxed);
        OnRedis::open(&format!("{}{database}", server.url())).await
    };
    let table = open(String::new()).await;
    wear::measure("redis", CLIENTS, effort, report, &table).await;
    growth("redis", CLIENTS, sizes, effort, report, open).await;
}

impl OnRedis {
    async fn open(address: &str) -> Self {
        let client = redis::Client::open(address).expect("an address");
        // Nothing else is so slow that it would need a limit.
        let config = AsyncConnectionConfig::new().set_response_timeout(None);
        let connection = client.get_multiplexed_async_connection_with_config(&config);
        Self {
            store: RedisStore::connect(address).await.expect("it opens"),
            connection: connection.await.expect("it connects"),
            copy: Script::new(include_str!("copy.lua")),
        }
    }

    async fn keys(&self) -> u64 {
        let mut connection = self.connection.clone();
        let keys = redis::cmd("DBSIZE").query_async(&mut connection).await;
        keys.expect("a number")
    }

    /// Copies a session, with another end if it is not 0.
    async fn copy(&self, record: &Record, count: usize, ends_at: i64) {
        let mut connection = self.connection.clone();
        let (id, subject) = (record.session.id.to_string(), &record.session.subject);
        let index = format!("{PREFIX}subject:{}:{ISSUER}:{subject}", ISSUER.len());
        for first in (0..count).step_by(BATCH) {
            let mut call = self.copy.key(format!("{PREFIX}session:{{{id}}}"));
            call.key(&index).arg(&id).arg(subject).arg(ends_at);
            for _ in first..count.min(first + BATCH) {
                let copy = beside(record);
                call.arg(copy.to_string()).arg(copy.as_bytes().as_slice());
                call.arg(Uuid::new_v8(random()).to_string());
            }
            let () = call.invoke_async(&mut connection).await.expect("it copies");
        }
    }
}

fn random() -> [u8; 16] {
    let mut bytes = [0; 16];
    rand::fill(&mut bytes).expect("random bytes");
    bytes
}

/// The identifier of a session that came in the same millisecond.
fn beside(record: &Record) -> Uuid {
    let mut bytes = random();
    bytes[..6].copy_from_slice(&record.session.id.as_uuid().as_bytes()[..6]);
    Builder::from_bytes(bytes)
        .with_variant(Variant::RFC4122)
        .with_version(Version::SortRand)
        .into_uuid()
}

impl Table for OnRedis {
    type Store = RedisStore;

    fn store(&self) -> &RedisStore {
        &self.store
    }

    async fn fill(&mut self, records: &[Record], times: usize) {
        keep(&self.store, records).await;
        for record in records {
            self.copy(record, times - 1, 0).await;
        }
    }

    async fn add_ending(&self, alike: &Record, count: usize, ends_at: Timestamp) {
        self.copy(alike, count, ends_at.as_millis()).await;
    }

    async fn settle(&self) {}

    async fn bytes(&self) -> u64 {
        let mut connection = self.connection.clone();
        let memory = redis::cmd("INFO")
            .arg("memory")
            .query_async(&mut connection)
            .await;
        let memory: String = memory.expect("the server tells");
        let used = memory
            .lines()
            .find_map(|line| line.strip_prefix("used_memory:"));
        used.and_then(|used| used.parse().ok()).expect("a number")
    }

    // The server deletes what has expired itself, session and index, but not all of it soon: what
    // is left is less than a tenth of its keys.
    async fn clean_up(&self) -> usize {
        let before = self.keys().await;
        tokio::time::sleep(Duration::from_secs(2)).await;
        usize::try_from((before - self.keys().await) / 2).expect("not so many")
    }
}
