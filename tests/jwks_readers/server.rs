//! A server that publishes the keys of its tokens.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::Router;
use tokio::{net::TcpListener, runtime::Runtime};
use tower_bearer::{
    Algorithm, Issuer, KeySet, SigningKey,
    clock::{Clock, SystemClock},
    endpoint::JwksEndpoint,
};

/// What a reader needs: where the keys are, and tokens. Any server that has these can be read.
#[derive(Clone)]
pub(crate) struct Source {
    pub(crate) jwks_url: String,
    pub(crate) issuer: String,
    pub(crate) audience: String,
    /// A new token that lives for so long.
    pub(crate) token: Arc<dyn Fn(Duration) -> String + Send + Sync>,
}

/// The server, whose keys the test rolls over by hand.
pub(crate) struct Server {
    pub(crate) keys: KeySet,
    pub(crate) source: Source,
    signing: Mutex<String>,
    _runtime: Runtime,
}

impl Server {
    pub(crate) fn start(max_age: Duration) -> Self {
        let first = fresh();
        let signing = Mutex::new(first.kid().to_owned());
        let keys = KeySet::new(first);
        let runtime = Runtime::new().expect("a runtime");
        let endpoint = JwksEndpoint::new(keys.verifying()).max_age(max_age);
        let app = Router::new().route_service("/.well-known/jwks.json", endpoint);
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0"));
        let listener = listener.expect("a port");
        let issuer = format!("http://{}", listener.local_addr().expect("an address"));
        runtime.spawn(async { axum::serve(listener, app).await });

        let audience = "https://api.example".to_owned();
        let signs = Issuer::new(&issuer, &audience, keys.clone()).expect("an issuer");
        let token = move |lifetime| {
            let claims = signs.claims("anna", SystemClock.now(), lifetime);
            signs.sign(&claims).expect("a token").expose().to_owned()
        };
        let source = Source {
            jwks_url: format!("{issuer}/.well-known/jwks.json"),
            issuer,
            audience,
            token: Arc::new(token),
        };
        Self {
            keys,
            source,
            signing,
            _runtime: runtime,
        }
    }

    /// Signs with this key from now on. Gives the name of the one before.
    pub(crate) fn roll_over(&self, next: SigningKey) -> String {
        let kid = next.kid().to_owned();
        self.keys.roll_over(next).expect("a key of its own name");
        std::mem::replace(&mut self.signing.lock().expect("no panic"), kid)
    }
}

/// All readers know this algorithm.
pub(crate) fn fresh() -> SigningKey {
    SigningKey::generate(Algorithm::ES256).expect("a key")
}
