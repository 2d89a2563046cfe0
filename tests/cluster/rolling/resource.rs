//! A server that knows of the keys only what HTTP tells it, and for as long as that may be kept.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use axum::Router;
use http::header::CACHE_CONTROL;
use tokio::{net::TcpListener, sync::RwLock, task::JoinHandle, time::sleep};
use tower_bearer::{Verifier, VerifyingKeys, endpoint::JwksEndpoint, error::TokenError};

use super::{MAX_AGE, node::verifier};

pub(super) struct ResourceServer {
    keys: Arc<RwLock<Fetched>>,
    tasks: [JoinHandle<()>; 2],
}

struct Fetched {
    verifier: Verifier,
    fresh_until: Instant,
}

impl ResourceServer {
    /// It reads these keys, which a server publishes.
    pub(super) async fn start(published: VerifyingKeys) -> Self {
        let endpoint = JwksEndpoint::new(published).max_age(MAX_AGE);
        let app = Router::new().route_service("/jwks.json", endpoint);
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let serving = tokio::spawn(async { axum::serve(listener, app).await.expect("it serves") });
        let url = format!("http://{address}/jwks.json");

        let keys = Arc::new(RwLock::new(fetch(&url).await));
        let shared = Arc::clone(&keys);
        let reading = tokio::spawn(async move {
            loop {
                let until = shared.read().await.fresh_until;
                sleep(until.saturating_duration_since(Instant::now())).await;
                *shared.write().await = fetch(&url).await;
            }
        });
        Self {
            keys,
            tasks: [serving, reading],
        }
    }

    /// Judges a token by the keys that were fetched. `None` if they must not be kept any longer.
    pub(super) async fn verify(&self, token: &str) -> Option<Result<(), TokenError>> {
        let fetched = self.keys.read().await;
        let verdict = fetched.verifier.verify(token).map(drop);
        (Instant::now() < fetched.fresh_until).then_some(verdict)
    }
}

impl Drop for ResourceServer {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

/// The keys, and until when they may be kept: for `max-age` from the request on.
async fn fetch(url: &str) -> Fetched {
    let asked = Instant::now();
    let answer = reqwest::get(url).await.expect("an answer");
    let cached = answer.headers()[CACHE_CONTROL].to_str().expect("text");
    let max_age = cached
        .split(", ")
        .find_map(|part| part.strip_prefix("max-age="));
    let max_age = max_age.and_then(|age| age.parse().ok()).expect("seconds");
    let keys = answer.text().await.expect("a key set");
    Fetched {
        verifier: verifier(VerifyingKeys::from_jwks(&keys).expect("keys")),
        fresh_until: asked + Duration::from_secs(max_age),
    }
}
