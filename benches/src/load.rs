//! Load on a server on loopback: keep-alive connections, one request at a time on each.

use std::{
    io,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    runtime::Runtime,
    task::JoinSet,
};

/// Connections to one server, and what they send. Runs on the thread that asks for it.
pub struct Load {
    runtime: Runtime,
    connections: Vec<Connection>,
}

/// A client that knows that all answers are of one length, and does nothing else.
struct Connection {
    stream: TcpStream,
    requests: Arc<[String]>,
    next: usize,
    answer: Vec<u8>,
}

impl Load {
    /// So many connections, each with all these requests in turn. The first answers must be
    /// 200.
    ///
    /// # Errors
    ///
    /// Where the server cannot be reached or answers otherwise.
    pub fn connect(server: SocketAddr, count: usize, requests: &Arc<[String]>) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .build()?;
        let connections = (0..count).map(|index| {
            let next = index * requests.len() / count;
            runtime.block_on(Connection::open(server, Arc::clone(requests), next))
        });
        let connections = connections.collect::<io::Result<_>>()?;
        Ok(Self {
            runtime,
            connections,
        })
    }

    /// Has so many requests answered; how long that took.
    pub fn send(&mut self, times: u64) -> Duration {
        let connections = std::mem::take(&mut self.connections);
        let each = times.div_ceil(connections.len() as u64);
        let start = Instant::now();
        self.connections = self.runtime.block_on(async {
            let mut running = JoinSet::new();
            for mut connection in connections {
                running.spawn(async move {
                    for _ in 0..each {
                        connection.once().await.expect("an answer");
                    }
                    connection
                });
            }
            running.join_all().await
        });
        start.elapsed()
    }
}

impl Connection {
    async fn open(server: SocketAddr, requests: Arc<[String]>, next: usize) -> io::Result<Self> {
        let stream = TcpStream::connect(server).await?;
        stream.set_nodelay(true)?;
        let mut connection = Self {
            stream,
            requests,
            next,
            answer: vec![0; 1024],
        };
        connection.learn().await?;
        Ok(connection)
    }

    /// Sends the first request and learns how long an answer is: what comes within a moment of
    /// loopback is one segment.
    async fn learn(&mut self) -> io::Result<()> {
        self.stream
            .write_all(self.requests[self.next].as_bytes())
            .await?;
        let length = self.stream.read(&mut self.answer).await?;
        self.answer.truncate(length);
        if self.answer.starts_with(b"HTTP/1.1 200 ") {
            return Ok(());
        }
        let answer = String::from_utf8_lossy(&self.answer);
        Err(io::Error::other(answer.into_owned()))
    }

    async fn once(&mut self) -> io::Result<()> {
        self.next = (self.next + 1) % self.requests.len();
        self.stream
            .write_all(self.requests[self.next].as_bytes())
            .await?;
        self.stream.read_exact(&mut self.answer).await?;
        Ok(())
    }
}
