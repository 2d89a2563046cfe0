//! `examples/cluster/run`: three servers, and a client that each refreshes in turn.

use std::{path::Path, process::Command};

use tests_shared::{
    program,
    servers::{
        mariadb::MariaDb,
        mongodb::Nx27017,
        postgres::Postgres,
        redis::{Engine, Redis},
        redis_cluster::RedisCluster,
    },
};

#[tokio::test]
async fn on_postgres() {
    if let Some(postgres) = Postgres::start().await {
        run(&postgres.url());
    }
}

#[tokio::test]
async fn on_three_shards() {
    let mut urls = Vec::new();
    let Some(postgres) = Postgres::start().await else {
        return;
    };
    for name in ["one", "two", "three"] {
        urls.push(postgres.database(name).await);
    }
    run(&urls.join(" "));
}

#[tokio::test]
async fn on_mariadb() {
    if let Some(mariadb) = MariaDb::start().await {
        run(&mariadb.url());
    }
}

#[tokio::test]
async fn on_mongodb() {
    if let Some(server) = Nx27017::start().await {
        run(&server.url());
    }
}

#[tokio::test]
async fn on_redis() {
    if let Some(redis) = Redis::start().await {
        run(&redis.url());
    }
}

#[tokio::test]
async fn on_a_redis_cluster() {
    if let Some(cluster) = RedisCluster::start(Engine::Redis, &[]).await {
        run(&cluster.url());
    }
}

fn run(store: &str) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/cluster/run");
    let output = Command::new(script)
        .env("STORE", store)
        .env("QUICKSTART", program::binary("quickstart"))
        .output()
        .expect("it runs");
    let said = String::from_utf8(output.stdout).expect("UTF-8");
    let complained = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}{complained}");
    let mut expected = vec!["alice logged in at server 1, and server 2 knows it".to_owned()];
    for (at, knows) in [(2, 3), (3, 1), (1, 2), (2, 3), (3, 1), (1, 2)] {
        expected.push(format!("server {at} refreshed, server {knows} knows alice"));
    }
    for number in 1..4 {
        expected.push(format!(
            "logged out at server 1: server {number} answers 400"
        ));
    }
    for number in 1..4 {
        expected.push(format!(
            "logged out at server 1: server {number} answers the access token with 401"
        ));
    }
    let said: Vec<_> = said
        .lines()
        .filter(|line| !line.contains("http://"))
        .collect();
    assert_eq!(said, expected);
}
