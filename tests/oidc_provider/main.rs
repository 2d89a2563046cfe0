//! The client against an authorization server that others wrote: panva's oidc-provider, with
//! rotation and reuse detection on.
//!
//! It needs `node` and the package in the folder that `TOWER_BEARER_OIDC_PROVIDER` names, or in
//! `target/oidc-provider`; `scripts/test` installs it there. Without them the tests say that they
//! are skipped; where `CI` is set they fail.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test that meets the unexpected fails"
)]

mod dpop;

use std::{
    env,
    future::Future,
    io::{self, BufRead, BufReader},
    path::{Path, PathBuf},
    pin::Pin,
    process::{Child, Command, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use tests_shared::skipped;
use tokio::task::JoinSet;
use tower::{Layer, Service, ServiceExt};
use tower_bearer_client::{
    ClientErrorKind, ClientSession, EndReason, MemoryTokenStore, NewTokens, RefreshLayer,
    TokenStore,
};

/// Of the client that the script registers.
const CLIENT: (&str, &str) = ("the app", "a+b:c%d&e=f/g h");

/// The provider as a process; it ends when its standard input does.
struct Provider {
    child: Child,
    url: String,
    refresh_token: String,
    /// For a public client whose tokens have to be bound to a key.
    code: String,
}

impl Provider {
    /// Nothing where it is not installed. With the mode `nonces`, each proof of a key needs one.
    fn start(mode: Option<&str>) -> Option<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let folder = env::var_os("TOWER_BEARER_OIDC_PROVIDER").map(PathBuf::from);
        let folder = folder.unwrap_or_else(|| root.join("target/oidc-provider"));
        let has_node = Command::new("node").arg("--version").output().is_ok();
        if !has_node || !folder.join("node_modules/oidc-provider").exists() {
            skipped(&format!(
                "there is no node, or no oidc-provider in {}",
                folder.display()
            ));
            return None;
        }
        let mut child = Command::new("node")
            .arg(root.join("tests/oidc_provider/server.mjs"))
            .arg(folder)
            .args(mode)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        stdout.read_line(&mut line).unwrap();
        let said: Vec<_> = line.split_whitespace().map(str::to_owned).collect();
        let [url, refresh_token, code] = <[String; 3]>::try_from(said).expect("where it listens");
        Some(Self {
            child,
            url,
            refresh_token,
            code,
        })
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An HTTP client that counts its requests and can lose an answer.
#[derive(Clone)]
struct Http {
    client: Client<HttpConnector, Full<Bytes>>,
    asked: Arc<AtomicUsize>,
    lose: Arc<AtomicUsize>,
}

impl Http {
    fn new() -> Self {
        Self {
            client: Client::builder(TokioExecutor::new()).build_http(),
            asked: Arc::default(),
            lose: Arc::default(),
        }
    }

    fn asked(&self) -> usize {
        self.asked.swap(0, Ordering::SeqCst)
    }
}

impl Service<Request<Full<Bytes>>> for Http {
    type Response = Response<Incoming>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Full<Bytes>>) -> Self::Future {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let lose = |lose: usize| lose.checked_sub(1);
        let is_lost = self
            .lose
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, lose);
        let answer = self.client.request(request);
        Box::pin(async move {
            // The server has done its part before the answer is lost.
            let answer = answer.await.map_err(io::Error::other)?;
            match is_lost {
                Ok(_) => Err(io::ErrorKind::ConnectionReset.into()),
                Err(_) => Ok(answer),
            }
        })
    }
}

/// A client that is signed in there, with what it takes to watch it.
struct World {
    provider: Provider,
    store: MemoryTokenStore,
    http: Http,
    ends: Arc<Mutex<Vec<EndReason>>>,
}

impl World {
    async fn new() -> Option<Self> {
        let world = Self {
            provider: Provider::start(None)?,
            store: MemoryTokenStore::new(),
            http: Http::new(),
            ends: Arc::default(),
        };
        let token = world.provider.refresh_token.as_str();
        let tokens = NewTokens::from_refresh_token(token);
        world.session().sign_in(tokens).await.unwrap();
        Some(world)
    }

    /// As a program that is started anew: what it knows is in the store.
    fn session(&self) -> ClientSession {
        let url = &self.provider.url;
        let ends = Arc::clone(&self.ends);
        ClientSession::builder(format!("{url}/token"), self.http.clone())
            .revocation_endpoint(format!("{url}/token/revocation"))
            .client_id(CLIENT.0)
            .client_secret(CLIENT.1)
            .store(self.store.clone())
            .on_end(move |reason| ends.lock().unwrap().push(reason))
            .build()
            .unwrap()
    }

    fn ends(&self) -> Vec<EndReason> {
        self.ends.lock().unwrap().clone()
    }

    /// The refresh token that would be presented next.
    async fn kept(&self) -> String {
        let tokens = self.store.load().await.unwrap().unwrap();
        let tokens = serde_json::to_value(tokens).unwrap();
        tokens["refresh_token"].as_str().unwrap().to_owned()
    }

    /// Whom the provider takes this client for.
    async fn me(&self, session: &ClientSession) -> String {
        let url = &self.provider.url;
        let client = RefreshLayer::new(session, url.parse().unwrap()).layer(Http::new());
        let request = Request::get(format!("{url}/me"))
            .body(Full::default())
            .unwrap();
        let answer = client.oneshot(request).await.unwrap();
        assert_eq!(answer.status(), 200);
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        String::from_utf8(body.to_vec()).unwrap()
    }
}

#[tokio::test]
async fn it_refreshes_and_rotates() {
    let Some(world) = World::new().await else {
        return;
    };
    let mut seen = vec![world.kept().await];
    for _ in 0..5 {
        let session = world.session();
        assert_eq!(world.me(&session).await, r#"{"sub":"alice"}"#);
        let token = session.access_token().await.unwrap();
        session.access_token_after(&token).await.unwrap();
        let scope = session.status().scope.unwrap();
        assert_eq!(scope.as_str(), "openid offline_access");
        let kept = world.kept().await;
        assert!(!seen.contains(&kept), "it was rotated");
        seen.push(kept);
    }
    assert!(world.ends().is_empty());
}

/// It answers an unknown token with a challenge of its own making.
#[tokio::test]
async fn its_401_is_understood() {
    let Some(world) = World::new().await else {
        return;
    };
    let session = world.session();
    let kept = NewTokens::from_refresh_token(world.provider.refresh_token.as_str());
    let kept = kept.with_access_token("unknown", std::time::Duration::from_secs(600));
    session.sign_in(kept).await.unwrap();
    assert_eq!(world.me(&session).await, r#"{"sub":"alice"}"#);
    assert_eq!(world.http.asked(), 1);
}

/// Two refreshes with one token would be the end here.
#[tokio::test]
async fn a_thousand_requests_cause_one_refresh() {
    let Some(world) = World::new().await else {
        return;
    };
    let session = world.session();
    let mut waiting = JoinSet::new();
    for _ in 0..1000 {
        let session = session.clone();
        waiting.spawn(async move { session.access_token().await.unwrap() });
    }
    waiting.join_all().await;
    assert_eq!(world.http.asked(), 1);
    assert_eq!(world.me(&session).await, r#"{"sub":"alice"}"#);
}

/// It takes the second use of a refresh token for a theft, also after a lost answer. That ends
/// the session, once and plainly.
#[tokio::test]
async fn a_lost_answer_ends_the_session_once() {
    let Some(world) = World::new().await else {
        return;
    };
    let session = world.session();
    world.http.lose.store(1, Ordering::SeqCst);
    let mut waiting = JoinSet::new();
    for _ in 0..100 {
        let session = session.clone();
        waiting.spawn(async move { session.access_token().await.unwrap_err() });
    }
    for error in waiting.join_all().await {
        assert_eq!(error.kind(), ClientErrorKind::Ended(EndReason::Refused));
    }
    assert_eq!(world.http.asked(), 2);
    assert_eq!(world.ends(), [EndReason::Refused]);
    assert!(world.store.load().await.unwrap().is_none());
}

#[tokio::test]
async fn a_logout_revokes() {
    let Some(world) = World::new().await else {
        return;
    };
    let session = world.session();
    session.access_token().await.unwrap();
    let kept = world.kept().await;
    session.logout().await.unwrap();
    assert!(world.ends().is_empty());
    session
        .sign_in(NewTokens::from_refresh_token(kept))
        .await
        .unwrap();
    let error = session.access_token().await.unwrap_err();
    assert_eq!(error.kind(), ClientErrorKind::Ended(EndReason::Refused));
}

/// A wrong secret is no end: it can be put right.
#[tokio::test]
async fn a_client_that_is_refused_keeps_its_session() {
    let Some(world) = World::new().await else {
        return;
    };
    let url = &world.provider.url;
    let builder = ClientSession::builder(format!("{url}/token"), world.http.clone());
    let builder = builder.client_id(CLIENT.0).client_secret("wrong");
    let session = builder.store(world.store.clone()).build().unwrap();
    let error = session.access_token().await.unwrap_err();
    assert_eq!(
        (error.kind(), error.code()),
        (ClientErrorKind::Refused, Some("invalid_client"))
    );
    world.session().access_token().await.unwrap();
}
