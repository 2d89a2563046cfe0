//! A server that answers as a test says: it shows what the store makes of the answers, and nothing of Redis.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::Relaxed},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use super::*;

/// The answer to a command, or nothing if none comes.
type Script = fn(&str) -> Option<&'static str>;

struct Scripted {
    port: u16,
    connections: Arc<AtomicUsize>,
}

impl Scripted {
    async fn start(script: Script) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let connections = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&connections);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                counted.fetch_add(1, Relaxed);
                tokio::spawn(serve(client, script));
            }
        });
        Self { port, connections }
    }

    async fn open(&self, timeout: Duration) -> Result<RedisStore, tower_bearer::store::OpenError> {
        let url = format!("redis://127.0.0.1:{}", self.port);
        RedisStore::connect_with(&url, RedisOptions::new().timeout(timeout)).await
    }
}

async fn serve(mut client: TcpStream, script: Script) {
    let mut received = Vec::new();
    while client
        .read_buf(&mut received)
        .await
        .is_ok_and(|read| read > 0)
    {
        while let Some((name, rest)) = command(&received) {
            if let Some(answer) = script(&name) {
                client.write_all(answer.as_bytes()).await.unwrap();
            }
            received = rest;
        }
    }
}

/// The name of the first command, and what follows it, if all of it is there.
fn command(mut bytes: &[u8]) -> Option<(String, Vec<u8>)> {
    let mut words = Vec::new();
    for _ in 0..length(&mut bytes)? {
        let length = length(&mut bytes)?;
        let (word, rest) = bytes.split_at_checked(length + 2)?;
        words.push(&word[..length]);
        bytes = rest;
    }
    let name = String::from_utf8(words.first()?.to_vec()).unwrap();
    Some((name, bytes.to_vec()))
}

/// Takes a line such as `*3` or `$7`.
fn length(bytes: &mut &[u8]) -> Option<usize> {
    let end = bytes.windows(2).position(|end| end == b"\r\n")?;
    let (line, rest) = bytes.split_at(end);
    *bytes = &rest[2..];
    Some(std::str::from_utf8(&line[1..]).unwrap().parse().unwrap())
}

#[tokio::test]
async fn a_server_that_says_nothing_once_it_is_connected_is_refused_in_time() {
    let server = Scripted::start(|name| (name != "PING").then_some("+OK\r\n")).await;
    let opening = server.open(Duration::from_millis(300));
    let opened = timeout(Duration::from_secs(60), opening).await;
    let error = opened.expect("it waits for ever").unwrap_err();
    assert_eq!(
        error.kind(),
        tower_bearer::store::OpenErrorKind::Unreachable
    );
}

#[tokio::test]
async fn an_answer_that_refuses_a_command_leaves_the_connection_alone() {
    let server = Scripted::start(|name| match name {
        "TIME" => Some("-ERR unknown command\r\n"),
        _ => Some("+OK\r\n"),
    })
    .await;
    let store = server.open(Duration::from_secs(20)).await.unwrap();
    let before = server.connections.load(Relaxed);
    // Long after the connection was made.
    tokio::time::pause();
    tokio::time::advance(HOUR).await;
    tokio::time::resume();
    for _ in 0..3 {
        assert_eq!(kind(store.now().await), StoreErrorKind::Unavailable);
    }
    assert_eq!(server.connections.load(Relaxed), before);
}
