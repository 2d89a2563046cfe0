//! A Redis server with a replica, and three sentinels that watch over them.

use std::{
    fs,
    os::unix::process::CommandExt,
    process::Stdio,
    time::{Duration, Instant},
};

use redis::RedisResult;
use tokio::time::sleep;

use super::{
    Home, Process, free_port,
    redis::{Engine, Redis},
};

/// The name that the sentinels have for the server.
pub const NAME: &str = "main";

/// A primary and a replica, and those who watch over them.
pub struct Watched {
    pub primary: Redis,
    pub replica: Redis,
    sentinels: Vec<Sentinel>,
}

struct Sentinel {
    port: u16,
    _home: Home,
    process: Process,
}

impl Watched {
    /// A primary that has been silent for a second is replaced.
    pub async fn start() -> Option<Self> {
        let primary = Redis::start().await?;
        let replica = primary.replica().await;
        let mut sentinels: Vec<_> = (0..3).map(|_| Sentinel::start(primary.port())).collect();
        let deadline = Instant::now() + Duration::from_secs(60);
        for sentinel in &mut sentinels {
            while !sentinel.is_ready().await {
                // Where somebody else was faster with its port, another one takes its place.
                if sentinel.process.ended().is_some() {
                    *sentinel = Sentinel::start(primary.port());
                }
                assert!(Instant::now() < deadline, "the sentinels do not meet");
                sleep(Duration::from_millis(50)).await;
            }
        }
        Some(Self {
            primary,
            replica,
            sentinels,
        })
    }

    /// Where the sentinels are, and what they call the primary.
    pub fn url(&self) -> String {
        let places = self.sentinels.iter();
        let places = places.map(|it| format!("127.0.0.1:{}", it.port));
        let places = places.collect::<Vec<_>>().join(",");
        format!("redis+sentinel://{places}/{NAME}")
    }

    /// Kills one of the sentinels: the others are enough.
    pub fn lose_a_sentinel(&mut self) {
        if let Some(sentinel) = self.sentinels.first_mut() {
            sentinel.process.kill();
        }
    }

    /// Waits until the replica has taken over.
    pub async fn taken_over(&self) {
        tells(&self.replica, "role:master").await;
    }

    /// Waits until the server that was the primary follows the other one.
    pub async fn returned(&self) {
        tells(&self.primary, "master_link_status:up").await;
    }
}

/// Waits until a server tells this of its role.
async fn tells(server: &Redis, what: &str) {
    let deadline = Instant::now() + Duration::from_secs(60);
    // A sentinel that gives a server another role ends all of its connections.
    while !told(&server.url(), "replication")
        .await
        .is_ok_and(|told| told.contains(what))
    {
        assert!(Instant::now() < deadline, "there is no failover");
        sleep(Duration::from_millis(20)).await;
    }
}

async fn told(url: &str, section: &str) -> RedisResult<String> {
    let client = redis::Client::open(url)?;
    let mut connection = client.get_multiplexed_async_connection().await?;
    let mut info = redis::cmd("INFO");
    info.arg(section).query_async(&mut connection).await
}

impl Sentinel {
    fn start(primary: u16) -> Self {
        let home = Home::new(&["redis", "nobody"]);
        let port = free_port();
        let settings = format!(
            "port {port}\nbind 127.0.0.1\n\
             sentinel monitor {NAME} 127.0.0.1 {primary} 2\n\
             sentinel down-after-milliseconds {NAME} 1000\n\
             sentinel failover-timeout {NAME} 5000\n"
        );
        let file = home.path().join("sentinel.conf");
        fs::write(&file, settings).expect("writable");
        home.give(&file);
        let program = Engine::Redis.program().expect("it is installed");
        let mut command = home.command(&program);
        command.arg0("redis-sentinel");
        command.arg(&file).arg("--sentinel");
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let process = Process::start(&mut command);
        Self {
            port,
            _home: home,
            process,
        }
    }

    /// Whether it knows the replica and the other sentinels.
    async fn is_ready(&self) -> bool {
        let url = format!("redis://127.0.0.1:{}/", self.port);
        let told = told(&url, "sentinel").await.unwrap_or_default();
        told.contains("status=ok") && told.contains("slaves=1,sentinels=3")
    }
}
