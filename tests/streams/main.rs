//! What lives longer than a request ends with the session, wherever that is ended. Two of the built
//! `streams` servers on one database.
#![cfg(all(feature = "axum", unix))]
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod clients;

use std::{net::SocketAddr, time::Duration};

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use http::{Request, header};
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper_util::{client::legacy::Client as Http, rt::TokioExecutor};
use serde_json::json;
use tests_shared::{
    client::{Client, post},
    program::Server,
};
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream,
    tungstenite::{ClientRequestBuilder, Message},
};

/// Within which everything that is expected happens.
const SOON: Duration = Duration::from_secs(120);

async fn soon<T>(future: impl Future<Output = T>) -> T {
    timeout(SOON, future).await.expect("in time")
}

/// Two servers on one database, as they would run on two machines.
struct Servers {
    _folder: tempfile::TempDir,
    here: Server,
    there: Server,
}

impl Servers {
    fn start(env: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut all = vec![("STORE", "sqlite:app.db")];
        all.extend(env);
        let start = || Server::start("streams", folder.path(), &all);
        Self {
            here: start(),
            there: start(),
            _folder: folder,
        }
    }

    async fn log_in(&self, username: &str, password: &str) -> String {
        let body = json!({ "username": username, "password": password }).to_string();
        let client = Client::new(self.there.addr);
        client
            .send(post("/auth/login").json(body))
            .await
            .tokens()
            .access
    }

    async fn log_out(&self, token: &str) {
        let client = Client::new(self.there.addr);
        client
            .send(post("/auth/logout").bearer(token))
            .await
            .is(204);
    }
}

/// A body whose first bytes have come.
async fn get(addr: SocketAddr, path: &str, token: &str) -> Incoming {
    let request = Request::get(format!("http://{addr}{path}"))
        .header(header::AUTHORIZATION, format!("Bearer {token}"))
        .body(Empty::<Bytes>::new())
        .expect("a request");
    let http = Http::builder(TokioExecutor::new()).build_http();
    let mut body = soon(http.request(request))
        .await
        .expect("an answer")
        .into_body();
    let first = soon(body.frame())
        .await
        .expect("a frame")
        .expect("some bytes");
    let first = first.into_data().expect("data");
    assert!(
        first.ends_with(b"line 0\n\n") || first.ends_with(b"line 0\n"),
        "{first:?}"
    );
    body
}

/// What else comes, and whether it comes to its end.
async fn rest(mut body: Incoming) -> (String, bool) {
    let mut text = String::new();
    soon(async {
        while let Some(frame) = body.frame().await {
            let Ok(frame) = frame else {
                return (text, false);
            };
            let data = frame.into_data().expect("data");
            text.push_str(str::from_utf8(&data).expect("UTF-8"));
        }
        (text, true)
    })
    .await
}

async fn socket(addr: SocketAddr, token: &str) -> WebSocketStream<MaybeTlsStream<TcpStream>> {
    let uri = format!("ws://{addr}/socket").parse().expect("a URL");
    let request =
        ClientRequestBuilder::new(uri).with_header("authorization", format!("Bearer {token}"));
    let connected = soon(tokio_tungstenite::connect_async(request)).await;
    let (mut socket, _) = connected.expect("it connects");
    echo(&mut socket).await;
    socket
}

async fn echo(socket: &mut WebSocketStream<MaybeTlsStream<TcpStream>>) {
    socket
        .send(Message::text("hello"))
        .await
        .expect("it is sent");
    let answer = soon(socket.next()).await.expect("a message");
    assert_eq!(answer.expect("a message"), Message::text("hello"));
}

/// All three that a token has opened end, each in its way.
async fn all_end(servers: &Servers, token: &str, reason: &str, end: impl AsyncFnOnce()) {
    let addr = servers.here.addr;
    let events = get(addr, "/events", token).await;
    let download = get(addr, "/download", token).await;
    let mut socket = socket(addr, token).await;
    end().await;

    let (text, is_whole) = rest(events).await;
    assert!(
        text.ends_with(&format!("event: over\ndata: {reason}\n\n")),
        "{text}"
    );
    assert!(is_whole);
    let (text, is_whole) = rest(download).await;
    assert!(!is_whole, "a part was taken for the whole: {text}");
    let Some(Ok(Message::Close(Some(close)))) = soon(socket.next()).await else {
        panic!("the socket is closed");
    };
    assert_eq!(
        (u16::from(close.code), close.reason.as_str()),
        (1008, reason)
    );
}

#[tokio::test]
async fn a_logout_at_another_server_ends_what_is_open_here() {
    let servers = Servers::start(&[]);
    let alice = servers.log_in("alice", "wonderland").await;
    let bob = servers.log_in("bob", "builder").await;
    let mut others = socket(servers.here.addr, &bob).await;
    all_end(&servers, &alice, "Ended", async || {
        servers.log_out(&alice).await
    })
    .await;
    // Nobody else is cut off.
    echo(&mut others).await;
    drop(others);
    servers.here.stop();
    servers.there.stop();
}

#[tokio::test]
async fn what_is_open_ends_when_the_access_token_expires() {
    let servers = Servers::start(&[("ACCESS_TTL", "15")]);
    let alice = servers.log_in("alice", "wonderland").await;
    all_end(&servers, &alice, "Expired", async || {}).await;
}
