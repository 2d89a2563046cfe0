//! A server that publishes the keys of its tokens.

use std::{
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

use axum::Router;
use tokio::{net::TcpListener, runtime::Runtime};
use tower_bearer::{
    Algorithm, Issuer, KeySet, SigningKey,
    clock::{Clock, SystemClock},
    endpoint::JwksEndpoint,
    ring::{KeyEncryptionKey, KeyPurpose, KeyRing, KeyState, RingKeyStatus},
    store::MemoryStore,
};

use crate::{MAX_AGE, SLACK};

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

/// The server, whose keys roll over by themselves.
pub(crate) struct RingServer {
    pub(crate) source: Source,
    ring: KeyRing,
    runtime: Runtime,
}

/// All readers know this algorithm.
const ALGORITHM: Algorithm = Algorithm::ES256;

impl Server {
    pub(crate) fn start() -> Self {
        let first = fresh();
        let signing = Mutex::new(first.kid().to_owned());
        let keys = KeySet::new(first);
        let runtime = Runtime::new().expect("a runtime");
        let source = serve(&runtime, &keys);
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

impl RingServer {
    /// Keys sign and are published for so long, and their tokens live for so long at most.
    pub(crate) fn start(sign_for: Duration, publish_for: Duration, lifetime: Duration) -> Self {
        let runtime = Runtime::new().expect("a runtime");
        let secret = KeyEncryptionKey::from_secret([7; 32]).expect("32 bytes");
        let ring = KeyRing::builder(MemoryStore::new(), secret)
            .algorithm(ALGORITHM)
            .sign_for(sign_for)
            .publish_for(publish_for)
            .access_lifetime(lifetime)
            .lease(publish_for / 4);
        let ring = runtime.block_on(ring.open()).expect("a ring");
        Self {
            source: serve(&runtime, &ring.keys()),
            ring,
            runtime,
        }
    }

    /// The access key in this state. The next one is made shortly after the one before has begun to sign.
    pub(crate) fn key(&self, state: KeyState) -> RingKeyStatus {
        let is_it = |key: &RingKeyStatus| key.purpose == KeyPurpose::Access && key.state == state;
        let from = Instant::now();
        loop {
            let mut keys = self.ring.status().keys.into_iter();
            if let Some(key) = keys.find(is_it) {
                return key;
            }
            assert!(from.elapsed() < 2 * SLACK, "no key is {state:?}");
            thread::sleep(Duration::from_millis(50));
        }
    }

    pub(crate) fn retire(&self, kid: &str) {
        let retired = self.runtime.block_on(self.ring.retire(kid));
        assert!(retired.expect("it is written"), "it was there");
    }
}

/// Publishes the keys, and signs with them.
fn serve(runtime: &Runtime, keys: &KeySet) -> Source {
    let endpoint = JwksEndpoint::new(keys.verifying()).max_age(MAX_AGE);
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
    Source {
        jwks_url: format!("{issuer}/.well-known/jwks.json"),
        issuer,
        audience,
        token: Arc::new(token),
    }
}

pub(crate) fn fresh() -> SigningKey {
    SigningKey::generate(ALGORITHM).expect("a key")
}
