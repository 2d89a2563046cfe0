//! [`Refreshing`]: a client that refreshes all the time.

use std::{
    sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed},
    time::Duration,
};

use tower_bearer::{
    Algorithm, Issuer, KeySet, RefreshToken, Scope, SigningKey,
    clock::{Clock, SystemClock, Timestamp},
    session::{Grant, RefreshKey, RefreshOutcome, RefreshRequest, Sessions, SessionsBuilder},
    store::SessionStore,
};

use crate::crowd::Client;

/// Refreshes its session, one time after the other.
pub struct Refreshing<St> {
    sessions: Sessions<St>,
    token: RefreshToken,
}

/// Sessions without a window, so that each refresh rotates.
pub fn sessions<St: SessionStore>(store: St, algorithm: Algorithm) -> Sessions<St> {
    let keys = KeySet::new(SigningKey::generate(algorithm).expect("a key"));
    let issuer = Issuer::new("https://id.example", "https://api.example", keys);
    let refresh_key = RefreshKey::from_secret([7; 32]).expect("long enough");
    SessionsBuilder::new(issuer.expect("good names"), refresh_key, store)
        .reuse_window(Duration::ZERO)
        .build()
        .expect("good settings")
}

impl<St: SessionStore> Refreshing<St> {
    /// Logs a new user in.
    pub async fn new(sessions: Sessions<St>) -> Self {
        let token = log_in(&sessions).await;
        Self { sessions, token }
    }
}

/// The first refresh token of a new user's session of the client `web`.
pub async fn log_in<St: SessionStore>(sessions: &Sessions<St>) -> RefreshToken {
    static USERS: AtomicU64 = AtomicU64::new(1_000);
    let user = format!("user-{}", USERS.fetch_add(1, Relaxed));
    let grant = Grant::new(user)
        .scope(Scope::from_static("read write"))
        .client_id("web");
    let tokens = sessions.start(grant).await.expect("a session");
    tokens.refresh_token
}

impl<St: SessionStore> Client for Refreshing<St> {
    /// A rotation. One of the same millisecond as the last is none, and has cost what it costs.
    async fn once(&mut self) {
        loop {
            let request = RefreshRequest::new(self.token.clone()).client_id("web");
            let refreshed = self.sessions.refresh(request).await.expect("new tokens");
            self.token = refreshed.tokens.refresh_token;
            if refreshed.outcome == RefreshOutcome::Rotated {
                return;
            }
        }
    }
}

/// A clock that goes on by a millisecond each time somebody looks at it.
pub struct Ticking(AtomicI64);

impl Ticking {
    /// A clock that shows the machine's time now.
    #[expect(clippy::new_without_default, reason = "it reads the time")]
    pub fn new() -> Self {
        Self(AtomicI64::new(SystemClock.now().as_millis()))
    }
}

impl Clock for Ticking {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.fetch_add(1, Relaxed))
    }
}
