//! [`FakeIssuer`]: an authorization server that a test commands.

mod answer;
mod serve;

use std::{
    collections::HashMap,
    fmt,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex},
    time::Duration,
};

use http::{HeaderMap, request};
use serde_json::json;
use tokio::{net::TcpListener, task::JoinSet};

pub use answer::Answer;

use super::{TestIssuer, TestToken};
use crate::{
    clock::Clock,
    issuer::Issuer,
    jws::{Algorithm, KeySet, SigningKey},
};

/// An authorization server on a free port of loopback, which publishes its metadata and its keys, signs
/// tokens, and has each fault that a test asks for. It counts what it is asked, and stops when it is
/// dropped. It runs on the runtime of the test.
///
/// An application that fetches keys is configured with its [`url`](Self::url) in place of the real issuer's. As that is
/// plain HTTP, the application has to allow this for the test, as with
/// [`danger_allow_plain_http`](https://docs.rs/tower-bearer/latest/tower_bearer/remote/struct.RemoteKeysBuilder.html#method.danger_allow_plain_http).
///
/// ```
/// # #[cfg(feature = "http-client")]
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use tower_bearer::{
///     Verifier,
///     error::TokenError,
///     remote::{HttpClient, RemoteKeys},
///     testing::FakeIssuer,
/// };
///
/// let issuer = FakeIssuer::start("https://api.example").await;
/// let keys = RemoteKeys::discover(issuer.url(), HttpClient::new()?)
///     .danger_allow_plain_http()
///     .start()?;
/// let verifier = Verifier::new(issuer.url(), "https://api.example", keys)?;
///
/// let token = issuer.token("alice").sign();
/// assert_eq!(verifier.authenticate(token.expose()).await?.claims().sub, "alice");
///
/// // Who knows the keys goes on while the issuer is down.
/// issuer.go_down();
/// let token = issuer.token("bob").sign();
/// assert!(verifier.authenticate(token.expose()).await.is_ok());
/// # Ok(())
/// # }
/// # #[cfg(not(feature = "http-client"))]
/// # fn main() {}
/// ```
pub struct FakeIssuer {
    address: SocketAddr,
    issuer: TestIssuer,
    /// Of all keys. The last one signs.
    kids: Mutex<Vec<String>>,
    stage: Arc<Stage>,
    _tasks: JoinSet<()>,
}

/// What the server does.
#[derive(Default)]
struct Stage {
    answers: Mutex<HashMap<String, Answer>>,
    headers: Mutex<HeaderMap>,
    delay: Mutex<Duration>,
    is_down: Mutex<bool>,
    asked: Mutex<HashMap<String, usize>>,
    last: Mutex<Option<request::Parts>>,
}

impl FakeIssuer {
    /// Where the metadata is (OpenID Connect Discovery §4).
    pub const OPENID_METADATA: &str = "/.well-known/openid-configuration";

    /// Where the metadata is too (RFC 8414 §3).
    pub const OAUTH_METADATA: &str = "/.well-known/oauth-authorization-server";

    /// Where the keys are.
    pub const KEYS: &str = "/keys";

    /// A server whose metadata is right, and that publishes the key by which it signs tokens for this
    /// audience.
    ///
    /// # Panics
    ///
    /// If there is no free port, the audience is empty, or this is not called on a runtime with I/O.
    pub async fn start(audience: &str) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
        let listener = listener.expect("a free port of loopback");
        let address = listener.local_addr().expect("a port that is bound");
        let stage = Arc::new(Stage::default());
        let mut tasks = JoinSet::new();
        tasks.spawn(serve::serve(listener, Arc::clone(&stage)));
        let key = SigningKey::generate(Algorithm::ES256).expect("random bytes");
        let kids = Mutex::new(vec![key.kid().to_owned()]);
        let issuer = Issuer::new(format!("http://{address}"), audience, KeySet::new(key));
        let server = Self {
            address,
            issuer: TestIssuer::of(issuer.expect("an audience that is not empty")),
            kids,
            stage,
            _tasks: tasks,
        };
        for path in [Self::OPENID_METADATA, Self::OAUTH_METADATA] {
            server.answer(path, Answer::json(server.metadata()));
        }
        server.publish();
        server
    }

    /// Sets the clock that tokens are issued by. The default is the system's.
    #[must_use]
    pub fn clock(self, clock: impl Clock) -> Self {
        let issuer = self.issuer.clock(clock);
        Self { issuer, ..self }
    }

    /// Its name: the `iss` of its tokens, and where the metadata is found.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The address of its keys.
    pub fn jwks_uri(&self) -> String {
        format!("{}{}", self.url(), Self::KEYS)
    }

    /// Its metadata as JSON, as it publishes it unless it is told otherwise.
    pub fn metadata(&self) -> String {
        json!({ "issuer": self.url(), "jwks_uri": self.jwks_uri() }).to_string()
    }

    /// A token for this user, by the key that signs now.
    pub fn token(&self, subject: impl Into<String>) -> TestToken {
        self.issuer.token(subject)
    }

    /// Signs with a new key from now on, which is not published before [`publish`](Self::publish) is called:
    /// as if a cache still had the old document.
    ///
    /// # Panics
    ///
    /// If the operating system gives no random bytes.
    pub fn roll_over_unpublished(&self) {
        let key = SigningKey::generate(Algorithm::ES256).expect("random bytes");
        self.kids.lock().unwrap().push(key.kid().to_owned());
        let keys = self.issuer.issuer().keys();
        keys.roll_over(key).expect("a key with a name of its own");
    }

    /// Signs with a new key from now on, and publishes it beside the old ones.
    ///
    /// # Panics
    ///
    /// If the operating system gives no random bytes.
    pub fn roll_over(&self) {
        self.roll_over_unpublished();
        self.publish();
    }

    /// Publishes only the key that signs now.
    pub fn retire_old_keys(&self) {
        let mut kids = self.kids.lock().unwrap();
        let current = kids.len().saturating_sub(1);
        for old in kids.drain(..current) {
            self.issuer.issuer().keys().retire(&old);
        }
        drop(kids);
        self.publish();
    }

    /// Publishes its keys.
    pub fn publish(&self) {
        let keys = self.issuer.issuer().keys().verifying();
        self.answer(Self::KEYS, Answer::json(keys.jwks()));
    }

    /// What is answered at this path from now on. A path that nothing was said of is a 404.
    ///
    /// # Panics
    ///
    /// If the status is none of HTTP or below 200, or a header cannot have the address or the content type.
    #[track_caller]
    pub fn answer(&self, path: &str, answer: Answer) {
        answer.check();
        let mut answers = self.stage.answers.lock().unwrap();
        answers.insert(path.to_owned(), answer);
    }

    /// The headers of all answers from now on, such as `cache-control`. With an `etag`, requests that know it
    /// get a 304.
    pub fn headers(&self, headers: HeaderMap) {
        *self.stage.headers.lock().unwrap() = headers;
    }

    /// Closes each connection without an answer from now on.
    pub fn go_down(&self) {
        *self.stage.is_down.lock().unwrap() = true;
    }

    /// Answers again, after [`go_down`](Self::go_down).
    pub fn come_back(&self) {
        *self.stage.is_down.lock().unwrap() = false;
    }

    /// Waits for so long before each answer from now on, by tokio's time.
    pub fn delay(&self, by: Duration) {
        *self.stage.delay.lock().unwrap() = by;
    }

    /// How often this path was asked for.
    pub fn asked(&self, path: &str) -> usize {
        let asked = self.stage.asked.lock().unwrap();
        asked.get(path).copied().unwrap_or_default()
    }

    /// How many requests came in all.
    pub fn asked_in_all(&self) -> usize {
        self.stage.asked.lock().unwrap().values().sum()
    }

    /// The head of the last request, if there was one.
    pub fn last_request(&self) -> Option<request::Parts> {
        self.stage.last.lock().unwrap().clone()
    }
}

impl fmt::Debug for FakeIssuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FakeIssuer")
            .field("url", &self.url())
            .finish_non_exhaustive()
    }
}
