//! A proxy before a server, whose connections can be made to fail.

use std::{
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
    task::{JoinHandle, JoinSet},
    time::sleep,
};

/// What becomes of what is sent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Traffic {
    Flows,
    /// Answers come after so long.
    Slow(Duration),
    /// Nothing comes through, and nothing breaks.
    Stalled,
    /// The server hears the client, whose connection breaks before the answer.
    BreaksBeforeAnswers,
}

/// Stops with all of its connections when it is dropped.
pub struct Proxy {
    port: u16,
    server: watch::Sender<u16>,
    traffic: watch::Sender<Traffic>,
    task: JoinHandle<()>,
}

impl Proxy {
    /// A proxy before the server at this port of the loopback interface.
    pub async fn before(server: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
        let listener = listener.expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let (traffic, changes) = watch::channel(Traffic::Flows);
        let (server, place) = watch::channel(server);
        let task = tokio::spawn(accept(listener, place, changes));
        Self {
            port,
            server,
            traffic,
            task,
        }
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// Leads new connections to the server at another port.
    pub fn lead_to(&self, server: u16) {
        self.server.send_replace(server);
    }

    pub fn set(&self, traffic: Traffic) {
        self.traffic.send_replace(traffic);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(
    listener: TcpListener,
    server: watch::Receiver<u16>,
    traffic: watch::Receiver<Traffic>,
) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let (client, _) = accepted.expect("it accepts");
                let server = SocketAddr::from((Ipv4Addr::LOCALHOST, *server.borrow()));
                connections.spawn(connect(client, server, traffic.clone()));
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

/// Ends, and so closes both sides, when either does.
async fn connect(client: TcpStream, server: SocketAddr, traffic: watch::Receiver<Traffic>) {
    // A server that is not there looks like one that has just gone away.
    let Ok(server) = TcpStream::connect(server).await else {
        return;
    };
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    tokio::select! {
        () = ask(from_client, to_server, traffic.clone()) => {}
        () = answer(from_server, to_client, traffic) => {}
    }
}

async fn ask(
    mut client: OwnedReadHalf,
    mut server: OwnedWriteHalf,
    mut traffic: watch::Receiver<Traffic>,
) {
    let mut piece = vec![0; 16 * 1024];
    while let Some(length) = read(&mut client, &mut piece).await {
        until_it_flows(&mut traffic).await;
        if server.write_all(&piece[..length]).await.is_err() {
            return;
        }
    }
}

async fn answer(
    mut server: OwnedReadHalf,
    mut client: OwnedWriteHalf,
    mut traffic: watch::Receiver<Traffic>,
) {
    let mut piece = vec![0; 16 * 1024];
    while let Some(length) = read(&mut server, &mut piece).await {
        until_it_flows(&mut traffic).await;
        let now = *traffic.borrow();
        match now {
            Traffic::BreaksBeforeAnswers => return,
            Traffic::Slow(delay) => sleep(delay).await,
            Traffic::Flows | Traffic::Stalled => {}
        }
        if client.write_all(&piece[..length]).await.is_err() {
            return;
        }
    }
}

async fn read(from: &mut OwnedReadHalf, piece: &mut [u8]) -> Option<usize> {
    from.read(piece).await.ok().filter(|length| *length > 0)
}

async fn until_it_flows(traffic: &mut watch::Receiver<Traffic>) {
    // Without its sender the proxy is being dropped.
    let _ = traffic.wait_for(|now| *now != Traffic::Stalled).await;
}
