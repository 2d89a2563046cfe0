//! Clients that begin a body and do not go on.

use std::{net::SocketAddr, time::Duration};

use tests_shared::{
    client::{Client, get, post},
    program::Server,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinSet,
    time::{Instant, timeout},
};

use super::{credentials, login, me};

/// What the server gives each body.
const LIMIT: Duration = Duration::from_secs(10);

/// Much longer than anything here takes, even on a machine that has much else to do.
const PATIENCE: Duration = Duration::from_secs(120);

/// Much more than the bodies take, and much less than bodies without a limit could.
const MEMORY: u64 = 96 * 1024 * 1024;

/// A request whose body was begun.
struct Stalled {
    path: &'static str,
    start: Instant,
    stream: TcpStream,
}

impl Stalled {
    /// Says that 16 000 bytes come, and sends 15 000.
    async fn begin(addr: SocketAddr, path: &'static str, content_type: &str) -> Self {
        let start = Instant::now();
        let mut stream = TcpStream::connect(addr).await.expect("connected");
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: {addr}\r\nContent-Type: {content_type}\r\n\
             Content-Length: 16000\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).await.expect("sent");
        stream.write_all(&[b'x'; 15_000]).await.expect("sent");
        Self {
            path,
            start,
            stream,
        }
    }

    /// Waits for a 408 and for the end of the connection, and gives the time that they took.
    async fn end(mut self) -> Duration {
        let mut answer = Vec::new();
        let end = self.stream.read_to_end(&mut answer).await;
        let after = self.start.elapsed();
        let answer = String::from_utf8(answer).expect("text");
        assert!(
            answer.starts_with("HTTP/1.1 408 ") && answer.contains("temporarily_unavailable"),
            "{}: {answer:?} after {after:?}, {end:?}",
            self.path
        );
        after
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stalled_bodies_end_by_themselves_and_stand_in_nobodys_way() {
    at("quickstart", 800).await;
}

/// The same routes without a router.
#[tokio::test]
async fn they_do_so_on_bare_hyper() {
    at("hyper", 20).await;
}

async fn at(example: &str, connections: usize) {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::start(example, folder.path(), &[("STORE", "memory")]);
    let addr = server.addr;
    let client = Client::new(addr);
    login(&client, "alice", "wonderland").await;
    let before = resident(&server);

    let mut stalled = JoinSet::new();
    for index in 0..connections {
        // The system drops connections that wait for the server to accept them, if they are too
        // many. A new one that is answered shows that none of those before waits.
        if index % 50 == 0 {
            Client::new(addr).send(get("/health")).await.is(200);
        }
        let (path, content_type) = match index % 2 {
            0 => ("/auth/token", "application/x-www-form-urlencoded"),
            _ => ("/auth/login", "application/json"),
        };
        let request = Stalled::begin(addr, path, content_type).await;
        stalled.spawn(async move {
            let ended = timeout(PATIENCE, request.end()).await;
            ended.unwrap_or_else(|_| panic!("{path}: the connection is still open"))
        });
    }

    // Others are served meanwhile.
    let honest = async {
        client.send(get("/health")).await.is(200);
        let call = post("/auth/login").json(credentials("alice", "wonderland"));
        let tokens = client.send(call).await.tokens();
        let form = format!("grant_type=refresh_token&refresh_token={}", tokens.refresh);
        let tokens = client.send(post("/auth/token").form(form)).await.tokens();
        me(&client, &tokens.access).await.is(200);
    };
    timeout(PATIENCE, honest).await.expect("others are served");
    if let (Some(before), Some(now)) = (before, resident(&server)) {
        let more = now.saturating_sub(before);
        assert!(more < MEMORY, "{more} bytes more than before");
    }

    while let Some(ended) = stalled.join_next().await {
        let after = ended.expect("it ends with an answer");
        assert!(after >= LIMIT, "it was given {after:?} only");
    }
    // The server is none the worse for it.
    login(&client, "alice", "wonderland").await;
    server.stop();
}

/// The bytes of memory that the server has, where the system tells it.
fn resident(server: &Server) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.id())).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    let kib: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib * 1024)
}
