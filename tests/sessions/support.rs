use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
pub(crate) use tests_shared::tokens::admit;
use tower_bearer::{
    AccessToken, Algorithm, Claims, Issuer, KeySet, RefreshToken, Scope, SessionId, SigningKey,
    TokenResponse, VerifiedToken, Verifier,
    bearer::Admission,
    clock::{ManualClock, Timestamp},
    session::{
        Grant, Record, RefreshKey, RefreshRequest, Refreshed, Refusal, SessionError,
        SessionErrorKind, SessionEvent, SessionEventKind, Sessions, SessionsBuilder,
    },
    store::{MemoryStore, SessionStore, StoreErrorKind},
    testing::{FailingStore, Fault},
};

pub(crate) const ISSUER: &str = "https://id.example";
pub(crate) const AUDIENCE: &str = "https://api.example";
pub(crate) const SECRET: [u8; 32] = [7; 32];

pub(crate) fn issuer() -> Issuer {
    let key = SigningKey::from_secret(Algorithm::HS256, [5; 32]).unwrap();
    Issuer::new(ISSUER, AUDIENCE, KeySet::new(key)).unwrap()
}

pub(crate) fn clock() -> ManualClock {
    ManualClock::new(Timestamp::from_secs(2_000_000_000))
}

/// Sessions on a store, their clock and what they told.
pub(crate) struct World<St = MemoryStore> {
    pub(crate) sessions: Sessions<St>,
    pub(crate) clock: ManualClock,
    pub(crate) events: Arc<Mutex<Vec<SessionEvent>>>,
}

pub(crate) fn world() -> World {
    world_with(|builder| builder)
}

pub(crate) fn world_with(
    configure: impl FnOnce(SessionsBuilder<MemoryStore>) -> SessionsBuilder<MemoryStore>,
) -> World {
    let clock = clock();
    world_on(MemoryStore::with_clock(clock.clone()), clock, configure)
}

pub(crate) fn world_on<St: SessionStore>(
    store: St,
    clock: ManualClock,
    configure: impl FnOnce(SessionsBuilder<St>) -> SessionsBuilder<St>,
) -> World<St> {
    let events = Arc::new(Mutex::new(Vec::new()));
    let seen = events.clone();
    let builder = SessionsBuilder::new(issuer(), RefreshKey::from_secret(SECRET).unwrap(), store)
        .on_event(move |event| seen.lock().unwrap().push(event.clone()));
    World {
        sessions: configure(builder).build().unwrap(),
        clock,
        events,
    }
}

/// A store in a database that goes with the folder, and its clock.
pub(crate) async fn sqlite() -> (
    tempfile::TempDir,
    tower_bearer_sqlx::SqliteStore,
    ManualClock,
) {
    let (folder, clock) = (tempfile::tempdir().unwrap(), clock());
    let address = format!("sqlite:{}", folder.path().join("sessions.db").display());
    let store = tower_bearer_sqlx::SqliteStore::connect(&address).await;
    (folder, store.unwrap().with_clock(clock.clone()), clock)
}

impl<St: SessionStore> World<St> {
    pub(crate) async fn login(&self) -> TokenResponse {
        self.sessions
            .start(Grant::new("anna").scope(Scope::from_static("read write")))
            .await
            .unwrap()
    }

    /// How many sessions anna has.
    pub(crate) async fn listed(&self) -> usize {
        self.sessions.list("anna").await.unwrap().sessions.len()
    }

    pub(crate) async fn present(&self, token: &RefreshToken) -> Result<Refreshed, SessionError> {
        self.sessions
            .refresh(RefreshRequest::new(token.clone()))
            .await
    }

    #[track_caller]
    pub(crate) fn wait(&self, secs: u64) {
        self.clock.advance(Duration::from_secs(secs));
    }

    pub(crate) async fn row(&self, tokens: &TokenResponse) -> Option<Record> {
        self.sessions
            .store()
            .load(sid(tokens))
            .await
            .unwrap()
            .record
    }

    pub(crate) fn verified(&self, token: &AccessToken) -> VerifiedToken {
        self.verifier().verify(token.expose()).unwrap()
    }

    pub(crate) fn claims(&self, token: &AccessToken) -> Claims {
        self.verified(token).claims().clone()
    }

    /// Signs and verifies, in little time, tokens of the same issuer's name.
    pub(crate) fn another_issuer(&self) -> (Issuer, Verifier) {
        let key = SigningKey::from_secret(Algorithm::HS256, [3; 32]).unwrap();
        let keys = KeySet::new(key);
        let verifier = Verifier::new(ISSUER, AUDIENCE, keys.verifying()).unwrap();
        let verifier = verifier.clock(self.clock.clone()).without_cache();
        (Issuer::new(ISSUER, AUDIENCE, keys).unwrap(), verifier)
    }

    pub(crate) fn verifier(&self) -> Verifier {
        Verifier::new(ISSUER, AUDIENCE, self.sessions.issuer().keys().verifying())
            .unwrap()
            .clock(self.clock.clone())
    }

    pub(crate) fn kinds(&self) -> Vec<SessionEventKind> {
        self.events
            .lock()
            .unwrap()
            .iter()
            .map(|event| event.kind)
            .collect()
    }
}

/// What the guard says of a token, which may have expired a moment ago.
#[track_caller]
pub(crate) fn admits<St: SessionStore>(
    world: &World<St>,
    token: &AccessToken,
    expected: Admission,
) {
    let verifier = world.verifier().leeway(Duration::from_secs(60)).unwrap();
    let verified = verifier.verify(token.expose()).unwrap();
    assert_eq!(admit(&world.sessions, &verified), expected);
}

pub(crate) async fn rotate<St: SessionStore>(
    world: &World<St>,
    held: &TokenResponse,
) -> TokenResponse {
    world
        .present(&held.refresh_token)
        .await
        .expect("a rotation")
        .tokens
}

/// The number of a refresh token.
pub(crate) fn generation(tokens: &TokenResponse) -> u64 {
    refresh_payload(tokens)["gen"].as_u64().unwrap()
}

/// The payload of a token, as anyone who holds it can read it.
pub(crate) fn payload(token: &str) -> serde_json::Value {
    let segment = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(segment).unwrap()).unwrap()
}

pub(crate) fn refresh_payload(tokens: &TokenResponse) -> serde_json::Value {
    payload(tokens.refresh_token.expose())
}

pub(crate) fn access_payload(tokens: &TokenResponse) -> serde_json::Value {
    payload(tokens.access_token.expose())
}

pub(crate) fn sid(tokens: &TokenResponse) -> SessionId {
    refresh_payload(tokens)["sid"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap()
}

#[track_caller]
pub(crate) fn refused(result: Result<Refreshed, SessionError>, why: Refusal) {
    let error = result.expect_err("a refusal");
    assert_eq!(error.kind(), SessionErrorKind::InvalidGrant(why));
}

#[track_caller]
pub(crate) fn unavailable<T: std::fmt::Debug>(result: Result<T, SessionError>) {
    let error = result.expect_err("unavailable");
    assert_eq!(error.kind(), SessionErrorKind::Unavailable);
}

/// A memory store that fails on command.
pub(crate) type Failing = FailingStore<MemoryStore>;

pub(crate) fn failing(clock: &ManualClock) -> Failing {
    FailingStore::new(MemoryStore::with_clock(clock.clone()))
}

/// Every call fails.
pub(crate) fn down() -> Fault {
    Fault::error(StoreErrorKind::Unavailable)
}
