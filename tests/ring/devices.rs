//! Browsers whose sessions are bound, at a server that may have missed the secret of their refresh tokens.

use bytes::Bytes;
use http::{Request, Response, StatusCode, header::COOKIE};
use http_body_util::{BodyExt, Empty};
use serde_json::Value;
use tower::ServiceExt;
use tower_bearer::{
    Issuer, ReplyBody,
    cookie::{AccessCookie, CookieOptions, RefreshCookie},
    dbsc::{DeviceBinding, DeviceOptions, DeviceSecret, RefreshEndpoint, RegistrationEndpoint},
    session::{Grant, Sessions},
    store::MemoryStore,
};

use crate::support::{API, Database, EVERY, ISSUER, Node, SIGN_FOR, secs};

/// Chromium would refresh with every request below five minutes.
const LIFETIME: std::time::Duration = secs(300);

struct Server {
    node: Node,
    sessions: Sessions,
    binding: DeviceBinding,
}

impl Server {
    async fn start(database: &Database, store: &MemoryStore) -> Self {
        let node = Node::start_with(database, |ring| ring.access_lifetime(LIFETIME)).await;
        let issuer = Issuer::new(ISSUER, API, node.ring.keys()).unwrap();
        let sessions = Sessions::builder(issuer, node.ring.refresh_key(), store.clone())
            .access_lifetime(LIFETIME)
            .idle_lifetime(secs(300))
            .build()
            .unwrap();
        let access = AccessCookie::new(CookieOptions::new()).unwrap();
        let cookie = RefreshCookie::new(&sessions, CookieOptions::new()).unwrap();
        let cookie = cookie.with_access_cookie(&access);
        let secret = DeviceSecret::from_secret([1; 32]).unwrap();
        let options = DeviceOptions::new(secret).under("/auth");
        let binding = DeviceBinding::new(&sessions, &cookie, options).unwrap();
        Self {
            node,
            sessions,
            binding,
        }
    }

    async fn register(&self, request: Request<Empty<Bytes>>) -> Response<ReplyBody> {
        let endpoint = RegistrationEndpoint::new(self.sessions.clone(), &self.binding);
        endpoint.oneshot(request).await.unwrap()
    }

    async fn refresh(&self, request: Request<Empty<Bytes>>) -> Response<ReplyBody> {
        let endpoint = RefreshEndpoint::new(self.sessions.clone(), &self.binding);
        endpoint.oneshot(request).await.unwrap()
    }
}

fn post(token: &str) -> Request<Empty<Bytes>> {
    Request::post("/auth/device")
        .header("host", "id.example")
        .header("origin", ISSUER)
        .header("sec-fetch-site", "same-origin")
        .header(COOKIE, format!("__Host-refresh_token={token}"))
        .body(Empty::new())
        .unwrap()
}

async fn error(response: Response<ReplyBody>) -> String {
    let body = response.into_body().collect().await.unwrap().to_bytes();
    let body: Value = serde_json::from_slice(&body).unwrap();
    body["error"].as_str().unwrap().to_owned()
}

/// At any other answer the browser would forget its key for good.
#[tokio::test(start_paused = true)]
async fn a_browser_comes_again_to_a_server_that_may_have_missed_the_secret_of_its_token() {
    let database = Database::new();
    let store = MemoryStore::with_clock(database.clock.clone());
    let awake = Server::start(&database, &store).await;
    let asleep = Server::start(&database, &store).await;
    asleep.node.connection.cut(true);
    // The secret rolls over as access keys do, and a minute and a lease later once more.
    for _ in 0..SIGN_FOR.as_secs() * 3 / EVERY.as_secs() {
        database.pass(EVERY).await;
    }
    let tokens = awake.sessions.start(Grant::new("anna")).await.unwrap();
    let token = tokens.refresh_token.expose();
    for answer in [
        asleep.refresh(post(token)).await,
        asleep.register(post(token)).await,
    ] {
        assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
        // Strangers make such tokens up too, so it is no more than a second.
        assert_eq!(answer.headers()["retry-after"], "1");
        assert!(!answer.headers().contains_key("set-cookie"));
        assert_eq!(error(answer).await, "temporarily_unavailable");
    }
    // The answer to a login waits for no ring.
    let response = asleep.binding.response(&tokens).unwrap();
    assert_eq!(response.status(), StatusCode::OK);

    asleep.node.connection.cut(false);
    asleep.node.ring.read_now();
    database.pass(secs(0)).await;
    let answer = asleep.register(post(token)).await;
    assert_eq!(answer.status(), StatusCode::BAD_REQUEST);
    assert_eq!(error(answer).await, "invalid_request", "there is no proof");
    // This browser names no session, so no key of it is forgotten.
    let answer = asleep.refresh(post(token)).await;
    assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
}
